#include "query/plan/cursor_page.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/grammar/parse.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

using Values = std::vector<std::optional<std::string>>;

struct Pages {
  Table table = movies();
  ShardMap map = hash_map();

  Result<RoutedPlan> plan(const std::string& query_string, CountKind count = CountKind::none) const {
    const auto query = parse_query(table.name, query_string, {}, Cursors::served);
    if (!query) return query.error();
    return plan_routed_read(*query, in_map(table, map), count, {});
  }
  RowsRead read(const std::string& query_string) const {
    return std::get<RowsRead>(plan(query_string).value());
  }
  /// The read of the page behind (or in front of) a row with these values.
  RowsRead at(const std::string& query_string, Values values, bool before = false) const {
    const auto first = read(query_string + "&after=");
    return read(query_string + "&after=" + encode_cursor({before, first.page->order, std::move(values)}));
  }
  std::string where(const std::string& query_string, Values values, bool before = false) const {
    return at(query_string, std::move(values), before).scan.where;
  }
  Error refusal(const std::string& query_string, CountKind count = CountKind::none) const {
    const auto result = plan(query_string, count);
    REQUIRE_FALSE(result.has_value());
    return result.error();
  }
  std::uint64_t order_of(const std::string& order) const {
    return read("order=" + order + "&limit=5&after=").page->order;
  }
};

std::string movie(const std::string& column) {
  return "\"movies\".\"" + column + '"';
}

const std::string id = movie("id"), name = movie("name"), votes = movie("votes"),
                  as_id = " AS \"pg_catalog\".\"int8\")", as_votes = " AS \"pg_catalog\".\"int4\")",
                  as_text = " AS \"pg_catalog\".\"text\")";

}  // namespace

TEST_CASE("the first page has no condition, and its rows tell what they sort by") {
  const auto read = Pages().read("select=name&order=votes.desc,name&limit=3&after=");
  CHECK(read.scan.where == "");
  CHECK(read.scan.related ==
        std::vector<std::string>{"CAST(q.k0 AS text)", "CAST(q.c0 AS text)", "CAST(q.k2 AS text)"});
  REQUIRE(read.page);
  CHECK(read.page->is_first);
  CHECK_FALSE(read.page->turned);
  Row row;
  row.related = {"7", "a", "1"};
  CHECK(read.page->cursor_of(row, false) == Cursor{false, read.page->order, {"7", "a", "1"}});
  CHECK(Pages().read("limit=3").page == std::nullopt);
  CHECK(Pages().read("limit=3").scan.related.empty());
}

TEST_CASE("keys without nulls behind that go one way are compared as a row") {
  const Pages pages;
  CHECK(pages.where("limit=5", {"7"}) == "((" + id + ") > (CAST($2" + as_id + "))");
  CHECK(pages.where("order=name&limit=5", {"x", "7"}) ==
        "((" + name + ", " + id + ") > (CAST($2" + as_text + ", CAST($3" + as_id + "))");
  CHECK(pages.where("order=id.desc&limit=5", {"7"}) == "((" + id + ") < (CAST($2" + as_id + "))");
  // Nulls come first here, so none is behind a value.
  CHECK(pages.where("order=votes.nullsfirst&limit=5", {"9", "7"}) ==
        "((" + votes + ", " + id + ") > (CAST($2" + as_votes + ", CAST($3" + as_id + "))");
}

TEST_CASE("keys that go both ways are compared one after the other, with a bound that an index knows") {
  const Pages pages;
  CHECK(pages.where("order=name.desc&limit=5", {"x", "7"}) ==
        '(' + name + " <= CAST($2" + as_text + " AND (" + name + " < CAST($2" + as_text + " OR (" + name +
            " = CAST($2" + as_text + " AND " + id + " > CAST($3" + as_id + ")))");
}

