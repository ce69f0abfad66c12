#include "tests/oracle/schema.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::oracle {
namespace {

using integration::ColumnPairs;
using integration::SampleDatabase;
using integration::SampleRelation;

bool has_column(const SampleTable& table, const std::string& name) {
  return std::ranges::any_of(
      table.columns, [&](const SampleColumn& column) { return column.name == name && !column.left_out; });
}

bool has_columns(const SampleTable& table, const std::vector<std::string>& names) {
  return std::ranges::all_of(names, [&](const std::string& name) { return has_column(table, name); });
}

bool is_sound(const Schema& schema, const Table& table) {
  const auto& sample = table.sample;
  if (sample.columns.front().left_out || !has_columns(sample, sample.primary_key)) return false;
  if (!sample.list_column.empty() && !has_column(sample, sample.list_column)) return false;
  const auto is_sound_key = [&](const ForeignKey& key) {
    if (key.left_out) return true;
    const auto* foreign = table_named(schema, key.key.foreign_table);
    return !foreign->sample.left_out && has_columns(sample, key.key.columns) &&
           has_columns(foreign->sample, key.key.foreign_columns);
  };
  return std::ranges::all_of(table.keys, is_sound_key) &&
         std::ranges::all_of(table.also_unique,
                             [&](const auto& names) { return has_columns(sample, names); });
}

bool is_sound(const Schema& schema, const View& view) {
  const auto& table = schema.tables[view.table].sample;
  const auto& sample = view.sample;
  if (table.left_out || sample.columns.front().left_out) return false;
  if (!has_columns(sample, sample.told_apart_by)) return false;
  if (!sample.list_column.empty() && !has_column(sample, sample.list_column)) return false;
  if (!view.filled.empty() && !has_column(table, view.filled)) return false;
  for (std::size_t i = 0; i < view.of.size(); ++i)
    if (!sample.columns[i].left_out && !has_column(table, view.of[i])) return false;
  return true;
}

ColumnPairs pairs(const std::vector<std::string>& mine, const std::vector<std::string>& theirs) {
  ColumnPairs paired;
  for (std::size_t i = 0; i < mine.size(); ++i) paired.emplace_back(mine[i], theirs[i]);
  return paired;
}

bool contains(const ColumnPairs& all, const std::string& mine, const std::string& theirs) {
  return std::ranges::count(all, std::pair(mine, theirs)) > 0;
}

/// Whether rows of `table` are on the shards of the rows of `foreign` that have equal columns, and the other
/// way round.
bool are_together(const Table& table, const Table& foreign, const ColumnPairs& columns) {
  if (!table.group || !foreign.group || *table.group != *foreign.group) return false;
  const auto &mine = table.sample, &theirs = foreign.sample;
  return contains(columns, mine.columns.front().name, theirs.columns.front().name) &&
         (mine.list_column.empty() || contains(columns, mine.list_column, theirs.list_column));
}

/// A key, as two tables see it.
struct Way {
  const Table* table;
  const Table* foreign;
  const ForeignKey* key;

