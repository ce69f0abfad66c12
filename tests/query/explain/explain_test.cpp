#include "query/explain/explain.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "query/explain/explained_statement.hpp"
#include "query/grammar/parse.hpp"
#include "query/plan/not_planned.hpp"
#include "query/resolve/read_tree.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

namespace json = boost::json;

/// The reports of shards that own what the map places on them.
std::vector<std::optional<ShardOwnership>> reports_of(const ShardMap& map) {
  std::vector<std::optional<ShardOwnership>> reports;
  for (std::size_t shard = 0; shard < map.shards().size(); ++shard) {
    ShardOwnership report{Epoch{7}, {}};
    for (const auto& group : map.groups()) {
      auto& states = report.groups[group.name];
      for (const auto owner : group.placement)
        states.push_back(owner.value == shard ? SlotState::owned : SlotState::absent);
    }
    reports.emplace_back(std::move(report));
  }
  return reports;
}

struct Explained {
  ShardMap map = hash_map();
  Table table = movies();
  CountKind count = CountKind::none;
  ReadRules rules{};
  std::vector<std::optional<ShardOwnership>> reports = reports_of(hash_map());

  Result<json::object> of(std::string_view query_string) const {
    Catalogue catalogue;
    for (auto each : {movies(), ratings(), genres()}) catalogue.tables[each.name] = each;
    catalogue.tables[table.name] = table;
    catalogue.tables.at("ratings").foreign_keys = {{"of_movie", {"movie_id"}, "movies", {"id"}},
                                                   {"of_genre", {"score"}, "movies", {"votes"}}};
    const Relations relations(catalogue);
    const auto query = parse_query(table.name, query_string, {}).value();
    const RoutedTable routed = in_map(*catalogue.find(table.name), map);
    const auto tree = resolve(query, routed.table(), catalogue, relations);
    if (!tree) return tree.error();
    const auto plan = plan_routed_read(*tree, query, routed, count, rules);
    if (!plan) return plan.error();
    return explain({query, routed, *plan}, Ownership(map, reports));
  }
  json::value value(std::string_view query_string) const { return of(query_string).value(); }
};

const Explained hashed, listed{list_map(), movies(), CountKind::none, {}, reports_of(list_map())},
    reference{hash_map(), genres()};

/// "Slice(SortedMerge(Scan,Scan))"
std::string shape_of(const json::value& node) {
  std::string out(node.at("operator").as_string());
  const auto* inputs = node.as_object().if_contains("inputs");
  if (inputs == nullptr || inputs->as_array().empty()) return out;
  std::string inside;
  for (const auto& input : inputs->as_array()) inside += (inside.empty() ? "" : ",") + shape_of(input);
  return out + '(' + inside + ')';
}

std::vector<std::string> texts(const json::value& list) {
  return json::value_to<std::vector<std::string>>(list);
}

