#include "router/services/movies/rendering.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "query/plan/key_filter.hpp"
#include "router/execution/worker.hpp"
#include "tests/router/result_sets.hpp"

using namespace shardplex;
using namespace shardplex::router;

namespace {

class NoRefresher final : public Refresher {
 public:
  void request_refresh() override {}
  void request_probes() override {}
  void saw_timeline(const std::string&, std::int64_t) override {}
  void request_tables() override {}
};

/// A request on the table "été", whose key is (a b, c).
struct SomeRequest {
  SomeRequest() {
    table.name = "été";
    table.primary_key = {"a b", "c"};
    request.table = &table;
  }

  Settings settings;
  NoRefresher refresher;
  IdSource ids;
  Metrics metrics{1};
  Worker worker{settings, refresher, ids, metrics.worker(0)};
  RequestContext context{worker, Clock::now()};
  Call call{Request()};
  PathParameters path;
  Table table;
  TableRequest request{call, context, "/{table}", path};
};

/// Rows of text as a shard would have sent them.
postgres::ResultSet result_of(const std::vector<tests::ResultRow>& rows) {
  return tests::result_of(rows.empty() ? 1 : static_cast<int>(rows.front().size()), rows);
}

Filter eq(std::string column, std::string value) {
  Condition condition;
  condition.field.column = std::move(column);
  condition.value = std::move(value);
  return {std::move(condition)};
}

}  // namespace

TEST_CASE("Content-Range names the first and last row, and the total where it is known") {
  CHECK(content_range(0, 10, 200) == "0-9/200");
  CHECK(content_range(20, 1, std::nullopt) == "20-20/*");
  CHECK(content_range(5, 0, 0) == "*/0");
  CHECK(content_range(5, 0, std::nullopt) == "*/*");
}

TEST_CASE("a value's Content-Type is its own, also where it has no bytes") {
  SomeRequest some;
  some.request.shape = Shape::value;
  some.request.value_type = "image/png";
  Answer answer;
  set_content_type(answer, some.request);
  CHECK(answer.content_type.empty());
  CHECK(answer.is_content);
  CHECK(answer.fields["Content-Type"] == "image/png");
}

TEST_CASE("written rows are an array as PostgreSQL separates one, or the object that was asked for") {
  SomeRequest some;
  const auto body = [&](std::optional<postgres::ResultSet> rows) {
    Answer answer;
    REQUIRE(set_representation(answer, some.request, "id", rows).has_value());
    CHECK(answer.is_content);
    return std::pair(answer.body, std::string(answer.content_type));
  };
  const std::string json = "application/json; charset=utf-8";
  CHECK(body(std::nullopt) == std::pair(std::string("[]"), json));
  CHECK(body(result_of({})) == std::pair(std::string("[]"), json));
  CHECK(body(result_of({{"{1}"}, {"{2}"}})) == std::pair(std::string("[{1}, \n {2}]"), json));
  some.request.is_row = true;
  CHECK(body(result_of({{"{1}"}})) == std::pair(std::string("{1}"), json));
  some.request.is_row = false;
  some.request.shape = Shape::object;
  CHECK(body(result_of({{"{1}"}})) ==
        std::pair(std::string("{1}"), std::string("application/vnd.pgrst.object+json; charset=utf-8")));
  some.request.shape = Shape::csv;
  CHECK(body(result_of({{"1"}, {"2"}})) ==
        std::pair(std::string("id\n1\n2"), std::string("text/csv; charset=utf-8")));
  CHECK(body(result_of({})).first == "\n");
  some.request.shape = Shape::ndjson;
  CHECK(body(result_of({})) == std::pair(std::string(), std::string("application/x-ndjson; charset=utf-8")));
}

TEST_CASE("a row route answers an object, and with lines where these were asked for") {
  SomeRequest some;
  some.request.is_row = true;
  const auto row = [&](Shape shape) {
    some.request.shape = shape;
    Answer answer;
    const std::string json = R"({"a":1,"b":null})";
    REQUIRE(set_row(answer, some.request, "a,b", shape == Shape::csv ? "1," : json).has_value());
    return std::pair(answer.body, std::string(answer.content_type));
  };
  const std::string json = R"({"a":1,"b":null})", stripped = R"({"a":1})";
  CHECK(row(Shape::array) == std::pair(json, std::string("application/json; charset=utf-8")));
  CHECK(row(Shape::object) ==
        std::pair(json, std::string("application/vnd.pgrst.object+json; charset=utf-8")));
  const std::string stripped_type = "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8";
  CHECK(row(Shape::stripped_array) == std::pair(stripped, stripped_type));
  CHECK(row(Shape::stripped_object) == std::pair(stripped, stripped_type));
  CHECK(row(Shape::csv) == std::pair(std::string("a,b\n1,"), std::string("text/csv; charset=utf-8")));
  CHECK(row(Shape::ndjson) == std::pair(json + '\n', std::string("application/x-ndjson; charset=utf-8")));
}

TEST_CASE("a location is a URL that finds the row: everything but unreserved characters is encoded") {
  SomeRequest some;
  WritePlan plan;
  plan.primary_key_columns = {"a b", "c"};
  CHECK(location(some.request, plan, result_of({{"1/2", "x-._~&"}})) ==
        "/%C3%A9t%C3%A9?a%20b=eq.1%2F2&c=eq.x-._~%26");
}

TEST_CASE("a location that is too long is left out: the row has been written all the same") {
  SomeRequest some;
  WritePlan plan;
  plan.primary_key_columns = {"c"};
  const auto is_told = [&](std::size_t length) {
    Answer answer;
    set_location(answer, some.request, plan, result_of({{std::string(length, 'x')}}));
    return answer.fields.count("Location") > 0;
  };
  CHECK(is_told(100));
  CHECK_FALSE(is_told(9'000));
  some.settings.limits.url_bytes = 1'000'000;
  CHECK(is_told(9'000));
  CHECK_FALSE(is_told(100'000));
}

TEST_CASE("filters name one row where each column of the primary key has an eq") {
  SomeRequest some;
  auto& filters = some.request.query.filters;
  const auto names_one_row = [](const TableRequest& request) {
    return shardplex::names_one_row(request.query.filters, *request.table);
  };
  CHECK_FALSE(names_one_row(some.request));
  filters.push_back(eq("a b", "1"));
  CHECK_FALSE(names_one_row(some.request));
  filters.push_back(eq("d", "1"));
  CHECK_FALSE(names_one_row(some.request));
  filters.push_back(eq("c", "1"));
  CHECK(names_one_row(some.request));
  std::get<Condition>(filters.back().node).negated = true;
  CHECK_FALSE(names_one_row(some.request));
  std::get<Condition>(filters.back().node).negated = false;
  std::get<Condition>(filters.back().node).op = Operator::gt;
  CHECK_FALSE(names_one_row(some.request));
}

TEST_CASE("preferences are named where they were honoured") {
  SomeRequest some;
  Answer none, counted;
  set_preferences(none, some.request, false);
  CHECK(none.fields.count("Preference-Applied") == 0);
  some.request.prefer = *parse_prefer("count=exact");
  set_preferences(counted, some.request, false);
  CHECK(counted.fields["Preference-Applied"] == "count=exact");
}
