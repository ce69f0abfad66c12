#include "query/plan/not_planned.hpp"

#include <doctest/doctest.h>

#include <string>

#include "query/grammar/parse.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

constexpr const char* unplanned[] = {
    "select=ratings(score)",
    "select=*,ratings(*)",
    "select=ratings()",
    "select=id,r:ratings(score)",
    "select=ratings!inner(score)",
    "select=r:ratings!fk!left(score)",
    "select=...ratings(score)",
    "select=*,...ratings(score)",
    "select=ratings()&ratings=is.null",
    "select=ratings()&ratings.score=eq.1&ratings.limit=1",
    "select=ratings()&order=ratings(score)",
    "select=count()",
    "select=n:count()",
    "select=genre,count()::text",
    "select=votes.sum()",
    "select=votes::int.avg()",
    "select=m:data->a.max()",
    "select=votes.min()::text",
};

bool names_it(const Error& error, std::string_view text) {
  const bool embeds = text.find("ratings") != std::string_view::npos;
  return error.code == "SHARD400" && error.message == "This request is not served by this release" &&
         error.details == (embeds ? "select asks for rows of another table inside these rows (an embed)"
                                  : "select asks for an aggregate (count, sum, avg, min, max)") &&
         error.hint.has_value();
}

}  // namespace

TEST_CASE("embeds, spreads and aggregates are refused by name by every plan, also with a key") {
  const Table table = movies();
  const ShardMap map = hash_map();
  const RoutedTable routed = in_map(table, map);
  const ReadRules rules{};
  const Preferences prefer{};
  const RowBounds bounds{};
  for (const std::string text : unplanned) {
    CAPTURE(text);
    const auto asked = [&](const std::string& more) {
      return parse_query("movies", text + more, {}).value();
    };
    CHECK_FALSE(is_planned(asked("")));
    for (const char* filter : {"", "&id=eq.5"}) {
      CHECK(names_it(plan_routed_read(asked(filter), routed, CountKind::none, rules).error(), text));
      CHECK(point_key(asked(filter), routed) == nullptr);
    }
    CHECK(names_it(plan_insert(asked(""), R"({"name":"x"})", prefer, routed, bounds).error(), text));
    CHECK(names_it(plan_update(asked("&id=eq.5"), R"({"name":"x"})", prefer, routed, bounds).error(), text));
    CHECK(names_it(plan_delete(asked("&id=eq.5"), prefer, routed, bounds).error(), text));
    CHECK(names_it(plan_put(asked("&id=eq.5"), R"({"id":5})", prefer, routed, bounds).error(), text));
  }
  for (const char* text : {"", "select=id,name", "select=*", "select=count", "id=eq.5&order=name"})
    CHECK_FALSE(not_planned(parse_query("movies", text, {}).value()).has_value());
}
