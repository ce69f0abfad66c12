#!/usr/bin/env bash
# check-layers passes what is allowed and finds each kind of violation.
# shellcheck source=tests/scripts/expect.sh
source "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# plant FILE LINE...: a source tree that holds nothing but this file.
plant() {
  rm -rf "${scratch:?}/tree"
  mkdir -p "$scratch"/tree/{shard_map,query,postgres,router,rebalance}
  local file=$scratch/tree/$1
  shift
  printf '%s\n' "$@" >"$file"
}

allowed() { plant "$@"; expect_exit 0 '^$' scripts/check-layers --root "$scratch/tree"; }
forbidden() { plant "$@"; expect_exit 1 "^$1:" scripts/check-layers --root "$scratch/tree"; }

allowed query/plan.cpp '#include "query/plan.hpp"' '#include "shard_map/ids.hpp"' '#include <vector>' '// #include <mutex>'
allowed shard_map/yaml_map.cpp '#include <fstream>' '#include <yaml-cpp/yaml.h>'
allowed router/server.cpp '#include <boost/asio/io_context.hpp>' '#include "postgres/pool.hpp"' '#include <thread>'
allowed rebalance/load.cpp '#include <pqxx/pqxx>' '#include "postgres/failure.hpp"' '#include <fstream>'
allowed query/CMakeLists.txt 'target_link_libraries(shardplex_query PUBLIC shardplex_shard_map)  # not shardplex_asio'

forbidden shard_map/ids.hpp '#include "query/plan.hpp"'
forbidden query/plan.hpp '#include "postgres/pool.hpp"'
forbidden query/plan.hpp '#include <router/server.hpp>'
forbidden postgres/pool.cpp '#include "router/server.hpp"'
forbidden router/server.cpp '#include "rebalance/load.hpp"'
forbidden rebalance/load.cpp '#include "router/server.hpp"'
forbidden postgres/pool.cpp '#include "../router/server.hpp"'
for header in boost/asio.hpp boost/asio/post.hpp boost/beast/http.hpp libpq-fe.h libpq/libpq-fs.h pqxx/pqxx sys/socket.h \
  netinet/in.h unistd.h fstream thread mutex condition_variable; do
  forbidden query/merge.cpp "  #  include <$header>"
  forbidden shard_map/slot_set.cpp "#include <$header>"
done
forbidden shard_map/yaml_map.cpp '#include <sys/stat.h>'
forbidden query/CMakeLists.txt 'target_link_libraries(shardplex_query PUBLIC shardplex_asio)'
forbidden rebalance/CMakeLists.txt 'target_link_libraries(shardplex PRIVATE shardplex_router)'

# Nothing to check is no success.
expect_exit 1 'no-such-tree' scripts/check-layers --root "$scratch/no-such-tree"
mkdir "$scratch/empty"
expect_exit 1 'shard_map' scripts/check-layers --root "$scratch/empty"
finish
