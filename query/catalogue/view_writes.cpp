#include "query/catalogue/view_writes.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <variant>

#include "query/catalogue/view_columns.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

/// The one relation that a query reads; nullptr where it reads none or several.
const ViewRelation* only_relation(const ViewQuery& query) {
  const ViewFrom* from = &query.from;
  while (from->kind == ViewFrom::Kind::inner && from->parts.size() == 1) from = &from->parts.front();
  const auto at = static_cast<std::size_t>(from->relation) - 1;
  if (from->kind != ViewFrom::Kind::relation || from->relation < 1 || at >= query.relations.size())
    return nullptr;
  const ViewRelation& relation = query.relations[at];
  return relation.kind == ViewRelation::Kind::stored ? &relation : nullptr;
}

/// The table that PostgreSQL writes to, or why it is not written to.
struct Destination {
  std::string table;
  std::string problem;
};

Destination destination_of(const StoredView& view, const ShardCatalogue& shard) {
  constexpr auto not_updated =
      "PostgreSQL does not write through it: its definition has more than columns of one table and a "
      "condition";
  for (const StoredView* each = &view;;) {
    const std::string it = each == &view ? "it" : each->table.name + ", which it reads,";
    if (each->table.kind == TableKind::materialized_view) return {"", it + " is materialized"};
    if (!each->instead.empty()) return {"", it + " has " + each->instead};
    const ViewRelation* relation = each->query ? only_relation(*each->query) : nullptr;
    if (!each->is_updatable || relation == nullptr) return {"", not_updated};
    const auto below = shard.views.find(relation->name);
    if (below == shard.views.end()) return {relation->name, ""};
    each = &below->second;
  }
}

std::string is_not(const std::string& column, const std::string& of, const std::string& table) {
  return "its column " + column + " is not the column " + of + " of " + table + " as it is";
}

/// Why the columns that decide a row's slot are not the table's own; "" where they are.
std::string columns_problem(const StoredView& view, const TablePlacement& placement,
                            const TablePlacement& table, const ShardMap& map, const ShardCatalogue& shard) {
  std::vector<std::pair<std::string, std::string>> deciding{
      {std::string(slot_column), std::string(slot_column)}};
  // Of one group, so they are as many.
  for (std::size_t i = 0; i < table.key.size(); ++i)
    deciding.emplace_back(placement.key.names().at(i), table.key.names()[i]);
  if (const auto* list = std::get_if<ListStrategy>(&map.group(*table.group).strategy))
    deciding.emplace_back(list->column, list->column);
  const auto shown = shown_columns(view, shard);
  for (const auto& [column, of] : deciding) {
    bool is_shown = false;
    for (std::size_t at = 0; at < shown.size(); ++at) {
      if (!shown[at] || shown[at]->of != StoredColumn{table.name, of}) continue;
      if (view.columns[at] != column)
        return "its column " + view.columns[at] + " is " + of + " of " + table.name +
               " as well, by which a row could be moved";
      is_shown = true;
    }
    if (!is_shown) return is_not(column, of, table.name);
  }
  return "";
}

/// Why the shard's view is not written through; "" where it is. `table`: what it writes to, as far as that is
/// known.
std::string problem_on(const ShardCatalogue& shard, const TablePlacement& placement, const ShardMap& map,
                       std::string& table) {
  if (!placement.group) return "it shows rows of reference tables";
  const auto view = shard.views.find(placement.name);
  if (view == shard.views.end()) return "it is not on every shard";
  auto destination = destination_of(view->second, shard);
  if (!destination.problem.empty()) return std::move(destination.problem);
  const TablePlacement* written = map.find_table(destination.table);
  if (written == nullptr || written->group != placement.group)
    return destination.table + " is no table of its group";
  if (!table.empty() && table != destination.table) return "it is of another table on each shard";
  table = std::move(destination.table);
  return columns_problem(view->second, placement, *written, map, shard);
}

/// PostgreSQL knows of a view's column neither that the table's has a default nor that it is generated, and
/// shards write labels down of tables alone.
void take_over_values(const StoredView& view, const ShardCatalogue& shard, const Table& table,
                      Table& served) {
  const auto shown = shown_columns(view, shard);
  for (std::size_t at = 0; at < shown.size(); ++at) {
    const auto column = std::ranges::find(served.columns, view.columns[at], &Column::name);
    if (!shown[at] || column == served.columns.end()) continue;
    const Column* stored = table.find_column(shown[at]->of.name);
    if (stored == nullptr) continue;
    column->has_default = column->has_default || stored->has_default;
    column->generated = stored->generated;
    column->identity_always = stored->identity_always;
    column->unplaced_labels = stored->unplaced_labels;
  }
}

}  // namespace

void combine_writes(const TablePlacement& placement, const ShardMap& map,
                    const std::vector<std::pair<std::string, ShardCatalogue>>& shards,
                    const Catalogue& combined, Table& served) {
  served.written.reset();
  served.not_written.clear();
  std::string name;
  for (const auto& [shard, catalogue] : shards)
    if (auto problem = problem_on(catalogue, placement, map, name); !problem.empty()) {
      served.not_written = std::move(problem);
      return;
    }
  const Table* table = combined.find(name);
  if (table == nullptr) {
    served.not_written = name + " is not served";
    return;
  }
  const auto split = split_map_name(name);
  served.written = WrittenTable{std::string(split.schema), std::string(split.name), map.find_table(name)->key,
                                table->primary_key};
  const ShardCatalogue& first = shards.front().second;
  take_over_values(first.views.find(placement.name)->second, first, *table, served);
}

}  // namespace shardplex
