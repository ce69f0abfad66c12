// Where rows are looked for whose shard key has several columns.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/catalogue/relations.hpp"
#include "query/explain/explained_route.hpp"
#include "query/grammar/parse.hpp"
#include "query/plan/key_combinations.hpp"
#include "query/plan/locality.hpp"
#include "query/plan/plan_call.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/composite_tables.hpp"
#include "tests/query/functions.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

const Table notes_table = notes(), lines_table = lines();

Query query_of_notes(const std::string& text) {
  return parse_query("notes", text, {}).value();
}

SlotSet slots_for(const std::string& text) {
  const ShardMap map = composite_map();
  return candidate_slots(query_of_notes(text).filters, in_map(notes_table, map));
}

SlotSet of_notes(const std::vector<std::pair<std::string, std::string>>& keys) {
  SlotSet slots = SlotSet::none(1024);
  for (const auto& [tenant, id] : keys) slots.insert(slot_of_note(tenant, id));
  return slots;
}

std::string list_of(std::size_t values) {
  std::string list;
  for (std::size_t i = 0; i < values; ++i) list += (i > 0 ? "," : "") + std::to_string(i);
  return "in.(" + list + ")";
}

const SlotSet every_slot = SlotSet::all(1024), no_slot = SlotSet::none(1024);

}  // namespace

TEST_CASE("a key of several columns narrows where filters tell all of them") {
  CHECK(slots_for("tenant=eq.a&id=eq.5") == of_notes({{"a", "5"}}));
  CHECK(slots_for("id=eq.%2005&tenant=eq.a&title=eq.x") == of_notes({{"a", "5"}}));
  CHECK(slots_for("tenant=in.(a,b)&id=in.(1,2)") ==
        of_notes({{"a", "1"}, {"a", "2"}, {"b", "1"}, {"b", "2"}}));
  CHECK(slots_for("tenant=eq(any).{a,b}&id=eq.1") == of_notes({{"a", "1"}, {"b", "1"}}));
  CHECK(slots_for("and=(tenant.eq.a,and(id.eq.5,title.eq.x))") == of_notes({{"a", "5"}}));
}

TEST_CASE("one of several columns alone tells no slot") {
  for (const std::string filters :
       {"", "tenant=eq.a", "id=eq.5", "tenant=eq.a&id=gt.5", "tenant=eq.a&id=not.eq.5",
        "tenant=eq.a&id=eq.five", "tenant=eq.a&id=in.(5,five)", "tenant=neq.a&id=eq.5",
        "not.and=(tenant.eq.a,id.eq.5)", "or=(tenant.eq.a,id.eq.5)", "tenant=eq(all).{a}&id=eq.5"}) {
    CAPTURE(filters);
    CHECK(slots_for(filters) == every_slot);
  }
}

TEST_CASE("what is known around an or is known in each of its branches") {
  CHECK(slots_for("tenant=eq.a&or=(id.eq.5,id.eq.6)") == of_notes({{"a", "5"}, {"a", "6"}}));
  CHECK(slots_for("or=(and(tenant.eq.a,id.eq.5),and(tenant.eq.b,id.eq.6))") ==
        of_notes({{"a", "5"}, {"b", "6"}}));
  CHECK(slots_for("or=(and(tenant.eq.a,id.eq.5),tenant.eq.b)") == every_slot);
  CHECK(slots_for("tenant=eq.a&or=(id.eq.5,title.eq.x)") == every_slot);
  CHECK(slots_for("id=eq.5&or=(tenant.eq.a,and(tenant.eq.b,or(title.eq.x,title.eq.y)))") ==
        of_notes({{"a", "5"}, {"b", "5"}}));
  CHECK(slots_for("tenant=eq.a&id=eq.5&or=(title.eq.x,id.eq.7)") == of_notes({{"a", "5"}}));
}

