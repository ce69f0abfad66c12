#include "query/patterns/request_shape.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/grammar/parse.hpp"
#include "tests/query/grammar/tree_generator.hpp"

using namespace shardplex;
using test::TreeGenerator;

namespace {

std::string shape_of(const Query& query, const Preferences& prefer = {}, Shape format = Shape::array) {
  std::string shape;
  append_shape(shape, {.method = "GET", .query = query, .prefer = prefer, .format = format});
  return shape;
}

/// Of GET /movies?text.
std::string shape_of(const std::string& text) {
  const auto query = parse_query("movies", text, {}, Cursors::served);
  REQUIRE_MESSAGE(query.has_value(), text);
  return shape_of(*query);
}

/// Calls `change(condition)` on every condition of the filters, and gives the filters with it.
template <class Change>
std::vector<Filter> changed(const std::vector<Filter>& filters, Change& change) {
  std::vector<Filter> out;
  for (const auto& filter : filters) {
    if (const auto* condition = std::get_if<Condition>(&filter.node)) {
      Condition copy = *condition;
      change(copy);
      out.push_back({std::move(copy)});
    } else {
      Logic copy = *std::get<std::shared_ptr<const Logic>>(filter.node);
      copy.children = changed(copy.children, change);
      out.push_back({std::make_shared<const Logic>(std::move(copy))});
    }
  }
  return out;
}

template <class Change, class Page>
void change_values(ReadNode& node, Change& change, Page& page) {
  node.filters = changed(node.filters, change);
  page(node);
  for (auto& embed : node.embeds) change_values(embed.rows, change, page);
}

/// What is left of a query where its values do not count.
Query without_values(Query query) {
  auto drop = [](Condition& condition) {
    condition.value.clear();
    condition.list.clear();
  };
  auto page = [](ReadNode& node) {
    if (node.limit) node.limit = 1;
    node.offset = 0;
  };
  change_values(query, drop, page);
  query.named_by_table.clear();
  return query;
}

Query with_other_values(Query query, TreeGenerator& random) {
  auto other = [&](Condition& condition) {
    if (condition.op == Operator::is) return;
    condition.value = "other?" + std::to_string(random.below(1000));
    condition.list.assign(condition.op == Operator::in ? random.below(5) : 0, "a,)?");
  };
  auto page = [&](ReadNode& node) {
    if (node.limit) node.limit = random.below(1000);
    node.offset = random.below(3);
  };
  change_values(query, other, page);
  return query;
}

/// The shape's own query, with numbers where only numbers can stand.
std::string query_text(const std::string& shape) {
  const auto question = shape.find('?');
  if (question == std::string::npos) return "";
  auto text = shape.substr(question + 1);
  for (auto at = text.find("limit=?"); at != std::string::npos; at = text.find("limit=?", at))
    text.replace(at, 7, "limit=1");
  return text;
}

}  // namespace

TEST_CASE("a shape has what is asked for, and '?' for every value") {
  struct Row {
    const char *query, *shape;
  };
  for (const auto& [query, shape] : std::initializer_list<Row>{
           {"", "GET /movies"},
           {"id=eq.42", "GET /movies?id=eq.?"},
           {"id=in.(1,2,3)&name=not.like.*a*", "GET /movies?id=in.(?)&name=not.like.?"},
           {"id=is.null&seen=not.is.true", "GET /movies?id=is.null&seen=not.is.true"},
           {"id=eq(any).{1,2}&name=ilike(all).{a*}", "GET /movies?id=eq(any).?&name=ilike(all).?"},
           {"plot=wfts(english).ship", "GET /movies?plot=wfts(english).?"},
           {"limit=20&offset=40&order=name.desc.nullslast,id&id=gt.5",
            "GET /movies?id=gt.?&order=name.desc.nullslast,id&limit=?"},
           {"offset=40", "GET /movies"},
           {"after=", "GET /movies?after=?"},
           {"select=*,n:name,more->tags->>0,imdb_score::int,count(),votes.sum()::text",
            "GET /movies?select=*,n:name,more->tags->>0,imdb_score::int,count(),votes.sum()::text"},
           {"select=name,cast:roles!by_film!inner(*,...actors(name))&cast.actors.name=eq.Li&cast.limit=3",
            "GET /movies?select=name,cast:roles!by_film!inner(*,...actors(name))&cast.limit=?"
            "&cast.actors.name=eq.?"},
           {"not.or=(id.eq.1,and(name.eq.\"a,b\",id.in.(1,2)))",
            "GET /movies?not.or=(id.eq.?,and(name.eq.?,id.in.(?)))"},
           {"columns=id,name&on_conflict=id", "GET /movies?columns=id,name&on_conflict=id"},
           {"%22a.b%22=eq.1&%22select%22=eq.2", "GET /movies?\"a.b\"=eq.?&\"select\"=eq.?"},
           {"%22it's%3F;%25%22=eq.1", "GET /movies?\"it%27s%3F%3B%25\"=eq.?"},
       })
    CHECK(shape_of(std::string(query)) == shape);
}

