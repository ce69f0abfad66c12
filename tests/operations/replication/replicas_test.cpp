#include "operations/replication/replicas.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "operations/replication/subscription.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using namespace shardplex::test;

namespace {

/// Within 10 s.
void wait_until_true(pqxx::transaction_base& transaction, const std::function<bool()>& holds) {
  for (int i = 0; i < 1000 && !holds(); ++i) transaction.exec("SELECT pg_sleep(0.01)");
  REQUIRE(holds());
}

/// pg_receivewal, which says that WAL is on its disk when it has a whole segment.
class Archiver {
 public:
  explicit Archiver(const std::string& conninfo) {
    REQUIRE(mkdtemp(folder_.data()) != nullptr);
    process_ = fork();
    if (process_ != 0) return;
    execl("/usr/lib/postgresql/15/bin/pg_receivewal", "pg_receivewal", "-d", conninfo.c_str(), "-D",
          folder_.c_str(), "-S", "archive", "-s", "1", "--no-loop", nullptr);
    _exit(127);
  }
  ~Archiver() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  Archiver(const Archiver&) = delete;

 private:
  std::string folder_ = "/tmp/shardplex-archive-XXXXXX";
  pid_t process_ = -1;
};

}  // namespace

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

TEST_CASE("what only archives WAL is not waited for as replicas are") {
  Cluster& cluster = initialised(hash_cluster());
  pqxx::connection connection(cluster.conninfo("alpha"));
  pqxx::nontransaction transaction(connection);
  transaction.exec("SELECT pg_create_physical_replication_slot('archive')");
  {
    const Archiver archiver(cluster.conninfo("alpha"));
    wait_until_true(transaction, [&] {
      return transaction
          .exec1(
              "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = 'pg_receivewal' AND "
              "state = 'streaming' AND flush_lsn IS NOT NULL)")[0]
          .as<bool>();
    });
    transaction.exec("SELECT pg_logical_emit_message(true, 'test', '')");
    const auto written = flushed_lsn(transaction);
    wait_until_true(transaction, [&] { return replicas_known_to_have(transaction, written).size() == 1; });
    CHECK(replicas_have(transaction, written));
    CHECK(replicas_connected(transaction).size() == 1);
  }
  wait_until_true(transaction, [&] { return drop_replication_slot(transaction, "archive"); });
}
