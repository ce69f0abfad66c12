# Read by the tests of scripts: each check prints what it expected and fails the test.
# shellcheck shell=bash
set -euo pipefail

failures=0
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

failed() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# expect_exit CODE PATTERN COMMAND...: the command ends with CODE, and its output (both streams) matches PATTERN.
expect_exit() {
  local code=$1 pattern=$2 output actual=0
  shift 2
  output=$("$@" 2>&1 </dev/null) || actual=$?
  [[ $actual == "$code" ]] || failed "'$*' ended with $actual, not $code: $output"
  grep -qE -- "$pattern" <<<"$output" || failed "'$*' did not say '$pattern': $output"
}

# expect_equal WHAT EXPECTED ACTUAL
expect_equal() { [[ $2 == "$3" ]] || failed "$1: expected '$2', got '$3'"; }

finish() { ((failures == 0)) || exit 1; }