TEST_CASE("nulls are behind all values, or in front of them, as the order says, and are searched apart") {
  const Pages pages;
  const auto parts = [&](const std::string& order, Values values) {
    const auto scan = pages.at("order=" + order + "&limit=5", std::move(values)).scan;
    CHECK(scan.where == "");
    REQUIRE(scan.parts);
    return std::pair(scan.parts->first, scan.parts->then);
  };
  const std::string is_null = votes + " IS NULL", is_value = votes + " IS NOT NULL";
  CHECK(parts("votes.desc.nullslast", {"9", "7"}) ==
        std::pair(votes + " <= CAST($2" + as_votes + " AND (" + votes + " < CAST($2" + as_votes + " OR (" +
                      votes + " = CAST($2" + as_votes + " AND " + id + " > CAST($3" + as_id + "))",
                  is_null));
  CHECK(parts("votes", {"9", "7"}) ==
        std::pair('(' + votes + ", " + id + ") > (CAST($2" + as_votes + ", CAST($3" + as_id + ')', is_null));
  CHECK(parts("votes.desc", {std::nullopt, "7"}) ==
        std::pair(is_null + " AND " + id + " > CAST($2" + as_id, is_value));
  // Behind the last null there is nothing else.
  CHECK(pages.where("order=votes.desc.nullslast&limit=5", {std::nullopt, "7"}) ==
        '(' + is_null + " AND " + id + " > CAST($2" + as_id + ')');
}

TEST_CASE("of keys behind the first, nulls are looked for among the values") {
  CHECK(Pages().where("order=name,votes&limit=5", {"x", "9", "7"}) ==
        '(' + name + " >= CAST($2" + as_text + " AND (" + name + " > CAST($2" + as_text + " OR (" + name +
            " = CAST($2" + as_text + " AND ((" + votes + " > CAST($3" + as_votes + " OR " + votes +
            " IS NULL) OR (" + votes + " = CAST($3" + as_votes + " AND " + id + " > CAST($4" + as_id +
            ")))))");
}

TEST_CASE("rows of two parts are two searches, each with the filters and the limit, in one order") {
  const auto read = Pages().at("select=name&name=eq.x&order=votes.desc.nullslast&limit=5", {"9", "7"});
  const auto statement = read.scan.statement({.epoch = Epoch{7}});
  const std::string
      from = " FROM \"public\".\"movies\" AS \"movies\" WHERE shardplex.check_epoch($1::bigint) AND " + name +
             " = $2 AND ",
      columns = "(SELECT " + name + " AS c0, " + votes + " AS k0, " + id + " AS k1" + from,
      order = " ORDER BY k0 DESC NULLS LAST, k1 ASC NULLS LAST LIMIT 5)";
  CHECK(statement.sql ==
        "SELECT q.c0, q.k0, q.k1, CAST(q.k0 AS text), CAST(q.k1 AS text) FROM (SELECT * FROM (" + columns +
            votes + " <= CAST($3" + as_votes + " AND (" + votes + " < CAST($3" + as_votes + " OR (" + votes +
            " = CAST($3" + as_votes + " AND " + id + " > CAST($4" + as_id + "))" + order + " UNION ALL " +
            columns + votes + " IS NULL" + order +
            ") u ORDER BY u.k0 DESC NULLS LAST, u.k1 ASC NULLS LAST LIMIT 5) q");
  CHECK(statement.params == Values{"7", "x", "9", "7"});
}

TEST_CASE("the page in front of a row is read in the opposite order, from the row on") {
  const Pages pages;
  const auto read = pages.at("select=id&order=votes.desc.nullslast&limit=5", {"9", "7"}, true);
  CHECK(read.page->turned);
  CHECK_FALSE(read.page->is_first);
  CHECK(read.scan.order_by == "k0 ASC NULLS FIRST, \"movies\".\"id\" DESC NULLS FIRST");
  REQUIRE(read.scan.keys.size() == 2);
  CHECK(read.scan.keys[0] == MergeKey{SortKind::int4, false, true, {}});
  CHECK(read.scan.keys[1] == MergeKey{SortKind::int8, true, true, {}});
  CHECK(read.scan.where == '(' + votes + " >= CAST($2" + as_votes + " AND (" + votes + " > CAST($2" +
                               as_votes + " OR (" + votes + " = CAST($2" + as_votes + " AND " + id +
                               " < CAST($3" + as_id + ")))");
}

TEST_CASE("filters and a cursor both hold") {
  const auto read = Pages().at("name=eq.x&limit=5", {"7"});
  CHECK(read.scan.where == name + " = $2 AND ((" + id + ") > (CAST($3" + as_id + "))");
  CHECK(read.scan.params == Values{"x", "7"});
}

TEST_CASE("a place inside json compares as text, by parameters of its own") {
  const auto read = Pages().at("select=id&order=data->>a&limit=5", {"x", "7"});
  REQUIRE(read.scan.parts);
  CHECK(read.scan.parts->first ==
        "((\"movies\".\"data\"->>$2::text), " + id + ") > (CAST($3" + as_text + ", CAST($4" + as_id + ')');
  CHECK(read.scan.params == Values{"a", "x", "7"});
}

