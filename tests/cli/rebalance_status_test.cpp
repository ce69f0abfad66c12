#include <atomic>
#include <chrono>
#include <thread>

#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

CommandRun status_of(const Cluster& cluster, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"rebalance", "status", "--map", cluster.map()};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

/// A move as a mover would have written it down on the source.
void plant(const Cluster& cluster, const std::string& id, int number, const std::string& source,
           const std::string& target, const std::string& phase, const std::string& more = "") {
  cluster.sql(source,
              "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) VALUES ('" + id +
                  "', " + std::to_string(number) + ", 'catalog', '{1,2,3,700}', '" + source + "', '" +
                  target + "', '" + phase + "')");
  if (!more.empty()) cluster.sql(source, "UPDATE shardplex.moves SET " + more + " WHERE id = '" + id + "'");
}

/// A session that holds the mover's lock on a shard while it lives.
class Holder {
 public:
  Holder(const Cluster& cluster, const std::string& shard) {
    cluster.sql(shard,
                "UPDATE shardplex.mover SET holder = 'db7, process 4711', since = '2026-03-01 12:00+00'");
    session_ = popen(("psql -qAtX '" + cluster.conninfo(shard) + "' > /dev/null").c_str(), "w");
    REQUIRE(session_ != nullptr);
    std::fputs("SELECT pg_advisory_lock(1936223345, 0);\n", session_);
    std::fflush(session_);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (cluster.sql(shard,
                       "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND "
                       "classid = 1936223345 AND granted") != "1") {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  ~Holder() { pclose(session_); }
  Holder(const Holder&) = delete;

 private:
  FILE* session_ = nullptr;
};

}  // namespace

TEST_CASE("status of a cluster in which nothing has ever moved says so") {
  Cluster& cluster = initialised(hash_cluster());
  const CommandRun run = status_of(cluster);
  CHECK(run.exit == 0);
  CHECK(run.out == "no mover is at work\nno moves\n");
}

TEST_CASE("status shows the moves of all shards in order, and what can be done about each") {
  Cluster& cluster = initialised(hash_cluster());
  plant(cluster, "m00000002", 2, "beta", "alpha", "reversible",
        R"(created_at = '2026-03-01 13:00+01', progress = '{"rows":1234,"write_pause_ms":31.4}')");
  plant(cluster, "m00000001", 1, "alpha", "beta", "moving",
        R"(created_at = '2026-03-01 12:00+00', problem = 'beta is gone', progress = '{"step":"verify"}')");
  plant(cluster, "m00000003", 3, "alpha", "beta", "switching", "created_at = '2026-03-01 12:00+00'");
  plant(cluster, "m00000000", 1, "alpha", "beta", "finished", "created_at = '2026-02-01 12:00+00'");
  const CommandRun run = status_of(cluster);
  CHECK_MESSAGE(run.exit == 0, run);
  const std::string moves =
      "m00000001\tcatalog\t1-3, 700\talpha\tbeta\tverifying, stopped\t0\t-\t-\t-\t-\t2026-03-01 12:00:00\n"
      "m00000002\tcatalog\t1-3, 700\tbeta\talpha\treversible\t1,234\t-\t-\t-\t31 ms\t2026-03-01 12:00:00\n"
      "m00000003\tcatalog\t1-3, 700\talpha\tbeta\tswitching, waiting\t0\t-\t-\t-\t-\t2026-03-01 12:00:00\n";
  CHECK_MESSAGE(run.says(moves), run);
  CHECK(run.says("m00000001: beta is gone\n"));
  CHECK(
      run.says("m00000001: no mover is at work; 'shardplex rebalance resume' goes on, 'abort' undoes it\n"));
  CHECK(run.says("m00000003: no mover is at work; 'shardplex rebalance resume' goes on\n"));
  CHECK(run.says("m00000002: 'shardplex rebalance finish' deletes the old copy, 'reverse' gives"));
  CHECK(!run.says("m00000000"));

  CHECK(status_of(cluster, {"--all"}).says("m00000000\tcatalog\t1-3, 700\talpha\tbeta\tfinished"));
  const CommandRun named = status_of(cluster, {"m00000000", "m00000002"});
  CHECK(named.says("m00000000\t"));
  CHECK(named.says("m00000002\t"));
  CHECK(!named.says("m00000003"));
  const CommandRun unknown = status_of(cluster, {"m99999999"});
  CHECK(unknown.exit == 1);
  CHECK(unknown.says("there is no move m99999999"));
}

TEST_CASE("status tells who moves slots, since when, and of moves that were asked to pause") {
  Cluster& cluster = initialised(hash_cluster());
  plant(cluster, "m00000001", 1, "alpha", "beta", "moving",
        R"(wanted = 'pause', progress = '{"step":"copy","paused":true}')");
  const Holder holder(cluster, "beta");
  const CommandRun run = status_of(cluster);
  CHECK_MESSAGE(run.says("at work: db7, process 4711, since 2026-03-01"), run);
  CHECK(run.says("\tcopying, paused\t"));
  CHECK(run.says("m00000001: asked to pause; 'shardplex rebalance resume' goes on\n"));
  CHECK(!run.says("no mover is at work"));
  const auto json = boost::json::parse(status_of(cluster, {"--json"}).out);
  CHECK(json.at("mover").at("holder") == "db7, process 4711");
}

TEST_CASE("status as JSON has all that the journals have") {
  Cluster& cluster = initialised(hash_cluster());
  plant(cluster, "m00000001", 1, "alpha", "beta", "moving",
        R"(progress = '{"step":"copy","rows":10,"total_rows":40,"lag_bytes":5}')");
  const CommandRun run = status_of(cluster, {"--json"});
  REQUIRE_MESSAGE(run.exit == 0, run);
  const auto json = boost::json::parse(run.out);
  CHECK(json.at("cluster") == "movies");
  CHECK(json.at("mover").is_null());
  CHECK(json.at("problems").as_array().empty());
  CHECK(json.at("hints").as_array().size() == 1);
  const auto& move = json.at("moves").at(0);
  CHECK(move.at("id") == "m00000001");
  CHECK(move.at("slots") == "1-3, 700");
  CHECK(move.at("phase") == "moving");
  CHECK(move.at("activity") == "copying");
  CHECK(move.at("running") == false);
  CHECK(move.at("rows") == 10);
  CHECK(move.at("total_rows") == 40);
  CHECK(move.at("lag_bytes") == 5);
}

TEST_CASE("status tells which shard could not be read, shows the others, and exits with 1") {
  Cluster& cluster = initialised(hash_cluster());
  plant(cluster, "m00000001", 1, "alpha", "beta", "reversible");
  cluster.sql("beta", "DROP TABLE shardplex.moves");
  const CommandRun run = status_of(cluster);
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.err.find("beta") != std::string::npos, run);
  CHECK(run.says("m00000001\t"));
  const CommandRun json = status_of(cluster, {"--json"});
  CHECK(json.exit == 1);
  CHECK(boost::json::parse(json.out).at("problems").as_array().size() == 1);
}

