// What tables and views have to be whose shard key has several columns.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/catalogue/view_slots.hpp"
#include "shard_map/joined.hpp"
#include "tests/query/composite_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

ShardCatalogue shard_with_notes() {
  ShardCatalogue shard;
  for (const auto& table : {notes(), lines(), genres()}) shard.tables[table.name] = table;
  shard.server_encoding = "UTF8";
  shard.default_collation = "C.UTF-8";
  return shard;
}

template <class Change>
Catalogue served_with(Change change) {
  ShardCatalogue shard = shard_with_notes();
  change(shard);
  return combine(composite_map(), {{"alpha", shard}, {"beta", shard}});
}

Column& column_in(ShardCatalogue& shard, const std::string& table, std::string_view name) {
  return *std::ranges::find(shard.tables.at(table).columns, name, &Column::name);
}

bool is_refused(const Catalogue& catalogue, const std::string& table, const std::string& why) {
  const auto found = catalogue.refused.find(table);
  return found != catalogue.refused.end() && found->second.find(why) != std::string::npos;
}

}  // namespace

TEST_CASE("tables with keys of several columns are served") {
  const auto catalogue = served_with([](ShardCatalogue&) {});
  CHECK(catalogue.refused.empty());
  CHECK(catalogue.warnings.empty());
  const ShardMap map = composite_map();
  const RoutedTable routed = in_map(*catalogue.find("notes"), map);
  CHECK(routed.key_types() == std::vector{KeyType::text, KeyType::integer});
  CHECK(routed.routing_columns() == std::vector<std::string>{"tenant", "id"});
}

TEST_CASE("every column of a key has to be there and to be of a key's type") {
  CHECK(is_refused(served_with([](ShardCatalogue& shard) {
                     auto& columns = shard.tables.at("lines").columns;
                     columns.erase(columns.begin() + 1);
                   }),
                   "lines", "there is no column of_note, which the map makes the shard key"));
  CHECK(is_refused(served_with([](ShardCatalogue& shard) {
                     column_in(shard, "lines", "of_note") = not_null(column("of_note", "real", "float4"));
                   }),
                   "lines", "the shard key of_note is real, which cannot be one"));
  CHECK(is_refused(served_with([](ShardCatalogue& shard) {
                     column_in(shard, "notes", "tenant").deterministic_collation = false;
                   }),
                   "notes", "column tenant routes rows"));
}

TEST_CASE("what is unique without a column of the key is so within a shard only") {
  const auto catalogue = served_with([](ShardCatalogue& shard) {
    shard.tables.at("notes").unique = {{"notes_id", {"id"}}, {"notes_both", {"id", "title", "tenant"}}};
  });
  REQUIRE(catalogue.warnings.size() == 1);
  CHECK(catalogue.warnings.front().find("notes_id on (id) does not contain tenant") != std::string::npos);
}

TEST_CASE("rows were placed by the form of each column") {
  const auto with_forms = [](const std::string& forms) {
    return served_with([&](ShardCatalogue& shard) {
      shard.definitions = definitions_of(composite_map());
      shard.definitions[key_subject("notes")] = forms;
    });
  };
  CHECK(with_forms("text,integer").refused.empty());
  CHECK(is_refused(with_forms("text,text"), "notes",
                   "the shard key tenant, id of notes is text, bigint, and its rows were placed by keys of "
                   "the form text,text: bring the columns back to such types"));
  CHECK(is_refused(with_forms("integer,text"), "notes", "form integer,text"));
  CHECK(is_refused(with_forms("text"), "notes", "form text:"));
  CHECK(key_form(std::vector{KeyType::uuid, KeyType::enumeration}) == "uuid,enum");
}

TEST_CASE("citext has to be at the same place of all keys of the group") {
  const auto refused = served_with(
      [](ShardCatalogue& shard) { column_in(shard, "notes", "tenant") = not_null(citext("tenant")); });
  CHECK(is_refused(refused, "notes",
                   "the shard key tenant is citext, and that of lines in the same group is "
                   "text"));
  CHECK(served_with([](ShardCatalogue& shard) {
          column_in(shard, "notes", "tenant") = not_null(citext("tenant"));
          column_in(shard, "lines", "of_tenant") = not_null(citext("of_tenant"));
        }).refused.empty());
}

TEST_CASE("keys of few values are warned of where all columns have few") {
  const auto flag = [](const std::string& name) { return not_null(column(name, "boolean", "bool")); };
  const auto one = served_with([&](ShardCatalogue& shard) {
    column_in(shard, "notes", "tenant") = flag("tenant");
    column_in(shard, "lines", "of_tenant") = flag("of_tenant");
  });
  CHECK(one.warnings.empty());
  const auto both = served_with([&](ShardCatalogue& shard) {
    column_in(shard, "notes", "tenant") = flag("tenant");
    column_in(shard, "notes", "id") = flag("id");
  });
  REQUIRE(both.warnings.size() == 1);
  CHECK(both.warnings.front().find("notes: the shard key tenant, id has 4 values") != std::string::npos);
}

