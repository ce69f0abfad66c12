// Moves of slots by the command line: what they leave, what they refuse, and that a mover may die anywhere.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

constexpr int films = 600;
constexpr std::string_view moved_slots = "0-255";
constexpr std::uint64_t seed = 20260;

/// Everything in a shard that a move could leave behind, and whose the slots are.
std::string state_of(Database& shard) {
  static const std::vector<std::string> queries{
      "SELECT string_agg(grp || ' ' || slot || ' ' || state, ', ' ORDER BY grp, slot) FROM shardplex.slots",
      "SELECT string_agg(pubname, ', ' ORDER BY pubname) FROM pg_publication",
      "SELECT string_agg(subname, ', ' ORDER BY subname) FROM pg_subscription",
      "SELECT string_agg(slot_name, ', ' ORDER BY slot_name) FROM pg_replication_slots",
      "SELECT string_agg(name, ', ' ORDER BY name) FROM shardplex.markers",
      "SELECT string_agg(id, ', ' ORDER BY id) FROM shardplex.moves WHERE phase NOT IN ('finished', "
      "'aborted', 'reversed')",
      "SELECT string_agg(relname || ' ' || relreplident::text, ', ' ORDER BY relname) FROM pg_class WHERE "
      "relname "
      "IN ('movies', 'ratings')",
      "SELECT string_agg(gid, ', ') FROM pg_prepared_xacts",
      "SELECT string_agg(external_id, ', ') FROM pg_replication_origin_status",
      "SELECT count(*) || ' leftovers' FROM movies m WHERE NOT EXISTS (SELECT FROM shardplex.slots s WHERE "
      "s.slot = "
      "m.shardplex_slot AND s.state = 'owned')",
      "SELECT count(*) || ' leftovers' FROM ratings m WHERE NOT EXISTS (SELECT FROM shardplex.slots s WHERE "
      "s.slot = "
      "m.shardplex_slot AND s.state = 'owned')",
  };
  std::string state;
  for (const auto& query : queries) state += shard.value(query).value_or("-") + '\n';
  return state;
}

/// Counts films up through a router, one after the other, and keeps what it was told.
class Writer {
 public:
  Writer(std::uint16_t port, const std::vector<std::int64_t>& ids) : client_(port) {
    for (const auto id : ids) counts_[id] = 0;
    thread_ = std::jthread([this](const std::stop_token& stop) {
      std::mt19937_64 random(seed);
      while (!stop.stop_requested()) {
        auto film = counts_.begin();
        std::advance(film, random() % counts_.size());
        count_up(*film);
      }
    });
  }

  /// Stops; the counts, and every answer that should not have been.
  const std::map<std::int64_t, std::int64_t>& stop() {
    if (thread_.joinable()) {
      thread_.request_stop();
      thread_.join();
    }
    return counts_;
  }
  std::vector<std::string> complaints() {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }
  std::atomic<std::uint64_t> written{0};

 private:
  void count_up(std::pair<const std::int64_t, std::int64_t>& film) {
    const std::string body = "{\"imdb_votes\":" + std::to_string(film.second + 1) + "}";
    const std::string target = "/movies?select=imdb_votes&id=eq." + std::to_string(film.first) +
                               "&imdb_votes=eq." + std::to_string(film.second);
    try {
      const auto answer = client_.request(
          "PATCH", target, {{"Prefer", "return=representation"}, {"Content-Type", "application/json"}}, body);
      if (answer.status == 200 && answer.body == "[" + body + "]") {
        ++film.second;
        ++written;
        return;
      }
      complain(target + ": " + std::to_string(answer.status) + ' ' + answer.body);
    } catch (const ConnectionFailure& failure) {
      complain(target + ": " + failure.what());
    }
  }
  void complain(std::string complaint) {
    const std::lock_guard lock(mutex_);
    if (complaints_.size() < 10) complaints_.push_back(std::move(complaint));
  }

  HttpClient client_;
  std::map<std::int64_t, std::int64_t> counts_;
  std::mutex mutex_;
  std::vector<std::string> complaints_;
  std::jthread thread_;
};

