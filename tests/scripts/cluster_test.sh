#!/usr/bin/env bash
# A cluster starts, recovers from kill -9, replaces a replica that cannot follow, and leaves nothing behind.
# shellcheck source=tests/scripts/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# Folders that PostgreSQL's user can enter, which mktemp's are not.
chmod 755 "$scratch"
dir=$scratch/cluster
other=$scratch/other
clean_up() {
  scripts/cluster destroy --dir "$dir" >/dev/null
  scripts/cluster destroy --dir "$other" >/dev/null
  rm -rf -- "$scratch"
}
trap clean_up EXIT

states() { scripts/cluster status --dir "$1" --json | jq -c 'map([.name, .role, .state])'; }
sql() {
  local port; port=$(awk -F'\t' -v name="$1" '$1 == name { print $4 }' "$dir/servers.tsv")
  psql -XqAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U shardplex -d movies -c "$2"
}
# eventually EXPECTED COMMAND...: within 20 s.
eventually() {
  local expected=$1 end=$((SECONDS + 20)) actual
  shift
  while actual=$("$@" 2>&1 || true); [[ $actual != "$expected" ]]; do
    ((SECONDS < end)) || { failed "'$*': expected '$expected', got '$actual'"; return; }
    sleep 0.1
  done
}
start() { scripts/cluster start --dir "$dir" >/dev/null; }

# Two at once choose different ports.
scripts/cluster start --dir "$other" --shards 1 --replicas 0 --map genre --fsync off >/dev/null & other_start=$!
scripts/cluster start --dir "$dir" --shards 2 --fsync off --setting work_mem=5MB >/dev/null
wait "$other_start"
all_up='[["alpha","primary","up"],["beta","primary","up"],["alpha-1","replica","up"],["beta-1","replica","up"]]'
expect_equal 'servers' "$all_up" "$(states "$dir")"
expect_equal 'ports' '' "$(cat "$dir/servers.tsv" "$other/servers.tsv" | cut -f4 | grep -v port | sort | uniq -d)"
grep -q 'placement: { alpha: \[0-511\], beta: \[512-1023\] }' "$dir/map.yaml" || failed 'the map by hash does not divide the slots'
grep -q 'otherwise: \[936-1023\]' "$other/map.yaml" || failed 'the map by genre has no otherwise'

expect_equal 'settings' 'logical|100|5MB|C.UTF-8|UTF8|shardplex' "$(sql alpha "SELECT concat_ws('|',
  current_setting('wal_level'), current_setting('max_prepared_transactions'), current_setting('work_mem'), datcollate,
  pg_encoding_to_char(encoding), datdba::regrole) FROM pg_database WHERE datname = 'movies'")"
expect_equal 'only local' '127.0.0.1/' "$(sql alpha "SELECT concat_ws('/', current_setting('listen_addresses'),
  current_setting('unix_socket_directories'))")"
sql alpha 'CREATE TABLE kept AS SELECT 1 AS value'
eventually 1 sql alpha-1 'SELECT value FROM kept'

expect_exit 1 'made with --shards 2, not 3' scripts/cluster start --dir "$dir" --shards 3
expect_exit 1 "no server 'gamma'" scripts/cluster kill --dir "$dir" gamma

# A crash of a primary and of a replica.
scripts/cluster kill --dir "$dir" alpha
scripts/cluster kill --dir "$dir" beta-1
expect_equal 'after kill' '[["alpha","primary","down"],["beta","primary","up"],["alpha-1","replica","up"],["beta-1","replica","down"]]' \
  "$(states "$dir")"
before=$(scripts/cluster status --dir "$dir" --json | jq '.[] | select(.name == "beta").pid')
start
expect_equal 'after start' "$all_up" "$(states "$dir")"
expect_equal 'what ran is kept' "$before" "$(scripts/cluster status --dir "$dir" --json | jq '.[] | select(.name == "beta").pid')"
expect_equal 'data' 1 "$(sql alpha 'SELECT value FROM kept')"

# A postmaster.pid that names another process, as after a restart of the machine.
scripts/cluster kill --dir "$dir" alpha
sed -i "1s/.*/$$/" "$dir/alpha/data/postmaster.pid"
scripts/cluster start-server --dir "$dir" alpha
expect_equal 'data after a stale postmaster.pid' 1 "$(sql alpha 'SELECT value FROM kept')"

# A replica whose slot and WAL are gone is made anew.
scripts/cluster stop-server --dir "$dir" alpha-1 -m immediate
sql alpha "SELECT pg_drop_replication_slot('alpha_1')" >/dev/null
for _ in 1 2 3; do sql alpha 'INSERT INTO kept VALUES (2)'; sql alpha 'SELECT pg_switch_wal()' >/dev/null; sql alpha CHECKPOINT; done
expect_exit 0 'alpha-1 cannot follow its primary; making it anew' scripts/cluster start --dir "$dir"
eventually 4 sql alpha-1 'SELECT count(*) FROM kept'

