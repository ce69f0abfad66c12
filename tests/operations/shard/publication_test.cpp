#include "operations/shard/publication.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "operations/shard/lock_retries.hpp"
#include "operations/shard/server.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using namespace shardplex::test;

namespace {

/// Clients that update rows of a table, each time over a connection that knows nothing of it yet, until they
/// are stopped.
class Writers {
 public:
  explicit Writers(const std::string& conninfo) {
    for (int i = 0; i < 4; ++i) threads_.emplace_back([this, conninfo, i] { write(conninfo, i); });
  }
  ~Writers() { stop(); }
  void wait_for_more(std::size_t updates) const {
    const auto before = written_.load();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!stopping_ && written_ < before + updates && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK((stopping_ || written_ >= before + updates));
  }
  const std::string& stop() {
    stopping_ = true;
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
    return failure_;
  }

 private:
  void write(const std::string& conninfo, int i) try {
    while (!stopping_) {
      const auto connection = connect(conninfo);
      for (int again = 0; again < 20; ++again) {
        pqxx::work transaction(*connection);
        transaction.exec_params("UPDATE things SET b = b + 1 WHERE a = $1", i);
        transaction.commit();
        ++written_;
      }
    }
  } catch (const std::exception& error) {
    if (!stopping_.exchange(true)) failure_ = error.what();
  }

  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> written_{0};
  std::string failure_;  // of the first that fails
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("a publication goes beside writers, none of whom fails") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  cluster.sql("alpha",
              "CREATE TABLE things (a int PRIMARY KEY, b int); INSERT INTO things SELECT g, 0 FROM "
              "generate_series(0, 3) g");
  Writers writers(cluster.conninfo("alpha"));
  const auto connection = connect(cluster.conninfo("alpha"));
  for (int i = 0; i < 100; ++i) {
    pqxx::nontransaction(*connection).exec("CREATE PUBLICATION passing FOR TABLE things");
    writers.wait_for_more(8);
    with_lock_retries("the test", [&](auto begin) {
      pqxx::work transaction(*connection);
      begin(transaction);
      drop_publication(transaction, "passing");
      transaction.commit();
    });
  }
  CHECK(writers.stop() == "");
  CHECK(cluster.sql("alpha", "SELECT count(*) FROM pg_publication") == "0");
}