std::string film_rows() {
  std::string rows;
  for (int id = 1; id <= films; ++id)
    rows += "{\"id\":" + std::to_string(id) + ",\"name\":\"film\",\"imdb_votes\":0}\n";
  return rows;
}

std::string rating_rows() {
  std::string rows;
  for (int id = 1; id <= films; ++id)
    rows += "{\"movie_id\":" + std::to_string(id) + ",\"user_id\":7,\"score\":5}\n";
  return rows;
}

/// Two shards with films and ratings; alpha has the slots that move.
class Moves {
 public:
  Moves() : cluster_({.shards = 2, .replicas = 0}) {
    cluster_.initialise();
    cluster_.load("movies", film_rows());
    cluster_.load("ratings", rating_rows());
    for (const auto& shard : cluster_.shards()) databases_.emplace(shard, cluster_.conninfo(shard));
  }

  Cluster& cluster() { return cluster_; }
  Database& shard(const std::string& name) { return databases_.at(name); }

  std::string state() { return "alpha:\n" + state_of(shard("alpha")) + "beta:\n" + state_of(shard("beta")); }

  /// The shard that owns the slots that move, and the other one.
  std::pair<std::string, std::string> owner_and_other() {
    const bool alpha =
        shard("alpha").number(
            "SELECT count(*) FROM shardplex.slots WHERE slot = 0 AND state IN ('owned', 'fenced')") == 1;
    return alpha ? std::pair("alpha", "beta") : std::pair("beta", "alpha");
  }

  std::string plan_file() {
    const auto [from, to] = owner_and_other();
    return plan_folder_.write("plan.yaml",
                              "version: 1\ncluster: movies\nmoves:\n  - {group: catalog, slots: [" +
                                  std::string(moved_slots) + "], from: " + from + ", to: " + to + "}\n");
  }

  Finished run(const std::string& verb, const std::vector<std::string>& more = {},
               const std::string& crash_at = "") {
    std::vector<std::string> arguments{"rebalance", verb, "--map", cluster_.map_file()};
    if (verb == "run") arguments.push_back(plan_file());
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_shardplex(arguments, crash_at);
  }
  void expect(const std::string& verb, const std::vector<std::string>& more = {}) {
    const auto done = run(verb, more);
    REQUIRE_MESSAGE(done.status == 0, verb << ": " << done.output << done.errors);
  }
  void crash(const std::string& verb, const std::string& point) {
    const auto done = run(verb, {}, point);
    REQUIRE_MESSAGE(done.status == 128 + SIGKILL, verb << " with a crash at " << point << ": status "
                                                       << done.status << '\n'
                                                       << done.output << done.errors);
  }

  std::vector<std::int64_t> moved_films() {
    std::vector<std::int64_t> ids;
    for (const auto* name : {"alpha", "beta"})
      for (const auto& row : shard(name).run("SELECT id FROM movies WHERE shardplex_slot BETWEEN 0 AND 255"))
        ids.push_back(row[0].as<std::int64_t>());
    return ids;
  }

  /// Each film is once in the cluster, with the count that its writer was told.
  void check_counts(const std::map<std::int64_t, std::int64_t>& counts) {
    std::map<std::int64_t, std::vector<std::int64_t>> found;
    for (const auto* name : {"alpha", "beta"})
      for (const auto& row : shard(name).run("SELECT id, imdb_votes FROM movies"))
        found[row[0].as<std::int64_t>()].push_back(row[1].as<std::int64_t>());
    for (const auto& [id, count] : counts) CHECK(found[id] == std::vector{count});
  }

 private:
  Cluster cluster_;
  TemporaryFolder plan_folder_;
  std::map<std::string, Database> databases_;
};

Moves& moves() {
  static Moves made;
  return made;
}

/// Where a mover that runs, finishes, reverses or aborts a move can die.
const std::vector<std::string> run_points{"before:record_on_target",
                                          "before:receive",
                                          "before:publish",
                                          "before:copy",
                                          "copy:slot_made",
                                          "copy:table_copied",
                                          "copy:before_commit",
                                          "before:subscribe",
                                          "before:catch_up",
                                          "before:verify",
                                          "before:publish_reverse",
                                          "before:make_reverse_slot",
                                          "before:fence",
                                          "before:drain",
                                          "before:hand_over",
                                          "before:own",
                                          "before:unsubscribe",
                                          "before:drop_slot",
                                          "before:unpublish",
                                          "before:subscribe_reverse",
                                          "subscribe_reverse:advanced",
                                          "before:open_window",
                                          "after:open_window"};
