#include "query/plan/route.hpp"

#include <doctest/doctest.h>

#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Condition condition(std::string column, Operator op, std::string value) {
  Condition c;
  c.field.column = std::move(column);
  c.op = op;
  c.value = std::move(value);
  return c;
}

Condition eq(std::string column, std::string value) {
  return condition(std::move(column), Operator::eq, std::move(value));
}

Condition eq_any(std::string column, std::string literal) {
  Condition c = eq(std::move(column), std::move(literal));
  c.quantifier = Quantifier::any;
  return c;
}

Condition in(std::string column, std::vector<std::string> list) {
  Condition c = condition(std::move(column), Operator::in, "");
  c.list = std::move(list);
  return c;
}

Condition negated(Condition c) {
  c.negated = true;
  return c;
}

Filter logic(bool disjunction, std::vector<Filter> children, bool is_negated = false) {
  return {std::make_shared<const Logic>(Logic{disjunction, is_negated, std::move(children)})};
}

Filter any_of(std::vector<Filter> children) {
  return logic(true, std::move(children));
}

Filter all_of(std::vector<Filter> children) {
  return logic(false, std::move(children));
}

SlotSet under_hash(const std::vector<Filter>& filters) {
  const ShardMap map = hash_map();
  const Table table = movies();
  return candidate_slots(filters, in_map(table, map));
}

SlotSet under_list(const std::vector<Filter>& filters) {
  const ShardMap map = list_map();
  const Table table = movies();
  return candidate_slots(filters, in_map(table, map));
}

const SlotSet every = SlotSet::all(1024), nothing = SlotSet::none(1024);

SlotSet of_ids(std::initializer_list<std::int64_t> ids) {
  SlotSet out = nothing;
  for (const auto id : ids) out.insert(slot_of(canonical_bytes(id), 1024));
  return out;
}

SlotSet of_list(std::string_view value) {
  return slots_of_list_value(list_map().group(GroupId{0}), value);
}

SlotSet operator&(SlotSet a, const SlotSet& b) {
  return a &= b;
}

SlotSet operator|(SlotSet a, const SlotSet& b) {
  return a |= b;
}

}  // namespace

TEST_CASE("equality on the hashed key narrows to its slot") {
  CHECK(under_hash({{eq("id", "5")}}) == of_ids({5}));
  CHECK(under_hash({{eq("id", " +005")}}) == of_ids({5}));
  CHECK(under_hash({{in("id", {"5", "6", "-7"})}}) == of_ids({5, 6, -7}));
  CHECK(under_hash({{eq_any("id", "{5,6}")}}) == of_ids({5, 6}));
}

TEST_CASE("an empty list can match nothing, so it has no slots") {
  CHECK(under_hash({{in("id", {})}}) == nothing);
  CHECK(under_hash({{eq_any("id", "{}")}}) == nothing);
}

TEST_CASE("a key that PostgreSQL might read otherwise keeps every slot") {
  for (const std::string text : {"5.0", "1e3", "", "five", "99999999999999999999", "0x5"}) {
    CAPTURE(text);
    CHECK(under_hash({{eq("id", text)}}) == every);
    CHECK(under_hash({{in("id", {"5", text})}}) == every);
  }
}

TEST_CASE("a label that is not known keeps every slot, for it may be another one's new name") {
  const ShardMap map = hash_map();
  Table table = movies();
  table.columns[0] = rating_enum("id");
  CHECK(candidate_slots({{eq("id", "PG")}}, in_map(table, map)).size() == 1);
  CHECK(candidate_slots({{eq("id", "Teens")}}, in_map(table, map)) == every);
}

TEST_CASE("an array literal that is not in the simple form keeps every slot") {
  for (const std::string literal : {"{\"5\"}", "{5, 6}", "{5,NULL}", "{5,null}", "{{5}}", "[1:1]={5}", "{5",
                                    "5}", "{5,}", "{,}", "{5\\6}", "", "{"}) {
    CAPTURE(literal);
    CHECK(under_hash({{eq_any("id", literal)}}) == every);
  }
}

