#!/usr/bin/env bash
# Public clients of PostgREST, as their registries have them, against a router over three shards. Each client's cases are in a
# folder of its own; what they expect is what PostgREST answers over one database.
# usage: clients_test.sh SHARDPLEX SHARDPLEXD FOLDER [CLIENT...]: FOLDER is where the clients are installed, and stays. Without names
# all but `browser` are run, a client in a page of Chromium.
# shellcheck source=tests/scripts/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/expect.sh"

readonly INSTALL_SECONDS=240 READY_SECONDS=60
shardplex=$1
shardplexd=$2
installed=$3
shift 3
clients=("$@")
((${#clients[@]})) || clients=(postgrest_js postgrest_js_of_node_20 ra_data_postgrest postgrest_py)
sources=$(realpath "$(dirname "${BASH_SOURCE[0]}")")

# Folders that PostgreSQL's user can enter, which mktemp's are not.
chmod 755 "$scratch"
cluster=$scratch/cluster
router=''
clean_up() {
  if [[ -n $router ]] && kill -TERM "$router" 2>/dev/null; then wait "$router" || true; fi
  [[ ! -e $cluster/servers.tsv ]] || scripts/cluster destroy --dir "$cluster" >/dev/null
  rm -rf -- "$scratch"
}
trap clean_up EXIT
give_up() { echo "FAILED: $*" >&2; exit 1; }

# --- The clients -------------------------------------------------------------------------------------------------------

# install WHAT TOOL MARK PINS COMMAND...: where what these PINS name is not there yet, which a file called MARK tells in the end.
install() {
  local what=$1 tool=$2 mark=$installed/$3 pins=$4 log=$installed/install.log
  shift 4
  [[ $(cat "$mark" 2>/dev/null) != "$pins" ]] || return 0
  command -v "$tool" >/dev/null || give_up "$tool is not here, and $what cannot be installed without it (scripts/setup)"
  rm -f -- "$mark"
  echo "installing $what"
  timeout "$INSTALL_SECONDS" "$@" >"$log" 2>&1 </dev/null || {
    tail -n 20 "$log" >&2
    give_up "$what could not be installed: this needs the registry that $tool goes to, or an earlier installation in $installed"
  }
  echo "$pins" >"$mark"
}

install_clients() {
  mkdir -p -- "$installed"
  exec 8>"$installed/lock"
  flock 8
  cp -- "$sources"/package.json "$sources"/package-lock.json "$installed"
  install 'the clients of npm' npm npm.mark "$(cat "$sources/package.json" "$sources/package-lock.json")" \
    npm ci --prefix "$installed" --ignore-scripts --no-audit --no-fund --prefer-offline
  # A virtual environment is of one Python, which may have gone.
  "$installed/python/bin/python" -c 'import postgrest' 2>/dev/null || rm -rf -- "$installed/python" "$installed/python.mark"
  # shellcheck disable=SC2016  # $0 is the inner shell's
  install 'the client of PyPI' python3 python.mark "$(cat "$sources/requirements.txt")" \
    bash -c 'python3 -m venv --clear "$0/python" && "$0/python/bin/pip" install --disable-pip-version-check --no-deps -r "$1"' \
    "$installed" "$sources/requirements.txt"
  exec 8>&-
}

# --- The cluster -------------------------------------------------------------------------------------------------------

sql() {
  local port
  while IFS=$'\t' read -r _ _ _ port; do
    psql -XqAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U shardplex -d movies -c "$1" </dev/null
  done < <(tail -n +2 "$cluster/servers.tsv")
}

start_cluster() {
  local name port table
  scripts/cluster start --dir "$cluster" --shards 3 --replicas 0 --map none --fsync off >/dev/null
  {
    echo 'version: 1'
    echo 'cluster: films'
    echo 'shards:'
    while IFS=$'\t' read -r name _ _ port; do
      echo "  $name: { primary: host=127.0.0.1 port=$port dbname=movies user=shardplex }"
    done < <(tail -n +2 "$cluster/servers.tsv")
    cat "$sources/map.yaml"
  } >"$scratch/map.yaml"
  "$shardplex" cluster init --map "$scratch/map.yaml" --schema "$sources/schema.sql" >"$scratch/init.log" 2>&1 ||
    { cat "$scratch/init.log" >&2; give_up 'the cluster could not be made'; }
  sql "$(cat "$sources/views.sql")"
  for table in genres people films posters reviews roles; do
    "$shardplex" load --map "$scratch/map.yaml" --table "$table" "$sources/data/$table.ndjson" >"$scratch/load.log" 2>&1 ||
      { cat "$scratch/load.log" >&2; give_up "$table could not be loaded"; }
  done
  sql 'ANALYZE'
}

# Sets `url`.
start_router() {
  local ports='' end=$((SECONDS + READY_SECONDS))
  : >"$scratch/router.log" # which the router's process opens in its own time
  "$shardplexd" --map "$scratch/map.yaml" --port 0 --admin-port 0 >>"$scratch/router.log" 2>&1 </dev/null &
  router=$!
  until [[ -n $ports ]] && curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:${ports#* }/ready?strict"; do
    kill -0 "$router" 2>/dev/null || { cat "$scratch/router.log" >&2; give_up 'shardplexd has ended'; }
    ((SECONDS < end)) || { cat "$scratch/router.log" >&2; give_up "shardplexd is not ready after $READY_SECONDS s"; }
    ports=$(sed -nE 's/.*"port":([0-9]+),.*"admin_port":([0-9]+).*/\1 \2/p' "$scratch/router.log")
    sleep 0.1
  done
  url=http://127.0.0.1:${ports% *}
}

# --- The cases ---------------------------------------------------------------------------------------------------------

# The files of a client may run at once: one of them writes. Node looks for packages beside the file that asks for them.
node_cases() {
  rm -rf -- "${installed:?}/$1"
  cp -r -- "$sources/cases.mjs" "$sources/$1" "$installed"
  (cd "$installed" && SHARDPLEX_URL=$url node --test --test-reporter=spec "$1"/*_test.mjs)
}
python_cases() { SHARDPLEX_URL=$url "$installed/python/bin/python" -B -m unittest discover -s "$sources/$1"; }

# The newer one is made for Node 20 and later, and Debian 12 has 18.
node_of_20_cases() {
  local version
  version=$(node -p 'process.versions.node')
  if ((${version%%.*} < 20)); then echo "left out: Node 20 is needed, and this is $version"; return; fi
  POSTGREST_JS=postgrest-js-of-node-20 node_cases postgrest_js
}

# Any Node serves the newer one's file to a browser.
browser_cases() {
  SHARDPLEX_URL=$url SHARDPLEXD=$shardplexd SHARDPLEX_MAP=$scratch/map.yaml \
    POSTGREST_JS=$installed/node_modules/postgrest-js-of-node-20/dist/index.mjs \
    node --test --test-reporter=spec "$sources/browser/browser_test.mjs"
}

cases_of() {
  case $1 in
    postgrest_js | ra_data_postgrest) node_cases "$1" ;;
    postgrest_js_of_node_20) node_of_20_cases ;;
    browser) browser_cases ;;
    postgrest_py) python_cases postgrest_py ;;
    *) echo "there is no client '$1'"; return 1 ;;
  esac
}

run_client() {
  local began=$SECONDS log=$scratch/$1.log
  sql 'TRUNCATE tasks, steps'
  # Without what has passed, which Node lists too.
  cases_of "$1" >"$log" 2>&1 || { grep -vE '^ *✔ ' "$log" >&2; failed "$1: see above"; }
  grep -E '^left out|^(# |ℹ )(pass|fail) |^Ran [1-9]' "$log" | sed "s/^/$1: /" || failed "$1 ran no case"
  echo "$1 took $((SECONDS - began)) s"
}

install_clients
start_cluster
start_router
echo "installed and started in $SECONDS s"
for client in "${clients[@]}"; do run_client "$client"; done
kill -TERM "$router"
wait "$router" || { cat "$scratch/router.log" >&2; failed "shardplexd has ended with $?"; }
router=''
finish
