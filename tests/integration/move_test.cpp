// Moves of slots by the command line: what they leave, what they refuse, and that a mover may die anywhere.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/integration/moves.hpp"
#include "tests/integration/related_map.hpp"

namespace shardplex::integration {
namespace {

Moves& moves() {
  static Moves made;
  return made;
}

/// Where a mover that runs, finishes, reverses or aborts a move can die.
const std::vector<std::string> run_points{"before:record_on_target",
                                          "before:receive",
                                          "before:publish",
                                          "before:copy",
                                          "copy:replication_slot_made",
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
                                          "after:subscribe_reverse",
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

TEST_CASE("embeds are of the owner's rows alone, whatever copies a move has made or left") {
  const auto before = moves().state();
  const RelatedMap map(moves().cluster());
  Router router(map.file());
  HttpClient client(router.port());
  const std::vector<std::string> targets{
      "/movies?select=id,ratings(user_id,score)&order=id",
      "/movies?select=id,...ratings(score)&ratings.order=user_id&order=id&limit=50",
      "/movies?select=id,ratings!inner()&ratings.score=gt.4&order=id",
      "/movies?select=id,ratings()&ratings.score=gt.5&ratings=is.null&order=id",
      "/ratings?select=movie_id,movies!inner(name)&order=movies(name),movie_id"};
  const auto answers = [&] {
    std::vector<std::string> bodies;
    for (const auto& target : targets) {
      const auto answer = client.request("GET", target, {{"Prefer", "count=exact"}});
      REQUIRE_MESSAGE(answer.status < 300, answer.body);
      bodies.push_back(answer.header("Content-Range").value_or("") + ' ' + answer.body);
    }
    return bodies;
  };
  const auto expected = answers();
  CHECK(expected.front().find("\"score\":5") != std::string::npos);
  moves().crash("run", "before:fence");  // the target has copies of all rows
  CHECK(answers() == expected);
  moves().expect("abort");
  CHECK(answers() == expected);
  moves().expect("run");  // the source has them
  CHECK(answers() == expected);
  moves().crash("finish", "delete_rows:some");
  CHECK(answers() == expected);
  moves().expect("resume");
  CHECK(answers() == expected);
  moves().expect("run");  // and back
  moves().expect("reverse");
  CHECK(answers() == expected);
  moves().expect("run");
  moves().expect("finish");
  CHECK(answers() == expected);
  CHECK(moves().state() == before);
}

TEST_CASE("a move stops before its hand-over where nothing looks any more at what triggers write") {
  const auto before = moves().state();
  moves().crash("run", "before:fence");
  const auto from = moves().owner_and_other().first;
  moves().shard(from).run(
      "CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; "
      "CREATE TRIGGER quiet BEFORE INSERT ON genres FOR EACH ROW EXECUTE FUNCTION quiet(); "
      "ALTER TABLE movies DISABLE TRIGGER shardplex_place");
  const auto refused = moves().run("resume");
  CHECK(refused.status == 1);
  CHECK_MESSAGE(refused.errors.find("table movies: nothing looks at what triggers and foreign keys write") !=
                    std::string::npos,
                refused.errors);
  CHECK(moves().owner_and_other().first == from);
  CHECK(moves().shard(from).number("SELECT count(*) FROM shardplex.slots WHERE state = 'fenced'") == 0);
  moves().shard(from).run("DROP TRIGGER quiet ON genres; DROP FUNCTION quiet");
  const auto made = run_shardplex({"cluster", "init", "--map", moves().cluster().map_file()});
  CHECK_MESSAGE(made.status == 0, made.errors);
  moves().expect("resume");
  moves().expect("reverse");
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
