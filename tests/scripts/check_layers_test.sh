#!/usr/bin/env bash
# check-layers passes what is allowed and finds each kind of violation.
# shellcheck source=tests/scripts/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# plant FILE LINE...: a source tree that holds nothing but this file.
plant() {
  rm -rf "${scratch:?}/tree"
  mkdir -p "$scratch"/tree/{shard_map,query,postgres,router,operations,cli} "$(dirname "$scratch/tree/$1")"
  local file=$scratch/tree/$1
  shift
  printf '%s\n' "$@" >"$file"
}

allowed() { plant "$@"; expect_exit 0 '^$' scripts/check-layers --root "$scratch/tree"; }
forbidden() { plant "$@"; expect_exit 1 "^$1:" scripts/check-layers --root "$scratch/tree"; }

allowed query/plan/plan.cpp '#include "query/plan/plan.hpp"' '#include "shard_map/ids.hpp"' '#include <vector>' '// #include <mutex>'
allowed query/plan/plan.cpp '#include "query/error.hpp"' '#include "query/engine/sort_key.hpp"'
allowed shard_map/yaml_map.cpp '#include <fstream>' '#include <yaml-cpp/yaml.h>'
allowed router/server.cpp '#include <boost/asio/io_context.hpp>' '#include "postgres/pool.hpp"' '#include "router/http/listener.hpp"' '#include <thread>'
allowed router/services/movies/read.cpp '#include "router/http/exchange.hpp"' '#include "router/execution/worker.hpp"' '#include "query/plan/plan.hpp"'
allowed operations/load/pipeline.cpp '#include <pqxx/pqxx>' '#include "operations/shard/server.hpp"' '#include <fstream>'
allowed operations/audit/doctor.cpp '#include "operations/move/journal.hpp"' '#include "operations/load/commit.hpp"'
allowed server_address/server_address.cpp '#include <libpq-fe.h>'
allowed operations/shard/server.cpp '#include "server_address/server_address.hpp"'
allowed router/execution/worker.hpp '#include <boost/asio/post.hpp>'
allowed cli/load.cpp '#include "operations/load/pipeline.hpp"'
allowed query/CMakeLists.txt 'target_link_libraries(shardplex_query PUBLIC shardplex_shard_map)  # not shardplex_asio'

forbidden shard_map/ids.hpp '#include "query/plan/plan.hpp"'
forbidden query/plan/plan.hpp '#include "postgres/pool.hpp"'
forbidden query/plan/plan.hpp '#include <router/server.hpp>'
forbidden query/grammar/parse.hpp '#include "query/catalogue/catalogue.hpp"'
forbidden query/catalogue/catalogue.cpp '#include "query/plan/key_filter.hpp"'
forbidden query/engine/sort_key.cpp '#include "query/plan/plan.hpp"'
forbidden shard_schema/sql.hpp '#include "postgres/pool.hpp"'
forbidden server_address/server_address.hpp '#include "shard_map/conninfo.hpp"'
forbidden shard_map/conninfo.cpp '#include "server_address/server_address.hpp"'
forbidden postgres/pool.cpp '#include "router/server.hpp"'
forbidden router/server.cpp '#include "operations/load/pipeline.hpp"'
forbidden router/log.cpp '#include "router/http/session.hpp"'
forbidden router/topology/snapshot.hpp '#include "router/execution/worker.hpp"'
forbidden router/execution/worker.hpp '#include "router/http/exchange.hpp"'
forbidden router/http/session.hpp '#include "router/execution/worker.hpp"'
forbidden router/http/session.hpp '#include "query/plan/plan.hpp"'
allowed router/services/admin/plan.cpp '#include "router/services/movies/explain_endpoint.hpp"'
forbidden router/services/movies/read.cpp '#include "router/services/admin/admin.hpp"'
forbidden router/execution/worker.hpp '#include "router/server.hpp"'
forbidden operations/load/pipeline.cpp '#include "router/server.hpp"'
forbidden operations/load/pipeline.cpp '#include "postgres/failure.hpp"'
for family in load move import cluster; do
  for other in load move import cluster audit; do
    [[ $family == "$other" ]] || forbidden "operations/$family/a.cpp" "#include \"operations/$other/b.hpp\""
  done
  forbidden "operations/$family/a.cpp" '#include "cli/command_line.hpp"'
  forbidden operations/compare/a.cpp "#include \"operations/$family/b.hpp\""
done
forbidden operations/shard/server.cpp '#include "operations/replication/copy_session.hpp"'
forbidden operations/replication/copy_session.cpp '#include "operations/compare/table_scan.hpp"'
forbidden postgres/pool.cpp '#include "../router/server.hpp"'
forbidden router/execution/worker.hpp '#include <boost/beast/http.hpp>'
forbidden router/topology/health.cpp '#include <boost/beast/core/flat_buffer.hpp>'
forbidden cli/load.cpp '#include <pqxx/pqxx>'
forbidden cli/load.cpp '#include <libpq-fe.h>'
for header in boost/asio.hpp boost/asio/post.hpp boost/beast/http.hpp libpq-fe.h libpq/libpq-fs.h pqxx/pqxx sys/socket.h \
  netinet/in.h unistd.h fstream thread mutex condition_variable; do
  forbidden query/engine/merge.cpp "  #  include <$header>"
  forbidden shard_map/slot_set.cpp "#include <$header>"
done
forbidden shard_map/yaml_map.cpp '#include <sys/stat.h>'
forbidden query/CMakeLists.txt 'target_link_libraries(shardplex_query PUBLIC shardplex_asio)'
forbidden operations/CMakeLists.txt 'target_link_libraries(shardplex PRIVATE shardplex_router)'
forbidden cli/CMakeLists.txt 'target_link_libraries(shardplex_cli PUBLIC shardplex_postgres)'

# A new folder has to be given its place.
forbidden router/services/films/films.cpp '#include <vector>'
forbidden operations/new/new.cpp '#include <vector>'

# A name that two headers of a namespace define: `plant` makes the first of them.
plant operations/move/undertaking.hpp 'namespace shardplex::operations {' 'struct Part {' '};' '}'
same=$scratch/tree/operations/audit/scan_places.hpp
mkdir -p "${same%/*}"
printf '%s\n' 'namespace shardplex::operations {' 'struct Part;' '}' >"$same"  # declares it
expect_exit 0 '^$' scripts/check-layers --root "$scratch/tree"
printf '%s\n' 'namespace shardplex::operations {' 'class Part {' '};' '}' >"$same"
expect_exit 1 'shardplex::operations::Part: operations/audit/scan_places.hpp defines it as well' scripts/check-layers --root "$scratch/tree"
printf '%s\n' 'namespace shardplex::router {' 'struct Part {' '};' '}' >"$same"
expect_exit 0 '^$' scripts/check-layers --root "$scratch/tree"

# Nothing to check is no success.
expect_exit 1 'no-such-tree' scripts/check-layers --root "$scratch/no-such-tree"
mkdir "$scratch/empty"
expect_exit 1 'shard_map' scripts/check-layers --root "$scratch/empty"
finish