const std::vector<std::string> finish_points{"before:unsubscribe_reverse",
                                             "before:drop_reverse_slot",
                                             "before:unpublish_reverse",
                                             "before:restore_identities",
                                             "before:delete_source_rows",
                                             "delete_rows:some",
                                             "before:forget_on_source",
                                             "before:erase",
                                             "before:close"};
const std::vector<std::string> reverse_points{"before:catch_up_reverse",
                                              "before:verify_reverse",
                                              "before:fence_target",
                                              "before:drain_reverse",
                                              "before:hand_back",
                                              "before:own_source",
                                              "before:unsubscribe_reverse",
                                              "before:drop_reverse_slot",
                                              "before:unpublish_reverse",
                                              "before:restore_identities",
                                              "before:delete_target_rows",
                                              "delete_rows:some",
                                              "before:forget_on_target",
                                              "before:erase",
                                              "before:close"};
const std::vector<std::string> abort_points{"before:unfence",
                                            "before:unsubscribe",
                                            "before:drop_slot",
                                            "before:unpublish",
                                            "before:drop_reverse_slot",
                                            "before:unpublish_reverse",
                                            "before:restore_identities",
                                            "before:delete_target_rows",
                                            "delete_rows:some",
                                            "before:forget_on_target",
                                            "before:erase",
                                            "before:close"};

bool is_past_hand_over(const std::string& point) {
  return std::ranges::find(run_points, point) >= std::ranges::find(run_points, "before:own");
}

TEST_CASE("a move rests with the source's copy kept fresh, and finish leaves nothing of it") {
  const auto before = moves().state();
  Router router(moves().cluster().map_file());
  Writer writer(router.port(), moves().moved_films());
  moves().expect("run");
  const auto [owner, other] = moves().owner_and_other();
  CHECK(owner == "beta");
  // What is written now reaches the copy on the source, which nobody sees.
  const auto written = writer.written.load();
  wait_until("more is written", [&] { return writer.written > written + 50; });
  const auto counts = writer.stop();
  CHECK(writer.complaints().empty());
  wait_until("the copy on the source is fresh", [&] {
    return moves().shard("alpha").number("SELECT sum(imdb_votes) FROM movies WHERE shardplex_slot < 256") ==
           moves().shard("beta").number("SELECT sum(imdb_votes) FROM movies WHERE shardplex_slot < 256");
  });
  moves().expect("finish");
  moves().check_counts(counts);
  for (const auto& id : counts)
    CHECK(HttpClient(router.port()).get("/movies/" + std::to_string(id.first)).status == 200);

  // And there again: all is as it was before.
  moves().run("run");
  moves().expect("finish");
  CHECK(moves().state() == before);
}

TEST_CASE("reverse gives the slots back with all that was written since") {
  const auto before = moves().state();
  Router router(moves().cluster().map_file());
  // Films of both tests count from what is there.
  moves().cluster().run_everywhere("UPDATE movies SET imdb_votes = 0");
  Writer writer(router.port(), moves().moved_films());
  moves().expect("run");
  const auto written = writer.written.load();
  wait_until("more is written", [&] { return writer.written > written + 50; });
  moves().expect("reverse");
  const auto later = writer.written.load();
  wait_until("more is written", [&] { return writer.written > later + 50; });
  const auto counts = writer.stop();
  const auto complaints = writer.complaints();
  CHECK_MESSAGE(complaints.empty(), complaints.front());
  moves().check_counts(counts);
  CHECK(moves().state() == before);
}