TEST_CASE("values of an enum have to be among its labels") {
  const Pages pages;
  CHECK(pages.where("order=mpaa.nullsfirst&limit=5", {"PG", "7"}).find("AS \"public\".\"mpaa\")") !=
        std::string::npos);
  const auto order = pages.read("order=mpaa&limit=5&after=").page->order;
  CHECK(pages.refusal("order=mpaa&limit=5&after=" + encode_cursor({false, order, {"X", "7"}})).code ==
        "SHARD400");
}

TEST_CASE("a key whose collation is not that of bytes breaks ties by its bytes, and so compares by them") {
  Pages pages{genres(), hash_map()};
  pages.table.columns[0] = collated(pages.table.columns[0], "de_DE.utf8");
  CHECK(pages.where("limit=5", {"x"}) == "((\"genres\".\"name\" COLLATE \"C\") > (CAST($1" + as_text + "))");
}

TEST_CASE("an order is the same however it is written, and no other") {
  const Pages pages;
  CHECK(pages.order_of("name") == pages.order_of("name.asc.nullslast"));
  CHECK(pages.order_of("name.desc") == pages.order_of("name.desc.nullsfirst"));
  CHECK(pages.order_of("name") == pages.order_of("name,id"));
  std::vector<std::uint64_t> orders;
  for (const auto* order : {"name", "name.desc", "name.nullsfirst", "name.desc.nullslast", "id", "id.desc",
                            "votes", "name,votes", "votes,name", "data->>a", "data->>b", "data->>1",
                            "data->a->>b", "data->>c", "name,id.desc", "released"})
    orders.push_back(pages.order_of(order));
  orders.push_back(Pages{ratings(), hash_map()}.read("limit=5&after=").page->order);
  auto retyped = movies();
  retyped.columns[1].type_name = "varchar";
  orders.push_back(Pages{retyped, hash_map()}.order_of("name"));
  for (const auto order : orders) CHECK(std::count(orders.begin(), orders.end(), order) == 1);
}

TEST_CASE("a cursor of another order, another table or other keys is refused") {
  const Pages pages;
  const auto order = pages.order_of("name");
  const auto refused = [&](const Cursor& cursor, const std::string& query_string) {
    const auto error = pages.refusal(query_string + "&limit=5&after=" + encode_cursor(cursor));
    CHECK(error.code == "SHARD400");
    CHECK(error.hint.has_value());
  };
  CHECK(pages.plan("order=name&limit=5&after=" + encode_cursor({false, order, {"x", "7"}})).has_value());
  refused({false, order, {"x", "7"}}, "order=name.desc");
  refused({false, order, {"x", "7"}}, "order=votes");
  refused({false, order, {"x", "7"}}, "select=*");
  refused({false, order, {"x"}}, "order=name");
  refused({false, order, {"x", "7", "8"}}, "order=name");
  refused({false, order + 1, {"x", "7"}}, "order=name");
}

TEST_CASE("what cannot be paged by cursor is refused, with a way that works") {
  const Pages pages;
  for (const auto* query_string :
       {"after=", "limit=0&after=", "limit=1001&after=", "limit=5&offset=1&after=", "limit=5&after=x",
        "limit=5&order=data&after=", "limit=5&order=genre&after=", "limit=5&order=data->a&after="}) {
    CAPTURE(std::string(query_string));
    const auto error = pages.refusal(query_string);
    CHECK(error.code == "SHARD400");
    CHECK(error.message == "This request cannot be paged by cursor");
    CHECK(error.details.has_value());
    CHECK(error.hint.has_value());
  }
  CHECK(pages.plan("limit=1000&offset=0&after=").has_value());
  CHECK(pages.refusal("limit=5&after=", CountKind::exact).code == "SHARD400");
  CHECK(pages.refusal("limit=5&order=nothing&after=").code == "42703");
  Pages keyless;
  keyless.table.primary_key.clear();
  CHECK(keyless.refusal("limit=5&after=").code == "SHARD400");
}

TEST_CASE("a page of one row by its key is a read of rows") {
  CHECK(std::holds_alternative<PointRead>(Pages().plan("id=eq.5&limit=1").value()));
  CHECK(std::holds_alternative<RowsRead>(Pages().plan("id=eq.5&limit=1&after=").value()));
}