TEST_CASE("anything but plain equality on the key keeps every slot") {
  CHECK(under_hash({}) == every);
  CHECK(under_hash({{eq("name", "5")}}) == every);
  CHECK(under_hash({{eq("primary_genre", "Drama")}}) == every);
  CHECK(under_hash({{negated(eq("id", "5"))}}) == every);
  CHECK(under_hash({{negated(in("id", {"5"}))}}) == every);
  for (const auto op : {Operator::neq, Operator::gt, Operator::gte, Operator::lt, Operator::lte,
                        Operator::like, Operator::is, Operator::isdistinct})
    CHECK(under_hash({{condition("id", op, "5")}}) == every);
  Condition in_json = eq("id", "5");
  in_json.field.path = {{true, "a"}};
  CHECK(under_hash({{in_json}}) == every);
  Condition all = eq("id", "{5}");
  all.quantifier = Quantifier::all;
  CHECK(under_hash({{all}}) == every);
}

TEST_CASE("and intersects, or unites") {
  CHECK(under_hash({{eq("id", "5")}, {eq("name", "x")}}) == of_ids({5}));
  CHECK(under_hash({{in("id", {"5", "6"})}, {in("id", {"6", "7"})}}) == of_ids({6}));
  CHECK(under_hash({any_of({{eq("id", "5")}, {eq("id", "6")}})}) == of_ids({5, 6}));
  CHECK(under_hash({any_of({{eq("id", "5")}, {eq("name", "x")}})}) == every);
  CHECK(under_hash({any_of({all_of({{eq("id", "5")}, {eq("name", "x")}}), {eq("id", "6")}})}) ==
        of_ids({5, 6}));
  CHECK(under_hash({any_of({{eq("id", "5")}, {eq("id", "6")}}), {eq("id", "6")}}) == of_ids({6}));
}

TEST_CASE("a negated tree keeps every slot") {
  CHECK(under_hash({logic(false, {{eq("id", "5")}}, true)}) == every);
  CHECK(under_hash({logic(true, {{eq("id", "5")}}, true)}) == every);
  CHECK(under_hash({logic(true, {{eq("id", "5")}}, true), {eq("id", "6")}}) == of_ids({6}));
}

TEST_CASE("under list the list column narrows to its list and the key to one slot of each list") {
  CHECK(under_list({{eq("primary_genre", "Drama")}}) == of_list("Drama"));
  CHECK(under_list({{in("primary_genre", {"Drama", "Horror"})}}) == (of_list("Drama") | of_list("Horror")));
  CHECK(under_list({{eq("primary_genre", "Unheard of")}}) == of_list("Unheard of"));
  const SlotSet of_five = slots_of_key(list_map().group(GroupId{0}), canonical_bytes(5));
  CHECK(of_five.size() == 4);
  CHECK(under_list({{eq("id", "5")}}) == of_five);
  const SlotSet both = under_list({{eq("id", "5")}, {eq("primary_genre", "Comedy")}});
  CHECK(both == (of_five & of_list("Comedy")));
  CHECK(both.size() == 1);
  CHECK(under_list({{negated(eq("primary_genre", "Drama"))}}) == every);
  CHECK(under_list({{condition("primary_genre", Operator::like, "Drama")}}) == every);
}

TEST_CASE("a list column whose equality is not equality of bytes keeps every slot") {
  const ShardMap map = list_map();
  Table table = movies();
  table.columns[3].deterministic_collation = false;
  CHECK(candidate_slots({{eq("primary_genre", "Drama")}}, in_map(table, map)) == every);
  table.columns[3] = column("primary_genre", "integer", "int4");
  CHECK(candidate_slots({{eq("primary_genre", "1")}}, in_map(table, map)) == every);
}