bool any_says(const json::value& list, const std::string& what) {
  for (const auto& text : texts(list))
    if (text.find(what) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE(
    "a read without a filter on the key asks all shards, and the explanation says why and what would help") {
  const auto told =
      hashed.value("select=name&order=imdb_score.desc.nullslast&limit=20&offset=5&primary_genre=eq.Drama");
  CHECK(told.at("table").as_string() == "movies");
  const auto& route = told.at("route");
  CHECK(route.at("kind").as_string() == "all");
  CHECK(route.at("group").as_string() == "catalog");
  CHECK(route.at("slots").as_string() == "0-1023");
  CHECK(texts(route.at("why")) ==
        std::vector<std::string>{"no filter narrows the 1024 slots: eq, in and eq(any) on id would"});
  REQUIRE(route.at("shards").as_array().size() == 3);
  CHECK(route.at_pointer("/shards/0/shard").as_string() == "alpha");
  CHECK(route.at_pointer("/shards/0/slots").as_string() == "0-341");
  CHECK(route.at_pointer("/shards/0/epoch").to_number<int>() == 7);
  CHECK(shape_of(told.at("operators")) == "Slice(SortedMerge(Scan,Scan,Scan))");
  CHECK(told.at_pointer("/operators/offset").to_number<int>() == 5);
  CHECK(texts(told.at_pointer("/operators/inputs/0/keys")) ==
        std::vector<std::string>{"imdb_score.desc.nullslast", "id.asc.nullslast"});
  CHECK(any_says(told.at("hints"), "`id=eq.VALUE`"));
}

TEST_CASE("equal statements of several shards are told once, with the types of parameters and no values") {
  const auto told = hashed.value("primary_genre=eq.Drama-is-secret&limit=2000");
  REQUIRE(told.at("statements").as_array().size() == 1);
  const auto& statement = told.at("statements").at(0);
  CHECK(texts(statement.at("shards")) == std::vector<std::string>{"alpha", "beta", "gamma"});
  CHECK(statement.at("sql").as_string().find("check_epoch($1::bigint)") != json::string::npos);
  CHECK(statement.at_pointer("/parameters/0") ==
        json::value{{"name", "$1"}, {"type", "bigint"}, {"is", "the epoch"}});
  CHECK(statement.at_pointer("/parameters/1") ==
        json::value{{"name", "$2"}, {"type", "unknown"}, {"is", "a value"}});
  CHECK(json::serialize(told).find("secret") == std::string::npos);
}

TEST_CASE("a scan names what PostgreSQL writes of its rows, where the router cannot") {
  const auto of_scan = [](const json::value& told) -> json::value {
    const auto* names = told.at("operators").as_object().if_contains("postgresql_writes");
    return names == nullptr ? json::value() : *names;
  };
  CHECK(of_scan(hashed.value("id=eq.1&name=eq.x")) == json::value(json::array{"mpaa", "words"}));
  CHECK(of_scan(hashed.value("id=eq.1&select=level:mpaa,imdb_score")) == json::value(json::array{"level"}));
  CHECK(of_scan(hashed.value("id=eq.1&select=id,imdb_score,genre,data,votes::text")).is_null());
  const auto several = hashed.value("select=id,mpaa&order=id");
  for (const auto& scan : several.at_pointer("/operators/inputs").as_array())
    CHECK(scan.at("postgresql_writes") == json::value(json::array{"mpaa"}));
}

TEST_CASE("a filter on the key narrows, and is named") {
  const auto some = hashed.value("id=in.(1,2,3)&order=name");
  CHECK(any_says(some.at_pointer("/route/why"), "the filter on id narrows to 3 slots of 1024"));
  CHECK_FALSE(any_says(some.at("hints"), "VALUE"));
  const auto one = hashed.value("id=eq.42");
  CHECK(one.at_pointer("/route/kind").as_string() == "one");
  CHECK(shape_of(one.at("operators")) == "Scan");
  REQUIRE(one.at("statements").as_array().size() == 1);
  CHECK(one.at_pointer("/statements/0/parameters/1/type").as_string() == "bigint[]");
  const auto never = hashed.value("id=eq.1&or=(id.eq.2,id.eq.3)&order=name");
  CHECK(never.at_pointer("/route/kind").as_string() == "none");
  REQUIRE(never.at("statements").as_array().size() == 1);
  CHECK(never.at_pointer("/statements/0/shards/0").as_string() == "any");
  CHECK(any_says(never.at_pointer("/route/why"), "any one shard says whether the request is right"));
  CHECK(any_says(never.at_pointer("/route/why"), "the condition or(…) narrows to 2 slots"));
}

TEST_CASE("a filter on the key that does not narrow is told apart from none") {
  CHECK(any_says(hashed.value("id=gt.1").at("hints"), "The filter on id does not tell"));
  CHECK(any_says(hashed.value("name=eq.x").at("hints"), "placed by id, which no filter names"));
}

TEST_CASE("under list the list column narrows") {
  const auto told = listed.value("primary_genre=eq.Drama&limit=5");
  CHECK(told.at_pointer("/route/kind").as_string() == "one");
  CHECK(any_says(told.at_pointer("/route/why"), "the filter on primary_genre narrows to 256 slots"));
  CHECK(any_says(listed.value("limit=5").at_pointer("/route/why"), "on primary_genre and id would"));
  CHECK(any_says(listed.value("limit=5").at("hints"), "placed by primary_genre"));
}

TEST_CASE("a reference table is asked of any one shard") {
  const auto told = reference.value("limit=3");
  CHECK(told.at_pointer("/route/kind").as_string() == "any");
  CHECK(told.at_pointer("/route/slots").is_null());
  CHECK(told.at_pointer("/route/shards").as_array().size() == 3);
  CHECK(texts(told.at_pointer("/statements/0/shards")) == std::vector<std::string>{"any"});
  CHECK(told.at_pointer("/statements/0/parameters").as_array().empty());
  CHECK(reference.value("name=eq.Drama").at_pointer("/statements/0/parameters/0/type").as_string() ==
        "text[]");
}

TEST_CASE("groups that shards share are finished by one of them") {
  const auto told = hashed.value("select=primary_genre,imdb_score.avg()");
  CHECK(shape_of(told.at("operators")) == "FinalAggregate(Scan,Scan,Scan)");
  REQUIRE(told.at("statements").as_array().size() == 2);
  CHECK(texts(told.at_pointer("/statements/1/shards")) == std::vector<std::string>{"any"});
  CHECK(any_says(told.at("hints"), "Shards share groups"));
  const auto own = hashed.value("select=id,count()");
  CHECK(shape_of(own.at("operators")) == "SortedMerge(Scan,Scan,Scan)");
}

TEST_CASE("embeds of other shards are looked up, and those that each shard makes are part of its SQL") {
  const auto looked_up = hashed.value("select=name,ratings!of_genre(score)&limit=5");
  CHECK(shape_of(looked_up.at("operators")) == "LookupJoin(Slice(SortedMerge(Scan,Scan,Scan)),Lookup)");
  REQUIRE(looked_up.at("statements").as_array().size() == 2);
  CHECK(any_says(looked_up.at("hints"), "Embeds are looked up"));
  const auto chosen = hashed.value("select=name,ratings!of_genre!inner(score)&limit=5");
  CHECK(shape_of(chosen.at("operators")) == "Slice(LookupJoin(SortedMerge(Scan,Scan,Scan),Lookup))");
  CHECK(any_says(chosen.at("hints"), "Rows are chosen by rows of other shards"));
  const auto local = hashed.value("select=name,ratings!of_movie(score)&limit=5");
  CHECK(shape_of(local.at("operators")) == "Slice(SortedMerge(Scan,Scan,Scan))");
}

TEST_CASE("the rows are counted first where the operator bounds them") {
  Explained bounded = hashed;
  bounded.rules.row_bound = 100;
  const auto told = bounded.value("name=eq.x");
  REQUIRE(told.at("statements").as_array().size() == 2);
  CHECK(told.at_pointer("/statements/0/does").as_string() == "counts the rows, for --max-rows");
  CHECK(bounded.value("name=eq.x&limit=10").at("statements").as_array().size() == 1);
  CHECK(bounded.of("limit=1000").error().code == "SHARD400");
}

TEST_CASE("a slot without an owner is told, with no statements") {
  Explained lost = hashed;
  lost.reports[1].reset();
  const auto told = lost.value("limit=5");
  CHECK(told.at_pointer("/route/kind").is_null());
  CHECK(std::string(told.at_pointer("/route/fault").as_string()).find("beta, which has not been reached") !=
        std::string::npos);
  CHECK(told.at("statements").as_array().empty());
}

TEST_CASE("what the read is refused with is what its explanation is refused with") {
  CHECK(hashed.of("nothing=eq.1").error().code == "42703");
  CHECK(hashed.of("order=genre").error().code == "SHARD400");
  CHECK(hashed.of("order=genre&id=eq.1&name=eq.x").has_value());
  CHECK(hashed.of("select=stars()").error().code == "PGRST200");
}

TEST_CASE("a parameter's type is what the statement casts it to") {
  CHECK(parameter_type("x = ANY($2::bigint[]) AND y = $12::text", 2) == "bigint[]");
  CHECK(parameter_type("x = $12::text AND y = $1", 1) == "unknown");
  CHECK(parameter_type("x = $12::text", 12) == "text");
  CHECK(parameter_type("CAST($3 AS int8)", 3) == "int8");
  CHECK(parameter_type("x = $1::\"my schema\".\"t y\"[])", 1) == "\"my schema\".\"t y\"[]");
  CHECK(parameter_type("", 1) == "unknown");
}
