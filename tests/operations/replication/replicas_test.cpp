#include "operations/replication/replicas.hpp"

#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using namespace shardplex::test;

TEST_CASE("a replica is known to have what it says that it has on its disk") {
  Cluster& cluster = initialised(hash_cluster());
  pqxx::connection connection(cluster.conninfo("alpha"));
  pqxx::nontransaction transaction(connection);
  const auto written = transaction.exec1("SELECT pg_current_wal_flush_lsn()::text")[0].as<std::string>();
  std::set<std::string> known;
  for (int i = 0; i < 1000 && known.empty(); ++i) {
    known = replicas_known_to_have(transaction, written);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(known.size() == 1);
  // Another connection is another replica, as far as anybody can tell.
  transaction.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
  std::set<std::string> later;
  for (int i = 0; i < 1000 && (later.empty() || later == known); ++i) {
    later = replicas_known_to_have(transaction, written);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(later.size() == 1);
  CHECK(later != known);
  CHECK(replicas_have(transaction, written));
  CHECK(replicas_known_to_have(transaction, "FFFFFFFF/0").empty());
}
