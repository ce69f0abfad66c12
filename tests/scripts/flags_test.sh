#!/usr/bin/env bash
# Every script explains itself, and refuses flags it does not know with exit code 2 before it does anything.
# shellcheck source=tests/scripts/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

for script in scripts/*; do
  expect_exit 0 '^usage: ' "$script" --help
  expect_exit 2 'no-such-flag' "$script" --no-such-flag
done

expect_exit 2 'which command' scripts/cluster --dir "$scratch/c"
expect_exit 2 'not .walk.' scripts/cluster walk --dir "$scratch/c"
expect_exit 2 '--dir is required' scripts/cluster start
expect_exit 2 '--dir needs a value' scripts/cluster start --dir
expect_exit 2 'number from 1 to 16, not .17.' scripts/cluster start --dir "$scratch/c" --shards 17
expect_exit 2 'number from 0 to 8, not .x.' scripts/cluster start --dir "$scratch/c" --replicas x
expect_exit 2 'number from 1024 to 65000, not .05432.' scripts/cluster start --dir "$scratch/c" --base-port 05432
expect_exit 2 '--fsync takes one of: on off' scripts/cluster start --dir "$scratch/c" --fsync perhaps
expect_exit 2 '--map takes one of: hash genre none' scripts/cluster start --dir "$scratch/c" --map range
expect_exit 2 '--collate takes a locale name' scripts/cluster start --dir "$scratch/c" --collate "C'"
expect_exit 2 '--setting takes name=value' scripts/cluster start --dir "$scratch/c" --setting work_mem
expect_exit 2 'kill needs the name of a server' scripts/cluster kill --dir "$scratch/c"
expect_exit 2 "unexpected 'alpha'" scripts/cluster stop --dir "$scratch/c" alpha
expect_exit 1 'there is no cluster in' scripts/cluster status --dir "$scratch/c"
expect_exit 0 'nothing to destroy' scripts/cluster destroy --dir "$scratch/c"
[[ ! -e $scratch/c ]] || failed 'a refused command left files behind'

expect_exit 2 '--map takes one of: hash genre' scripts/demo --map none --dir "$scratch/d"
expect_exit 2 '--port takes a number' scripts/demo --port http --dir "$scratch/d"
expect_exit 2 'two ports' scripts/demo --port 8080 --admin-port 8080 --dir "$scratch/d"
expect_exit 0 'no demo runs' scripts/demo --stop --dir "$scratch/d"
[[ ! -e $scratch/d ]] || failed 'a refused demo left files behind'

expect_exit 2 "unknown figure 'insert'; there are point_reads .* plan_cpu .* rebalance" scripts/bench insert --dir "$scratch/b"
expect_exit 2 "unknown option '--no-bild'; there are .* --no-build" scripts/bench --no-bild --dir "$scratch/b"
expect_exit 2 "--seconds takes a number from 30 to 3600, not '5'" scripts/bench --seconds 5 --dir "$scratch/b"
expect_exit 2 "--movies takes a number from 1000 to 99999999, not '1e6'" scripts/bench --movies 1e6 --dir "$scratch/b"
expect_exit 2 "--shards takes a number from 1 to 8, not '9'" scripts/bench --shards 9 --dir "$scratch/b"
expect_exit 2 '--json needs a value' scripts/bench --json --quick --dir "$scratch/b"
expect_exit 2 '--json takes a file in a folder that can be written to' scripts/bench --json "$scratch/none/f" --dir "$scratch/b"
expect_exit 0 'no benchmark has run' scripts/bench --stop --dir "$scratch/b"
[[ ! -e $scratch/b ]] || failed 'a refused benchmark left files behind'
mkdir "$scratch/b"
exec 9>"$scratch/b/.lock"
flock 9
echo $$ >&9
expect_exit 1 "at work in .*/b .process $$.; stop that one first" scripts/bench --stop --dir "$scratch/b"
exec 9>&-
expect_exit 0 'no benchmark has run' scripts/bench --stop --dir "$scratch/b"

expect_exit 2 "unknown argument 'now'" scripts/chaos now
expect_exit 2 "--seed takes a number, not '1e6'" scripts/chaos --seed 1e6
expect_exit 2 '--only needs a value' scripts/chaos --only --list
expect_exit 2 '--json takes a file in a folder that can be written to' scripts/chaos --json "$scratch/none/f"

expect_exit 2 "unknown argument 'now'" scripts/oracle now
expect_exit 2 "--seed takes a number from 0 to 999999999999, not '1e6'" scripts/oracle --seed 1e6
expect_exit 2 "--requests takes a number from 1 to 1000000000, not '0'" scripts/oracle --requests 0
expect_exit 2 "--per-schema takes a number from 1 to 1000000000, not '-1'" scripts/oracle --per-schema -1
expect_exit 2 "--shards takes a number from 2 to 8, not '9'" scripts/oracle --shards 9
expect_exit 2 "--findings takes a number from 1 to 1000, not '0'" scripts/oracle --findings 0
expect_exit 2 "--shrink takes a number from 0 to 86400, not '1m'" scripts/oracle --shrink 1m
expect_exit 2 '--cases needs a value' scripts/oracle --cases --reads
expect_exit 2 "--replay takes a folder with a case, and '$scratch' has no case.json" scripts/oracle --replay "$scratch"
expect_exit 2 '--json takes a file in a folder that can be written to' scripts/oracle --json "$scratch/none/f"
mkdir "$scratch/case"
touch "$scratch/case/case.json"
expect_exit 2 'goes with no other option' scripts/oracle --replay "$scratch/case" --seed 1
expect_exit 2 'goes with no other option' scripts/oracle --requests 5 --replay "$scratch/case"

expect_exit 2 "unknown target 'everything'; there are accept .* shard_map" scripts/fuzz everything
expect_exit 2 "--seconds takes a number from 1 to 1000000, not '1m'" scripts/fuzz --seconds 1m
expect_exit 2 '--seconds needs a value' scripts/fuzz --seconds
expect_exit 2 "--jobs takes a number from 1 to 64, not '65'" scripts/fuzz --jobs 65
expect_exit 2 "--jobs takes a number from 1 to 64, not 'all'" scripts/fuzz --jobs all
expect_exit 2 '--jobs needs a value' scripts/fuzz --jobs
expect_exit 0 '^node_tree$' scripts/fuzz --list

expect_exit 2 "no preset 'fast'" scripts/test --preset fast
expect_exit 2 'whole number' scripts/make-movies --count many
expect_exit 2 'no films to rate' scripts/make-movies --count 0 --ratings 1
finish