TEST_CASE("a mover that dies at any point is resumed to the same end, and nobody sees an error") {
  moves().cluster().run_everywhere("UPDATE movies SET imdb_votes = 0");
  Router router(moves().cluster().map_file());
  Writer writer(router.port(), moves().moved_films());
  // The states after an undisturbed move there, and back.
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 2; ++i) {
    moves().expect("run", {"--finish"});
    expected[moves().owner_and_other().first] = moves().state();
  }
  for (const auto& point : run_points) {
    CAPTURE(point);
    const auto to = moves().owner_and_other().second;
    moves().crash("run", point);
    if (point != "after:open_window") moves().expect("resume");
    moves().expect("finish");
    CHECK(moves().state() == expected[to]);
  }
  for (const auto& point : finish_points) {
    CAPTURE(point);
    const auto to = moves().owner_and_other().second;
    moves().expect("run");
    moves().crash("finish", point);
    moves().expect("resume");
    CHECK(moves().state() == expected[to]);
  }
  const auto counts = writer.stop();
  const auto complaints = writer.complaints();
  CHECK_MESSAGE(complaints.empty(), complaints.front());
  moves().check_counts(counts);
}

TEST_CASE(
    "a mover that dies at any point can be aborted, or reversed past the hand-over, and nothing is left") {
  moves().cluster().run_everywhere("UPDATE movies SET imdb_votes = 0");
  Router router(moves().cluster().map_file());
  Writer writer(router.port(), moves().moved_films());
  const auto before = moves().state();
  for (const auto& point : run_points) {
    CAPTURE(point);
    moves().crash("run", point);
    if (is_past_hand_over(point)) {
      const auto refused = moves().run("abort");
      CHECK((refused.status == 1 || refused.output.find("no move can be aborted") != std::string::npos));
      if (point != "after:open_window") moves().expect("resume");
      moves().expect("reverse");
    } else {
      moves().expect("abort");
    }
    CHECK(moves().state() == before);
  }
  for (const auto& point : reverse_points) {
    CAPTURE(point);
    moves().expect("run");
    moves().crash("reverse", point);
    moves().expect("resume");
    CHECK(moves().state() == before);
  }
  for (const auto& point : abort_points) {
    CAPTURE(point);
    moves().crash("run", "before:drain");  // with everything made that a move makes before it hands over
    moves().crash("abort", point);
    moves().expect("resume");
    CHECK(moves().state() == before);
  }
  const auto counts = writer.stop();
  const auto complaints = writer.complaints();
  CHECK_MESSAGE(complaints.empty(), complaints.front());
  moves().check_counts(counts);
}

TEST_CASE(
    "a row altered on the target behind the mover's back is found before the cutover, which is refused") {
  const auto before = moves().state();
  moves().crash("run", "before:catch_up");
  const auto to = moves().owner_and_other().second;
  const auto id =
      moves().shard(to).number("SELECT min(id) FROM movies WHERE shardplex_slot BETWEEN 0 AND 255");
  moves().shard(to).run("UPDATE movies SET name = 'altered' WHERE id = " + std::to_string(id));
  const auto refused = moves().run("resume");
  CHECK(refused.status == 1);
  CHECK_MESSAGE(refused.errors.find("id=" + std::to_string(id)) != std::string::npos, refused.errors);
  CHECK(moves().owner_and_other().second == to);
  // Still refused, until it is mended or given up.
  CHECK(moves().run("resume").status == 1);
  moves().expect("abort");
  CHECK(moves().state() == before);
}

TEST_CASE("a second mover is told who is at work, and since when") {
  moves().crash("run", "before:subscribe");
  Database& other = moves().shard("beta");
  other.run("SELECT pg_advisory_lock(1936223345, 0)");
  other.run("UPDATE shardplex.mover SET holder = 'db7, process 4711', since = '2026-01-02 03:04:05+00'");
  for (const auto* verb : {"run", "resume", "finish", "reverse"}) {
    const auto refused = moves().run(verb);
    CAPTURE(verb);
    CHECK(refused.status == 1);
    CHECK_MESSAGE(refused.errors.find("db7, process 4711, since 2026-01-02 03:04:05") != std::string::npos,
                  refused.errors);
  }
  other.run("SELECT pg_advisory_unlock(1936223345, 0)");
  moves().expect("abort");
}

}  // namespace
}  // namespace shardplex::integration