TEST_CASE("what contradicts itself has no slot") {
  CHECK(slots_for("tenant=eq.a&tenant=eq.b&id=eq.5") == no_slot);
  CHECK(slots_for("tenant=in.(a,b)&tenant=in.(b,c)&id=eq.5") == of_notes({{"b", "5"}}));
  CHECK(slots_for("tenant=eq.a&id=in.()") == no_slot);
  CHECK(slots_for("tenant=eq.a&id=eq.5&id=eq.005") == of_notes({{"a", "5"}}));
}

TEST_CASE("more combinations than are tried narrow nothing, and are no error") {
  CHECK_FALSE(slots_for("tenant=eq.a&id=" + list_of(most_combinations)) == every_slot);
  CHECK(slots_for("tenant=eq.a&id=" + list_of(most_combinations + 1)) == every_slot);
  CHECK_FALSE(slots_for("tenant=in.(a,b)&id=" + list_of(most_combinations / 2)) == every_slot);
  CHECK(slots_for("tenant=in.(a,b,c)&id=" + list_of(most_combinations / 2)) == every_slot);
  // All branches together.
  std::string branches;
  for (std::size_t i = 0; i <= most_combinations_in_all / most_combinations; ++i)
    branches += (i > 0 ? "," : "") + std::string("and(tenant.eq.a,id.") + list_of(most_combinations) + ')';
  CHECK(slots_for("or=(" + branches + ")") == every_slot);
}

namespace {

/// A random tree of conditions on the two columns, with values of which there are few.
class RandomFilters {
 public:
  explicit RandomFilters(unsigned seed) : random_(seed) {}

  std::vector<Filter> make() { return several(2); }

 private:
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  std::string value_of(bool tenant) {
    return tenant ? std::string(1, static_cast<char>('a' + below(3))) : std::to_string(below(3));
  }

  std::vector<Filter> several(unsigned depth) {
    std::vector<Filter> filters;
    for (unsigned count = 1 + below(3); count > 0; --count) filters.push_back(one(depth));
    return filters;
  }

  Filter one(unsigned depth) {
    if (depth > 0 && below(3) == 0)
      return {std::make_shared<const Logic>(Logic{below(2) == 0, below(5) == 0, several(depth - 1)})};
    Condition condition;
    const bool tenant = below(2) == 0;
    condition.field.column = tenant ? "tenant" : "id";
    condition.negated = below(6) == 0;
    condition.op = below(3) == 0 ? Operator::in : Operator::eq;
    if (condition.op == Operator::eq)
      condition.value = value_of(tenant);
    else
      for (unsigned count = below(3); count > 0; --count) condition.list.push_back(value_of(tenant));
    return {std::move(condition)};
  }

  std::mt19937 random_;
};

bool matches(const std::vector<Filter>& filters, const std::string& tenant, const std::string& id);

bool matches(const Filter& filter, const std::string& tenant, const std::string& id) {
  if (const auto* condition = std::get_if<Condition>(&filter.node)) {
    const auto& value = condition->field.column == "tenant" ? tenant : id;
    const bool holds = condition->op == Operator::eq
                           ? condition->value == value
                           : std::ranges::find(condition->list, value) != condition->list.end();
    return holds != condition->negated;
  }
  const auto& logic = *std::get<std::shared_ptr<const Logic>>(filter.node);
  const bool holds =
      logic.disjunction ? std::ranges::any_of(logic.children,
                                              [&](const Filter& child) { return matches(child, tenant, id); })
                        : matches(logic.children, tenant, id);
  return holds != logic.negated;
}

bool matches(const std::vector<Filter>& filters, const std::string& tenant, const std::string& id) {
  return std::ranges::all_of(filters, [&](const Filter& filter) { return matches(filter, tenant, id); });
}

}  // namespace

TEST_CASE("the slot of every row that matches random filters is among their slots") {
  const ShardMap map = composite_map();
  const RoutedTable routed = in_map(notes_table, map);
  int narrowed = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const auto filters = RandomFilters(seed).make();
    const SlotSet slots = candidate_slots(filters, routed);
    if (!slots.is_all()) ++narrowed;
    for (const std::string tenant : {"a", "b", "c", "d"})
      for (const std::string id : {"0", "1", "2", "3"})
        if (matches(filters, tenant, id) && !slots.contains(slot_of_note(tenant, id)))
          FAIL_CHECK("seed " << seed << ": " << tenant << " " << id);
  }
  CHECK(narrowed > 100);
}