namespace {

/// SELECT tenant, id, shardplex_slot FROM notes JOIN lines ON these.
ViewQuery joined_notes(std::vector<ViewEquality> on) {
  ViewQuery query;
  query.relations = {
      {ViewRelation::Kind::stored, "notes", {"tenant", "id", "shardplex_slot"}},
      {ViewRelation::Kind::stored, "lines", {"of_tenant", "of_note", "number", "shardplex_slot"}}};
  ViewFrom join{ViewFrom::Kind::inner};
  join.parts = {{ViewFrom::Kind::relation, 1}, {ViewFrom::Kind::relation, 2}};
  join.equalities = std::move(on);
  query.from.parts.push_back(std::move(join));
  for (const int number : {1, 2, 3}) query.columns.emplace_back(ViewColumn{0, 1, number});
  return query;
}

ViewEquality pair_of(int of_note, int of_line) {
  return {ViewColumn{0, 1, of_note}, ViewColumn{0, 2, of_line}};
}

ViewSlots slots_of_view(ViewQuery query) {
  StoredView view;
  view.query = std::move(query);
  return view_slots(view, composite_map(), shard_with_notes());
}

}  // namespace

TEST_CASE("views join tables by all columns of their keys, each with its own, or by the slot") {
  const auto tenants = pair_of(1, 1), ids = pair_of(2, 2), by_slot = pair_of(3, 4);
  const auto is_proven = [](std::vector<ViewEquality> on) {
    return slots_of_view(joined_notes(std::move(on))).problems.empty();
  };
  CHECK(is_proven({tenants, ids}));
  CHECK(is_proven({ids, tenants}));
  CHECK(is_proven({by_slot}));
  CHECK_FALSE(is_proven({tenants}));
  CHECK_FALSE(is_proven({ids}));
  CHECK_FALSE(is_proven({pair_of(1, 2), pair_of(2, 1)}));
  CHECK_FALSE(is_proven({}));
  const auto slots = slots_of_view(joined_notes({tenants, ids}));
  CHECK(std::ranges::find(slots.keys, std::vector<std::set<int>>{{1}, {2}}) != slots.keys.end());
}

TEST_CASE("views gather rows by all columns of a key") {
  const auto gathers = [](std::vector<ViewColumn> by) {
    auto query = joined_notes({pair_of(1, 1), pair_of(2, 2)});
    query.is_grouped = true;
    query.grouped_by = std::move(by);
    return slots_of_view(std::move(query)).problems.empty();
  };
  const ViewColumn tenant{0, 1, 1}, id{0, 1, 2}, slot{0, 1, 3};
  CHECK(gathers({tenant, id}));
  CHECK(gathers({slot}));
  CHECK_FALSE(gathers({tenant}));
  CHECK_FALSE(gathers({id}));
}

TEST_CASE("a view shows all columns of the key, each at its place") {
  StoredView view;
  view.table.name = "titles";
  view.table.kind = TableKind::view;
  view.table.has_slot_column = true;
  view.table.columns = {column("of", "text", "text"), column("number", "bigint", "int8")};
  view.reads = {"notes"};
  view.definition = "as here";
  view.columns = {"of", "number", "shardplex_slot"};
  ViewQuery query;
  query.relations = {{ViewRelation::Kind::stored, "notes", {"tenant", "id", "shardplex_slot"}}};
  query.from.parts.push_back({ViewFrom::Kind::relation, 1});
  for (const int number : {1, 2, 3}) query.columns.emplace_back(ViewColumn{0, 1, number});
  view.query = std::move(query);
  ShardCatalogue shard = shard_with_notes();
  shard.views["titles"] = view;
  const auto served_by = [&](std::vector<std::string> key) {
    const ShardMap map = composite_map();
    const ShardMap with_view(map.cluster(), map.shards(), map.groups(), map.tables(), {},
                             {{"titles", false, GroupId{0}, key_of(std::move(key))}});
    return combine(with_view, {{"alpha", shard}, {"beta", shard}});
  };
  CHECK(served_by({"of", "number"}).refused.empty());
  CHECK(is_refused(served_by({"number", "of"}), "titles",
                   "its columns number and of are not the shard key of notes as they are"));
  CHECK(is_refused(served_by({"of", "title"}), "titles", "there is no column title"));
}