# A failover. A promoted replica keeps its data.
expect_exit 1 'alpha was not promoted' scripts/cluster promote --dir "$dir" alpha
expect_exit 2 'promote needs the name of a server' scripts/cluster promote --dir "$dir"
scripts/cluster promote --dir "$dir" beta-1
expect_equal 'a promoted replica' f "$(sql beta-1 'SELECT pg_is_in_recovery()')"
sql beta-1 'CREATE TABLE only_here AS SELECT 3 AS value'
expect_exit 0 'beta-1 was promoted; it is left as it is' scripts/cluster start --dir "$dir"
expect_equal 'data of a promoted replica' 3 "$(sql beta-1 'SELECT value FROM only_here')"

# A shard more, which all commands know from then on. The map stays as it is, also where it was changed.
echo '# kept' >>"$dir/map.yaml"
map=$(cat "$dir/map.yaml")
added=$(scripts/cluster add-shard --dir "$dir" --replicas 2)
conninfo() { echo "host=127.0.0.1 port=$(awk -F'\t' -v name="$2" '$1 == name { print $4 }' "$1/servers.tsv") dbname=movies user=shardplex"; }
expect_equal 'the added shard' \
  "--add-shard gamma='$(conninfo "$dir" gamma)' --replica gamma='$(conninfo "$dir" gamma-1)' --replica gamma='$(conninfo "$dir" gamma-2)'" "$added"
with_gamma='[["alpha","primary","up"],["beta","primary","up"],["alpha-1","replica","up"],["beta-1","replica","up"],'
with_gamma+='["gamma","primary","up"],["gamma-1","replica","up"],["gamma-2","replica","up"]]'
expect_equal 'servers with the added shard' "$with_gamma" "$(states "$dir")"
expect_equal 'settings of the added shard' '5MB|C.UTF-8' \
  "$(sql gamma "SELECT concat_ws('|', current_setting('work_mem'), datcollate) FROM pg_database WHERE datname = 'movies'")"
sql gamma 'CREATE TABLE kept AS SELECT 4 AS value'
eventually 4 sql gamma-2 'SELECT value FROM kept'
scripts/cluster kill --dir "$dir" gamma-1
start
expect_equal 'the added shard after start' "$with_gamma" "$(states "$dir")"
expect_equal 'the map' "$map" "$(cat "$dir/map.yaml")"
added=$(scripts/cluster add-shard --dir "$other")
expect_equal 'as many replicas as the others' "--add-shard beta='$(conninfo "$other" beta)'" "$added"
expect_equal 'an added shard without replicas' '[["alpha","primary","up"],["beta","primary","up"]]' "$(states "$other")"
mkdir "$scratch/full"
cp "$other/options" "$scratch/full"
printf 'name\trole\tshard\tport\n' >"$scratch/full/servers.tsv"
for name in {1..16}; do printf '%s\tprimary\t%s\t1\n' "$name" "$name" >>"$scratch/full/servers.tsv"; done
expect_exit 1 'has 16 shards, which is all there can be' scripts/cluster add-shard --dir "$scratch/full"
expect_exit 1 'there is no cluster in' scripts/cluster add-shard --dir "$scratch/nothing"

# The end of a failover: the old primary follows the new one, also after a start of all servers. And a shard that goes.
scripts/cluster kill --dir "$dir" beta
scripts/cluster rejoin --dir "$dir" beta
eventually 3 sql beta 'SELECT value FROM only_here'
expect_exit 1 'no server of alpha but alpha is a primary' scripts/cluster rejoin --dir "$dir" alpha
scripts/cluster remove-shard --dir "$dir" gamma
start
expect_equal 'after a failover' \
  '[["alpha","primary","up"],["beta","replica","up"],["alpha-1","replica","up"],["beta-1","primary","up"]]' "$(states "$dir")"
sql beta-1 'INSERT INTO only_here VALUES (5)'
eventually 2 sql beta 'SELECT count(*) FROM only_here'
[[ ! -e $dir/gamma && ! -e $dir/gamma-2 ]] || failed 'remove-shard left data behind'
expect_exit 1 "no shard 'gamma'" scripts/cluster remove-shard --dir "$dir" gamma

scripts/cluster stop --dir "$dir"
expect_equal 'after stop' '["down"]' "$(scripts/cluster status --dir "$dir" --json | jq -c 'map(.state) | unique')"
scripts/cluster destroy --dir "$dir"
[[ ! -e $dir ]] || failed "destroy left $dir behind"
finish