TEST_CASE("a key of several columns has no point reads, and no list of keys that is cut for each shard") {
  const ShardMap map = composite_map();
  const RoutedTable routed = in_map(notes_table, map);
  for (const std::string text : {"tenant=eq.a&id=eq.5", "id=eq.5", "tenant=eq.a&id=in.(5,6)"}) {
    const Query query = query_of_notes(text);
    CHECK(point_key(query, routed) == nullptr);
    const auto plan = plan_routed_read(query, routed, CountKind::none, {}).value();
    REQUIRE(std::holds_alternative<RowsRead>(plan));
    CHECK_FALSE(std::get<RowsRead>(plan).scan.key_list.has_value());
  }
}

TEST_CASE("it is told what narrows a route, and what would") {
  const ShardMap map = composite_map();
  const RoutedTable routed = in_map(notes_table, map);
  const auto reasons = [&](const std::string& text) {
    return reasons_of_route(query_of_notes(text).filters, routed);
  };
  CHECK(reasons("tenant=eq.a&id=in.(1,2)").front() ==
        "the filters on tenant and id narrow to 2 slots of 1024");
  CHECK(reasons("tenant=eq.a").front() ==
        "no filter narrows the 1024 slots: eq, in and eq(any) on tenant and id together would");
}

TEST_CASE("rows are related on their shard where all columns of the key are paired, each with its own") {
  const ShardMap map = composite_map();
  const auto local = [&](std::vector<ColumnPair> columns) {
    Relation relation;
    relation.table = "lines";
    relation.foreign_table = "notes";
    relation.columns = std::move(columns);
    return is_local(relation, map);
  };
  CHECK(local({{"of_tenant", "tenant"}, {"of_note", "id"}}));
  CHECK(local({{"of_note", "id"}, {"of_tenant", "tenant"}}));
  CHECK(local({{"number", "author"}, {"of_note", "id"}, {"of_tenant", "tenant"}}));
  CHECK_FALSE(local({{"of_note", "id"}}));
  CHECK_FALSE(local({{"of_tenant", "tenant"}}));
  CHECK_FALSE(local({{"of_tenant", "id"}, {"of_note", "tenant"}}));
}

TEST_CASE("a function is asked on the shard of all its arguments together") {
  Catalogue catalogue;
  for (const auto& table : {notes_table, lines_table, genres()}) catalogue.tables[table.name] = table;
  const ShardMap map = composite_map();
  const Relations relations(catalogue);
  const auto call = [&](const MapFunction& declared, std::vector<Argument> given,
                        const std::string& type_of_id = "bigint") {
    const auto f =
        function("lines_of", {argument("tenant", "text", "text"),
                              argument("note", type_of_id, type_of_id == "bigint" ? "int8" : "text")});
    const CallArguments arguments = arguments_of(std::move(given));
    const Query rows = parse_query("lines_of", "", {}).value();
    return plan_call(f, declared, {arguments, rows}, map, catalogue, relations, {});
  };
  const auto declared = by("lines_of", key_of({"tenant", "note"}));
  const auto plan = call(declared, {{"note", "5"}, {"tenant", "a"}}).value();
  REQUIRE(plan.read.where.has_value());
  CHECK(plan.read.where->slots == of_notes({{"a", "5"}}));
  CHECK(call(declared, {{"tenant", "a"}}).error().details->find("declared by note") != std::string::npos);
  CHECK(call(declared, {{"note", "five"}, {"tenant", "a"}}).error().code == "22P02");
  CHECK(call(declared, {{"note", "5"}, {"tenant", "a"}}, "text").error().details->find("are text,integer") !=
        std::string::npos);
  CHECK(call(by("lines_of", key_of({"note", "tenant"})), {{"note", "5"}, {"tenant", "a"}}).error().code ==
        "SHARD400");
}