TEST_CASE("every operator has its word") {
  for (const std::string word :
       {"eq", "neq", "gt", "gte", "lt",  "lte", "like", "ilike", "match", "imatch", "isdistinct", "cs",
        "cd", "ov",  "sl", "sr",  "nxr", "nxl", "adj",  "fts",   "plfts", "phfts",  "wfts"})
    CHECK(shape_of("a=" + word + ".1") == "GET /movies?a=" + word + ".?");
}

TEST_CASE("the route, the method, arguments and fields are part of the shape") {
  Query query;
  query.table = "movies";
  Condition key;
  key.field.column = "id";
  key.value = "5";
  query.filters.push_back({key});
  std::string row;
  const Preferences none;
  append_shape(row, {.method = "DELETE", .query = query, .prefer = none, .is_row = true});
  CHECK(row == "DELETE /movies/{key}");

  query.filters.clear();
  query.table = "top movies?";
  std::string call;
  const std::vector<std::string> arguments{"n", "a b"};
  append_shape(call,
               {.method = "GET", .query = query, .prefer = none, .is_call = true, .arguments = arguments});
  CHECK(call == "GET /rpc/top movies%3F?n=?&\"a b\"=?");

  query.table = "movies";
  Preferences prefer;
  prefer.count = CountKind::exact;
  prefer.returning = ReturnKind::representation;
  prefer.timezone = "Asia/Tokyo";
  prefer.strict = true;
  prefer.max_affected = 3;
  std::string other;
  append_shape(other, {.method = "GET", .query = query, .prefer = none, .schema = "My; own"});
  CHECK(other == "GET /movies; Accept-Profile: My%3B own");
  std::string written;
  append_shape(written, {.method = "POST", .query = query, .prefer = none, .schema = "catalog"});
  CHECK(written == "POST /movies; Content-Profile: catalog");
  prefer.partial = true;
  std::string all;
  append_shape(all,
               {.method = "GET", .query = query, .prefer = prefer, .format = Shape::csv, .strong = true});
  CHECK(all ==
        "GET /movies; Prefer: count=exact,return=representation,timezone=?,handling=strict,max-affected=?,"
        "partial=allow; Accept: text/csv; Shardplex-Consistency: strong");
}

TEST_CASE("requests that differ in values alone have one shape, and it is a request of that shape") {
  std::size_t values = 0;
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    CAPTURE(seed);
    TreeGenerator generator(seed);
    const Query query = generator.query();
    const Query other = with_other_values(query, generator);
    const auto shape = shape_of(query);
    CAPTURE(shape);
    REQUIRE(shape_of(other) == shape);
    values += query == other ? 0 : 1;
    CHECK(shape.find("other") == std::string::npos);
    if (shape.find("…#") != std::string::npos) continue;
    const auto read = parse_query("films", query_text(shape), {});
    REQUIRE(read.has_value());
    REQUIRE(shape_of(*read) == shape);
  }
  CHECK(values > 1'500);
}

TEST_CASE("requests have one shape exactly where nothing but their values differs") {
  std::size_t alike = 0, different = 0;
  for (std::uint64_t seed = 1; seed <= 6'000; ++seed) {
    CAPTURE(seed);
    TreeGenerator generator(seed);
    const Query query = generator.query();
    const auto read = parse_query("films", generator.mutated(generator.text(query)), {});
    if (!read) continue;
    const bool is_alike = without_values(query) == without_values(*read);
    CAPTURE(shape_of(query));
    CAPTURE(shape_of(*read));
    REQUIRE((shape_of(query) == shape_of(*read)) == is_alike);
    ++(is_alike ? alike : different);
  }
  CHECK(alike > 30);
  CHECK(different > 100);
}

TEST_CASE("a long shape is cut within characters' bounds, and stays another than those it begins like") {
  std::set<std::string> shapes;
  for (const std::string last : {"a", "b", "é"}) {
    std::string text = "select=";
    for (int i = 0; i < 300; ++i) text += "éé" + std::to_string(i) + ",";
    const auto shape = shape_of(text + last);
    CHECK(shape.size() <= longest_shape);
    CHECK(shape.size() > longest_shape - 8);
    const auto mark = shape.find("…#");
    REQUIRE(mark != std::string::npos);
    CHECK(static_cast<unsigned char>(shape[mark - 1]) != 0xC3);  // the first byte of an é
    CHECK(explain_command(shape).empty());
    shapes.insert(shape);
  }
  CHECK(shapes.size() == 3);
}

TEST_CASE("the command that explains a read has its fields, and nothing that a shell would act on") {
  Preferences prefer;
  prefer.count = CountKind::exact;
  const auto query = parse_query("movies", "%22it's%22=eq.1&limit=5", {});
  REQUIRE(query.has_value());
  CHECK(explain_command(shape_of(*query)) == "shardplex explain 'GET /movies?\"it%27s\"=eq.?&limit=?'");
  CHECK(explain_command(shape_of(*query, prefer, Shape::csv)) ==
        "shardplex explain --header 'Prefer: count=exact' --header 'Accept: text/csv' "
        "'GET /movies?\"it%27s\"=eq.?&limit=?'");
  for (const auto* shape :
       {"PATCH /movies?id=eq.?", "POST /movies", "GET /rpc/top?n=?", "HEAD /rpc/top", "", "(no endpoint)"})
    CHECK(explain_command(shape).empty());
}