TEST_CASE("the slot of every matching row is among the candidates") {
  const ShardMap map = list_map();
  for (const std::int64_t id : {0, 1, 42, 999'983})
    for (const std::string genre : {"Drama", "Comedy", "Horror", "Western"}) {
      const Slot slot = slot_of_row(map.group(GroupId{0}), canonical_bytes(id), genre);
      CHECK(under_list({{eq("id", std::to_string(id))}}).contains(slot));
      CHECK(under_list({{eq("primary_genre", genre)}}).contains(slot));
    }
}

namespace {

/// Each shard's ownership report on the group catalog: owned where `owns(shard, slot)`.
template <class Owns>
std::vector<std::optional<ShardOwnership>> reports(Owns owns) {
  std::vector<std::optional<ShardOwnership>> out;
  for (std::uint16_t shard = 0; shard < 3; ++shard) {
    ShardOwnership report;
    report.epoch = Epoch{10 + shard};
    auto& states = report.groups["catalog"];
    for (std::uint32_t slot = 0; slot < 1024; ++slot)
      states.push_back(owns(shard, slot) ? SlotState::owned : SlotState::absent);
    out.push_back(std::move(report));
  }
  return out;
}

std::vector<std::optional<ShardOwnership>> in_thirds() {
  return reports([](std::uint16_t shard, std::uint32_t slot) { return slot * 3 / 1024 == shard; });
}

SlotSet slots_at(std::initializer_list<std::uint32_t> values) {
  SlotSet out = nothing;
  for (const auto value : values) out.insert(Slot{value});
  return out;
}

RouteOrFault placed(const SlotSet& slots, const std::vector<std::optional<ShardOwnership>>& heard,
                    bool is_write = false) {
  const ShardMap map = hash_map();
  return place(slots, GroupId{0}, map, Ownership(map, heard), is_write);
}

}  // namespace

TEST_CASE("slots are grouped by owner, ascending, each under its shard's epoch") {
  const auto route = std::get<Route>(placed(slots_at({1000, 3, 1}), in_thirds()));
  CHECK(route.kind == RouteKind::some);
  REQUIRE(route.targets.size() == 2);
  CHECK(route.targets[0].shard == ShardId{0});
  CHECK(route.targets[0].epoch == Epoch{10});
  CHECK(route.targets[0].clean);
  CHECK(route.targets[0].slots == slots_at({1, 3}));
  CHECK(route.targets[1].shard == ShardId{2});
  CHECK(route.targets[1].epoch == Epoch{12});
  CHECK(route.targets[1].slots == slots_at({1000}));
}

TEST_CASE("a route is named by how many shards it asks") {
  CHECK(std::get<Route>(placed(nothing, in_thirds())).kind == RouteKind::none);
  CHECK(std::get<Route>(placed(nothing, in_thirds())).targets.empty());
  CHECK(std::get<Route>(placed(slots_at({0, 1, 2}), in_thirds())).kind == RouteKind::one);
  CHECK(std::get<Route>(placed(slots_at({0, 1023}), in_thirds())).kind == RouteKind::some);
  CHECK(std::get<Route>(placed(every, in_thirds())).kind == RouteKind::all);
  CHECK(to_string(RouteKind::some) == "some");
  CHECK(to_string(RouteKind::any) == "any");
}

TEST_CASE("a shard with rows it does not own is asked for owned slots only") {
  auto heard = in_thirds();
  heard[0]->groups.at("catalog")[1023] = SlotState::moved;
  const auto route = std::get<Route>(placed(slots_at({0, 1023}), heard));
  CHECK_FALSE(route.targets[0].clean);
  CHECK(route.targets[1].clean);
}

TEST_CASE("one slot without an owner fails the whole request") {
  auto heard = in_thirds();
  heard[1]->groups.at("catalog")[500] = SlotState::incoming;
  const auto fault = std::get<RouteFault>(placed(every, heard));
  CHECK(fault.kind == RouteFault::Kind::unowned);
  CHECK(fault.group == "catalog");
  CHECK(fault.slot == Slot{500});
  CHECK(fault.shard == "");
  CHECK(std::holds_alternative<Route>(placed(slots_at({499, 501}), heard)));
}

TEST_CASE("a slot with two owners is nobody's") {
  auto heard = in_thirds();
  heard[2]->groups.at("catalog")[7] = SlotState::owned;
  const auto fault = std::get<RouteFault>(placed(slots_at({7}), heard));
  CHECK(fault.kind == RouteFault::Kind::doubly_owned);
  CHECK(fault.slot == Slot{7});
}

TEST_CASE("slots of a shard that was never heard are a fault that names it") {
  auto heard = in_thirds();
  heard[1].reset();
  const auto fault = std::get<RouteFault>(placed(slots_at({0, 500}), heard));
  CHECK(fault.kind == RouteFault::Kind::shard_unknown);
  CHECK(fault.shard == "beta");
  CHECK(std::holds_alternative<Route>(placed(slots_at({0, 1023}), heard)));
}

TEST_CASE("a fenced slot refuses writes and still serves reads") {
  auto heard = in_thirds();
  heard[0]->groups.at("catalog")[3] = SlotState::fenced;
  CHECK(std::holds_alternative<Route>(placed(slots_at({3}), heard, false)));
  const auto fault = std::get<RouteFault>(placed(slots_at({3}), heard, true));
  CHECK(fault.kind == RouteFault::Kind::fenced);
  CHECK(fault.shard == "alpha");
  CHECK(std::holds_alternative<Route>(placed(slots_at({4}), heard, true)));
}
