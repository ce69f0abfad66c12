#include "shard_schema/primary_choice.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

namespace shardplex::test {
namespace {

/// A server's word in a table of cases.
struct Word {
  enum class Role : bool { primary, replica } role = Role::primary;
  std::int64_t timeline = 1;
  std::string is = "movies/alpha";  ///< cluster/shard; "": not initialised, "-": silent
  std::string database{};           ///< "": one that nobody else is
  bool overruled = false;
  std::optional<std::int64_t> ruling{};
};
constexpr auto primary = Word::Role::primary;
constexpr auto replica = Word::Role::replica;

struct Case {
  std::string name;
  std::vector<Word> words;
  std::vector<Standing> standings;
  PrimaryCriteria criteria{.cluster = "movies", .shard = "alpha"};
  std::int64_t newest = 1;
};

ServerStatus status_of(const Word& word, std::size_t index) {
  ServerStatus status;
  status.in_recovery = word.role == replica;
  status.timeline = word.timeline;
  status.database_identity = word.database.empty() ? "database " + std::to_string(index) : word.database;
  const auto slash = word.is.find('/');
  if (slash == std::string::npos) return status;
  status.initialised = true;
  status.cluster = word.is.substr(0, slash);
  status.shard = word.is.substr(slash + 1);
  status.ruling = word.ruling;
  return status;
}

PrimaryCriteria knowing(std::int64_t timeline) {
  return {.cluster = "movies", .shard = "alpha", .known_timeline = timeline};
}
PrimaryCriteria ruled(std::int64_t ruling, std::int64_t timeline) {
  return {.cluster = "movies", .shard = "alpha", .known_timeline = timeline, .known_ruling = ruling};
}
Word with_ruling(Word::Role role, std::int64_t timeline, std::int64_t ruling) {
  return {role, timeline, "movies/alpha", "", false, ruling};
}
PrimaryCriteria not_heard() {
  return {.cluster = "movies", .shard = "alpha", .known_timeline = 0, .others_heard = false};
}
PrimaryCriteria also_uninitialised(std::int64_t timeline = 0) {
  return {.cluster = "movies",
          .shard = "alpha",
          .known_timeline = timeline,
          .others_heard = true,
          .uninitialised = Uninitialised::allowed};
}

using Standing::overruled;
using Standing::replaced;
using Standing::rival;
using Standing::same_database;
using Standing::silent;
using Standing::stranger;
using Standing::unconfirmed;
using Standing::uninitialised;
constexpr auto the_primary = Standing::primary;
constexpr auto a_replica = Standing::replica;

const std::vector<Case> cases{
    {"no server", {}, {}, {.cluster = "movies", .shard = "alpha"}, 0},
    {"the one that is not in recovery", {{primary}, {replica}}, {the_primary, a_replica}},
    {"in whatever place", {{replica}, {primary}}, {a_replica, the_primary}},
    {"nobody answers", {{primary, 1, "-"}, {primary, 1, "-"}}, {silent, silent}, knowing(3), 3},
    {"replicas alone", {{replica}, {replica}}, {a_replica, a_replica}},
    {"another shard, another cluster",
     {{primary, 7, "movies/beta"}, {replica, 7, "books/alpha"}, {primary}},
     {stranger, stranger, the_primary}},
    {"no shard", {{primary, 7, ""}, {replica, 7, ""}}, {uninitialised, uninitialised}, knowing(1), 1},

    {"an old primary that came back", {{primary, 1}, {primary, 2}}, {replaced, the_primary}, knowing(1), 2},
    {"its successor is away, and known from elsewhere",
     {{primary, 1}, {primary, 1, "-"}},
     {replaced, silent},
     knowing(2),
     2},
    {"a replica follows its successor, which is away",
     {{primary, 1}, {primary, 1, "-"}, {replica, 2}},
     {replaced, silent, a_replica},
     knowing(0),
     2},
    {"a replica's restart point is old",
     {{primary, 3}, {replica, 1}},
     {the_primary, a_replica},
     knowing(3),
     3},
    {"a promotion that nobody has noted yet", {{primary, 5}}, {the_primary}, knowing(3), 5},

    {"two primaries on one timeline", {{primary, 2}, {primary, 2}}, {rival, rival}, knowing(2), 2},
    {"two, and the one that both have replaced",
     {{primary, 2}, {primary, 1}, {primary, 2}},
     {rival, replaced, rival},
     knowing(1),
     2},
    {"two on one timeline, and a newer one",
     {{primary, 2}, {primary, 2}, {primary, 3}},
     {replaced, replaced, the_primary},
     knowing(1),
     3},
    {"one database by two addresses",
     {{primary, 2, "movies/alpha", "one"}, {primary, 2, "movies/alpha", "one"}},
     {the_primary, same_database},
     knowing(2),
     2},
    {"one database by two addresses, and a rival",
     {{primary, 2, "movies/alpha", "one"}, {primary, 2, "movies/alpha", "one"}, {primary, 2}},
     {rival, same_database, rival},
     knowing(2),
     2},

    {"what was said before a ruling does not raise the timeline, nor is it a rival",
     {{primary, 1}, {primary, 2, "movies/alpha", "", true}},
     {the_primary, overruled}},
    {"what was said before a ruling, and agrees with it",
     {{primary, 1, "movies/alpha", "", true}},
     {the_primary},
     knowing(1)},
    {"the given up server is asked again and runs, and neither says of what history it is",
     {{primary, 1}, {primary, 2}},
     {replaced, the_primary},
     ruled(1, 1),
     2},
    {"the given up server returns, on a newer timeline",
     {with_ruling(primary, 1, 1), with_ruling(primary, 2, 0)},
     {the_primary, overruled},
     ruled(1, 1)},
    {"it returns with its replica, and the accepted server tells of the ruling itself",
     {with_ruling(primary, 1, 1), with_ruling(primary, 2, 0), with_ruling(replica, 2, 0)},
     {the_primary, overruled, overruled},
     knowing(0)},
    {"it returns alone", {{primary, 1, "-"}, with_ruling(primary, 2, 0)}, {silent, overruled}, ruled(1, 1)},
    {"a replica that follows the accepted server was promoted",
     {with_ruling(primary, 1, 1), with_ruling(primary, 2, 0), with_ruling(primary, 2, 1)},
     {replaced, overruled, the_primary},
     ruled(1, 1),
     2},
    {"what the accepted server said before the ruling does not speak against it",
     {{primary, 1, "movies/alpha", "", true, 0}, with_ruling(primary, 2, 0)},
     {the_primary, overruled},
     ruled(1, 1)},

    {"other shards are to be heard first", {{primary}, {replica}}, {unconfirmed, a_replica}, not_heard()},
    {"a server alone has no successor", {{primary}}, {the_primary}, not_heard()},
    {"rivals are told before other shards are heard", {{primary}, {primary}}, {rival, rival}, not_heard()},

    {"a new database", {{primary, 1, ""}}, {the_primary}, also_uninitialised()},
    {"a new database under a name that was another's",
     {{primary, 1, ""}},
     {the_primary},
     also_uninitialised(9),
     9},
    {"a new database and its replica",
     {{primary, 1, ""}, {replica, 1, ""}},
     {the_primary, a_replica},
     also_uninitialised()},
    {"a new database, and a server that may be the shard",
     {{primary, 1, ""}, {primary, 1, "-"}},
     {uninitialised, silent},
     also_uninitialised(),
     0},
    {"two new databases", {{primary, 1, ""}, {primary, 1, ""}}, {rival, rival}, also_uninitialised()},
    {"the shard, and a new database",
     {{primary, 4, ""}, {primary}},
     {uninitialised, the_primary},
     also_uninitialised()},
    {"a replica of the shard, and a new database",
     {{primary, 4, ""}, {replica}},
     {uninitialised, a_replica},
     also_uninitialised()},
    {"the replaced shard, and a new database",
     {{primary, 4, ""}, {primary, 1}},
     {uninitialised, replaced},
     also_uninitialised(2),
     2},
    {"another shard's database is never taken for a new one",
     {{primary, 1, "movies/beta"}},
     {stranger},
     also_uninitialised(),
     0},
};

}  // namespace

TEST_CASE("the primary is not in recovery, says it is the shard, and is alone on the newest timeline known") {
  for (const auto& [name, words, standings, criteria, newest] : cases) {
    CAPTURE(name);
    std::vector<ServerStatus> statuses;
    for (std::size_t i = 0; i < words.size(); ++i) statuses.push_back(status_of(words[i], i));
    std::vector<ServerWord> servers;
    for (std::size_t i = 0; i < words.size(); ++i)
      servers.push_back({words[i].is == "-" ? nullptr : &statuses[i], words[i].overruled});
    const auto choice = choose_primary(criteria, servers);
    REQUIRE(choice.servers.size() == standings.size());
    std::optional<std::size_t> expected;
    for (std::size_t i = 0; i < standings.size(); ++i) {
      CAPTURE(i);
      const auto& [standing, reason] = choice.servers[i];
      CHECK(static_cast<int>(standing) == static_cast<int>(standings[i]));
      CHECK(reason.empty() == (standing == the_primary || standing == silent));
      if (standings[i] == the_primary) expected = i;
    }
    CHECK(choice.primary == expected);
    CHECK(choice.newest_timeline == newest);
  }
}

TEST_CASE("why a server is not the primary is said with what there is to do") {
  const auto reason = [](Word word, const PrimaryCriteria& criteria) {
    const auto status = status_of(word, 0);
    return choose_primary(criteria, {{&status, word.overruled}}).servers[0].reason;
  };
  CHECK(reason({primary, 1}, knowing(2)) ==
        "an old primary on an earlier timeline (1; 2 is known); where it is the right one, shardplex cluster "
        "accept-timeline");
  CHECK(reason({primary, 1, ""}, knowing(0)) == "not initialised (shardplex cluster init)");
  CHECK(reason({primary, 1, "books/beta"}, knowing(0)) == "it says it is shard beta of cluster books");
  CHECK(reason({replica}, knowing(0)) == "a replica");
  CHECK(reason({primary, 2, "movies/alpha", "", true}, knowing(1)) ==
        "on a timeline that was given up (shardplex cluster accept-timeline)");
}

TEST_CASE(
    "what servers of the cluster have noted counts by ruling, then by timeline; that of others does not") {
  const auto noting = [](const std::string& is, std::vector<NotedTimeline> noted) {
    auto status = status_of({primary, 1, is}, 0);
    status.noted = std::move(noted);
    return newest_noted("movies", "alpha", status, {1, 2});
  };
  CHECK(noting("movies/beta", {}) == KnownTimeline{1, 2});
  CHECK(noting("movies/beta", {{"beta", {5, 5}}, {"alpha", {1, 3}}}) == KnownTimeline{1, 3});
  CHECK(noting("movies/alpha", {{"alpha", {2, 1}}}) == KnownTimeline{2, 1});
  CHECK(noting("movies/beta", {{"alpha", {0, 9}}}) == KnownTimeline{1, 2});
  CHECK(noting("books/beta", {{"alpha", {5, 5}}}) == KnownTimeline{1, 2});
  CHECK(noting("", {{"alpha", {5, 5}}}) == KnownTimeline{1, 2});
}

}  // namespace shardplex::test