  bool left_out() const { return key->left_out || table->sample.left_out || foreign->sample.left_out; }
  ColumnPairs forward() const { return pairs(key->key.columns, key->key.foreign_columns); }
  ColumnPairs backward() const { return pairs(key->key.foreign_columns, key->key.columns); }
  bool local_forward() const { return !foreign->group || are_together(*table, *foreign, forward()); }
  bool local_backward() const {
    return (!foreign->group && !table->group) || are_together(*table, *foreign, forward());
  }
};

std::vector<Way> ways_of(const Schema& schema) {
  std::vector<Way> ways;
  for (const auto& table : schema.tables)
    for (const auto& key : table.keys)
      ways.push_back({&table, table_named(schema, key.key.foreign_table), &key});
  return ways;
}

bool is_subset(std::vector<std::string> part, std::vector<std::string> whole) {
  std::ranges::sort(part);
  std::ranges::sort(whole);
  return std::ranges::includes(whole, part);
}

/// Whether one row at most of the table that has the key refers to a row.
bool is_to_one_back(const Way& way) {
  const auto &columns = way.key->key.columns, &primary_key = way.table->sample.primary_key;
  return is_subset(primary_key, columns) && is_subset(columns, primary_key);
}

void add_both_ways(const Way& way, std::vector<SampleRelation>& relations) {
  const auto &mine = way.table->sample, &theirs = way.foreign->sample;
  const auto& key = way.key->key;
  const bool is_one = is_to_one_back(way);
  SampleRelation forward{&mine, &theirs, {key.name, theirs.name + '!' + key.name}, true, way.forward()};
  SampleRelation backward{&theirs, &mine, {mine.name + '!' + key.name}, is_one, way.backward()};
  if (&mine == &theirs) {
    // By the name of the key either way could be meant.
    forward.spellings = {key.columns.front()};
    backward.spellings = {mine.name + '!' + key.columns.front()};
  }
  forward.local_by_hash = way.local_forward();
  backward.local_by_hash = way.local_backward();
  forward.left_out = backward.left_out = way.left_out();
  relations.push_back(std::move(forward));
  relations.push_back(std::move(backward));
}

/// A table at one end of a key, or a view that shows all of the key's columns there.
struct KeyEnd {
  const SampleTable* sample;
  std::vector<std::string> columns;  ///< of the key, as they are called here
  bool is_view = false;
  bool left_out = false;
};

std::vector<KeyEnd> ends_of(const Schema& schema, const Table& table,
                            const std::vector<std::string>& columns) {
  std::vector<KeyEnd> ends{{&table.sample, columns, false, table.sample.left_out}};
  for (const auto& view : schema.views) {
    if (&schema.tables[view.table] != &table) continue;
    KeyEnd end{&view.sample, {}, true, view.sample.left_out};
    for (std::size_t i = 0; i < view.of.size(); ++i)
      if (std::ranges::count(columns, view.of[i]) > 0) end.left_out |= view.sample.columns[i].left_out;
    for (const auto& name : columns)
      if (const auto shown = std::ranges::find(view.of, name); shown != view.of.end())
        end.columns.push_back(view.sample.columns[static_cast<std::size_t>(shown - view.of.begin())].name);
    if (end.columns.size() == columns.size()) ends.push_back(std::move(end));
  }
  return ends;
}

/// Between views of the two tables, and between each table and views of the other. Of a key of a table to
/// itself its name would mean either way.
void add_relations_of_views(const Schema& schema, const Way& way, std::vector<SampleRelation>& relations) {
  if (way.table == way.foreign) return;
  const auto& key = way.key->key;
  const auto foreign_ends = ends_of(schema, *way.foreign, key.foreign_columns);
  for (const auto& mine : ends_of(schema, *way.table, key.columns))
    for (const auto& theirs : foreign_ends) {
      if (!mine.is_view && !theirs.is_view) continue;
      SampleRelation forward{mine.sample,
                             theirs.sample,
                             {theirs.sample->name + '!' + key.name},
                             true,
                             pairs(mine.columns, theirs.columns)};
      SampleRelation backward{theirs.sample,
                              mine.sample,
                              {mine.sample->name + '!' + key.name},
                              is_to_one_back(way),
                              pairs(theirs.columns, mine.columns)};
      forward.local_by_hash = way.local_forward();
      backward.local_by_hash = way.local_backward();
      forward.left_out = backward.left_out = way.left_out() || mine.left_out || theirs.left_out;
      relations.push_back(std::move(forward));
      relations.push_back(std::move(backward));
    }
}

/// From what one key of a junction leads to, to what another does.
void add_through_junction(const Way& from, const Way& to, std::vector<SampleRelation>& relations) {
  const auto& junction = from.table->sample;
  const auto is_key = [&](const Way& way) { return is_subset(way.key->key.columns, junction.primary_key); };
  if (from.foreign == to.foreign || from.foreign == from.table || to.foreign == to.table) return;
  if (!is_key(from) || !is_key(to)) return;
  const auto& target = to.foreign->sample;
  SampleRelation relation{
      &from.foreign->sample, &target,     {target.name + '!' + junction.name}, false, from.backward(),
      junction.name,         to.forward()};
  relation.local_by_hash = from.local_backward() && to.local_forward();
  relation.left_out = from.left_out() || to.left_out();
  relations.push_back(std::move(relation));
}

}  // namespace

const Table* table_named(const Schema& schema, const std::string& name) {
  const auto found =
      std::ranges::find_if(schema.tables, [&](const Table& table) { return table.sample.name == name; });
  return found == schema.tables.end() ? nullptr : &*found;
}

bool is_sound(const Schema& schema) {
  bool has_tables = false;
  for (const auto& table : schema.tables) {
    if (table.sample.left_out) continue;
    has_tables = true;
    if (!is_sound(schema, table)) return false;
  }
  return has_tables && std::ranges::all_of(schema.views, [&](const View& view) {
           return view.sample.left_out || is_sound(schema, view);
         });
}

SampleDatabase database_of(const Schema& schema, bool with_views) {
  SampleDatabase database;
  for (const auto& table : schema.tables) database.tables.push_back({&table.sample, 2});
  if (with_views)
    for (const auto& view : schema.views) database.tables.push_back({&view.sample, 1});
  const auto ways = ways_of(schema);
  for (const auto& way : ways) {
    add_both_ways(way, database.relations);
    if (with_views) add_relations_of_views(schema, way, database.relations);
  }
  for (const auto& from : ways)
    for (const auto& to : ways)
      if (from.table == to.table && from.key != to.key) add_through_junction(from, to, database.relations);
  return database;
}

}  // namespace shardplex::oracle
