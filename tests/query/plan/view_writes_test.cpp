// Writes through views: what of their plans is another than a table's.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/plan.hpp"
#include "tests/query/simple_views.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// A view of films, with these columns of theirs, that is written through.
struct WrittenView {
  Catalogue catalogue;
  ShardMap map = hash_map_with_views({{"good_films", false, GroupId{0}, "film"}});

  WrittenView() {
    StoredView view = view_of_table("good_films", movies(), {{"film", "id"}, {"name", "name"}});
    view.is_updatable = true;
    catalogue = combine(map, {{"alpha", shard_with_views({view})}});
    REQUIRE(catalogue.find("good_films")->written);
  }

  Query query(std::string_view query_string) const {
    return parse_query("good_films", query_string, {}).value();
  }
  RoutedTable routed() const { return in_map(*catalogue.find("good_films"), map); }
};

bool has_text(const std::string& sql, std::string_view part) {
  return sql.find(part) != std::string::npos;
}

const std::string table_below =
    "(SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'public' AND c.relname = 'movies')";

}  // namespace

TEST_CASE("a row goes into a view with its key and its slot, and is looked at as it was stored") {
  const WrittenView view;
  auto insert = plan_insert(view.query(""), R"({"film":42,"name":"x"})", {}, view.routed()).value();
  CHECK(insert.missing_keys() == 0);
  const auto plan = std::move(insert).with_keys({});
  const auto sql = plan.statement(std::nullopt, false).sql;
  CHECK(has_text(sql, R"(INSERT INTO "public"."good_films" AS "good_films" )"
                      R"(("name", "film", "shardplex_slot"))"));
  CHECK(has_text(sql, R"("good_films"."film" = ($2::"pg_catalog"."int8"[])[1])"));
  CHECK(has_text(sql, "shardplex.refuse_misplaced_row(" + table_below + ')'));
  CHECK_FALSE(has_text(sql, "tableoid"));
  CHECK(plan.group == "catalog");
  CHECK(plan.slots->contains(
      slot_of_row(view.map.group(GroupId{0}), *canonical_bytes(KeyType::integer, "42"), std::nullopt)));
  CHECK(plan.primary_key_columns == std::vector<std::string>{"film"});
  Preferences headers_only;
  headers_only.returning = ReturnKind::headers_only;
  auto location = plan_insert(view.query(""), R"({"film":42})", headers_only, view.routed()).value();
  CHECK(has_text(std::move(location).with_keys({}).tail, R"("good_films"."film"::text AS k0)"));
}

TEST_CASE("a row that comes without its key is given one where the table would have one") {
  WrittenView view;
  const auto missing = [&] {
    const auto planned = plan_insert(view.query(""), R"({"name":"x"})", {}, view.routed());
    return planned ? std::to_string(planned->missing_keys()) : planned.error().code;
  };
  CHECK(missing() == "1");
  view.catalogue.tables.at("good_films").written->primary_key = {"id", "name"};
  CHECK(missing() == "23502");
}

TEST_CASE("rows of a view are changed and removed in their slots") {
  const WrittenView view;
  const auto update = plan_update(view.query("film=eq.42"), R"({"name":"y"})", {}, view.routed()).value();
  const auto changed = update.statement(std::nullopt, true).sql;
  CHECK(has_text(changed, R"(UPDATE "public"."good_films" AS "good_films" SET ("name") =)"));
  CHECK(has_text(changed, R"("good_films"."shardplex_slot" IN (SELECT s.slot)"));
  CHECK(has_text(changed, "shardplex.refuse_misplaced_row(" + table_below + ')'));
  CHECK(update.slots->size() == 1);
  CHECK(plan_update(view.query("film=eq.42"), R"({"film":43})", {}, view.routed()).error().code ==
        "SHARD400");
  const auto removed = plan_delete(view.query("film=eq.42"), {}, view.routed()).value();
  CHECK(has_text(removed.statement(std::nullopt, false).sql, R"(DELETE FROM "public"."good_films")"));
}