TEST_CASE("a move that does not fit the map, or is of a later version, is a problem of its shard") {
  Cluster& cluster = initialised(hash_cluster());
  plant(cluster, "m00000001", 1, "alpha", "beta", "moving", "slots = '{1,2000}'");
  plant(cluster, "m00000002", 1, "beta", "alpha", "moving", "phase = 'teleporting'");
  const CommandRun run = status_of(cluster);
  CHECK(run.exit == 1);
  CHECK(run.says("move m00000001 has slot 2000"));
  CHECK(run.says("move m00000002 is 'teleporting'"));
  cluster.sql("alpha", "UPDATE shardplex.moves SET grp = 'attic'");
  CHECK(status_of(cluster).says("move m00000001 is of group attic, which is not in the map"));
}

/// Text that one thread writes and another one reads.
class SharedText : public std::streambuf {
 public:
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 protected:
  int_type overflow(int_type c) override {
    const std::lock_guard lock(mutex_);
    if (!traits_type::eq_int_type(c, traits_type::eof())) text_ += traits_type::to_char_type(c);
    return traits_type::not_eof(c);
  }
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    const std::lock_guard lock(mutex_);
    text_.append(bytes, static_cast<std::size_t>(count));
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

TEST_CASE("status --watch in a pipe writes a line for each change, until nothing is under way") {
  Cluster& cluster = initialised(hash_cluster());
  plant(cluster, "m00000001", 1, "alpha", "beta", "moving", R"(progress = '{"step":"copy"}')");
  plant(cluster, "m00000002", 2, "beta", "alpha", "reversible");
  SharedText said;
  int exit = -1;
  std::thread watcher([&] {
    std::istringstream in;
    std::ostream out(&said);
    std::ostringstream err;
    const std::vector<std::string> args{"rebalance", "status", "--map", cluster.map(), "--watch"};
    exit = cli::run_command_line(args, operations::Terminal{in, out, err});
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (said.text().find("m00000002") == std::string::npos && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  cluster.sql("alpha", "UPDATE shardplex.moves SET phase = 'reversible'");
  watcher.join();
  CHECK(exit == 0);
  CHECK(said.text() ==
        "no mover is at work\n"
        "m00000001 alpha -> beta  copying, waiting  0.0 MB/s\n"
        "m00000002 beta -> alpha  reversible\n"
        "m00000001 alpha -> beta  reversible\n");
}

TEST_CASE("status --watch on a tty draws the table anew") {
  Cluster& cluster = initialised(hash_cluster());
  plant(cluster, "m00000002", 2, "beta", "alpha", "reversible");
  std::istringstream in;
  std::ostringstream out, err;
  const std::vector<std::string> args{"rebalance", "status", "--map", cluster.map(), "--watch"};
  CHECK(cli::run_command_line(args, {in, out, err, true, true}) == 0);
  CHECK(out.str().starts_with("\033[H\033[Jno mover is at work\n\nMOVE "));
  CHECK(out.str().find("m00000002  catalog") != std::string::npos);
}

TEST_CASE("status refuses what it does not understand") {
  CHECK(run_shardplex({"rebalance", "status"}).exit == 2);
  CHECK(run_shardplex({"rebalance", "status", "--map", "x", "--watch", "--json"}).exit == 2);
  CHECK(run_shardplex({"rebalance", "status", "--help"}).says("--watch"));
}
