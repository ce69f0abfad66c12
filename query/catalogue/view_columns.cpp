#include "query/catalogue/view_columns.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>
#include <utility>

namespace shardplex {
namespace {

const ViewRelation* relation_at(const ViewQuery& query, int number) {
  const auto at = static_cast<std::size_t>(number) - 1;
  return number < 1 || at >= query.relations.size() ? nullptr : &query.relations[at];
}

/// "" of one that is not known, as of a column that was dropped.
std::string_view name_of_column(const ViewRelation& relation, int number) {
  const auto at = static_cast<std::size_t>(number) - 1;
  return number < 1 || at >= relation.columns.size() ? std::string_view() : relation.columns[at];
}

// ---- Whether a row of one relation of a query is in one row of it at most.

bool has_relation(const ViewFrom& from, int number) {
  if (from.kind == ViewFrom::Kind::relation) return from.relation == number;
  return std::ranges::any_of(from.parts, [&](const ViewFrom& part) { return has_relation(part, number); });
}

/// What is joined so that all of its equalities hold in each row, and the outer joins whose kept side is
/// among it.
struct InnerPart {
  std::vector<int> relations;
  std::vector<ViewEquality> equalities;
  std::vector<const ViewFrom*> outer;
  bool is_known = true;
};

/// `inner`: a relation of which a row is there (0: none), so that an outer join to it has found it.
void gather_inner(const ViewFrom& from, int inner, InnerPart& part) {
  const auto add_equalities = [&] {
    part.equalities.insert(part.equalities.end(), from.equalities.begin(), from.equalities.end());
  };
  switch (from.kind) {
    case ViewFrom::Kind::relation:
      part.relations.push_back(from.relation);
      return;
    case ViewFrom::Kind::inner:
      for (const auto& each : from.parts) gather_inner(each, inner, part);
      add_equalities();
      return;
    case ViewFrom::Kind::left:
      if (from.parts.size() != 2) break;
      gather_inner(from.parts[0], inner, part);
      if (has_relation(from.parts[1], inner)) {
        gather_inner(from.parts[1], inner, part);
        add_equalities();
      } else {
        part.outer.push_back(&from);
      }
      return;
    case ViewFrom::Kind::full:
      break;
  }
  part.is_known = false;
}

bool is_all_of(const ViewFrom& from, const std::set<int>& relations) {
  if (from.kind == ViewFrom::Kind::relation) return relations.contains(from.relation);
  return std::ranges::all_of(from.parts, [&](const ViewFrom& part) { return is_all_of(part, relations); });
}

class OneRowProof {
 public:
  OneRowProof(const ViewQuery& query, const ShardCatalogue& shard) : query_(&query), shard_(&shard) {}

  /// A row of the relation is in one row of the query at most.
  bool holds_for(int relation) const {
    if (query_->repeats_rows) return false;
    InnerPart part;
    gather_inner(query_->from, relation, part);
    std::set<int> known{relation};
    return settle(part, known) || makes_one(known);
  }

 private:
  /// Adds to `known`, of whose relations there is one row, those of which there is one row then. True where
  /// these are all of the part and of what it has in outer joins: once all of a kept side is one row, what is
  /// joined to it is either null or there, with all of its equalities.
  bool settle(const InnerPart& part, std::set<int>& known) const {
    if (!part.is_known) return false;
    std::set<const ViewFrom*> settled;
    for (bool found = true; found;) {
      found = false;
      for (const int relation : part.relations)
        if (!known.contains(relation) && has_one_row(relation, known, part.equalities))
          found = known.insert(relation).second;
      for (const ViewFrom* join : part.outer) {
        if (settled.contains(join) || !is_all_of(join->parts[0], known)) continue;
        InnerPart other;
        gather_inner(join->parts[1], 0, other);
        other.equalities.insert(other.equalities.end(), join->equalities.begin(), join->equalities.end());
        const auto before = known.size();
        if (settle(other, known)) settled.insert(join);
        if (known.size() > before) found = true;
      }
    }
    return settled.size() == part.outer.size() &&
           std::ranges::all_of(part.relations, [&](int relation) { return known.contains(relation); });
  }

  /// GROUP BY and DISTINCT make one of rows that differ in other relations than these alone.
  bool makes_one(const std::set<int>& known) const {
    const auto is_known = [&](const ViewColumn& column) {
      return column.levels_up == 0 && known.contains(column.relation);
    };
    const auto is_shown = [&](const std::optional<ViewColumn>& column) {
      return column && is_known(*column);
    };
    if (query_->is_grouped)
      return !query_->groups_otherwise && !query_->grouped_by.empty() &&
             std::ranges::all_of(query_->grouped_by, is_known);
    return query_->is_distinct && std::ranges::all_of(query_->columns, is_shown);
  }

  /// A unique key of the table is equal to columns of which there is one row.
  bool has_one_row(int number, const std::set<int>& known,
                   const std::vector<ViewEquality>& equalities) const {
    const ViewRelation* relation = relation_at(*query_, number);
    if (relation == nullptr || relation->kind != ViewRelation::Kind::stored) return false;
    const auto table = shard_->tables.find(relation->name);
    if (table == shard_->tables.end()) return false;
    const auto is_told = [&](const std::string& column) {
      return std::ranges::any_of(equalities, [&](const ViewEquality& equality) {
        const auto tells = [&](const ViewColumn& one, const ViewColumn& other) {
          return one.levels_up == 0 && one.relation == number && other.levels_up == 0 &&
                 known.contains(other.relation) && name_of_column(*relation, one.number) == column &&
                 compare_by_value(one, other);
        };
        return tells(equality.left, equality.right) || tells(equality.right, equality.left);
      });
    };
    const auto is_told_key = [&](const std::vector<std::string>& key) {
      return !key.empty() && std::ranges::all_of(key, is_told);
    };
    return is_told_key(table->second.primary_key) ||
           std::ranges::any_of(table->second.unique,
                               [&](const UniqueConstraint& unique) { return is_told_key(unique.columns); });
  }

  /// A collation may take different texts for equal, which a unique key with another one keeps apart.
  bool compare_by_value(const ViewColumn& one, const ViewColumn& other) const {
    const Column* column = column_of(one);
    if (column == nullptr || column->collation.empty()) return true;  // the slot, or no text
    const Column* counterpart = column_of(other);
    return column->deterministic_collation && counterpart != nullptr && counterpart->deterministic_collation;
  }

  /// nullptr of a column of a subquery, and of the slot.
  const Column* column_of(const ViewColumn& column) const {
    const ViewRelation* relation = relation_at(*query_, column.relation);
    if (relation == nullptr || relation->kind != ViewRelation::Kind::stored) return nullptr;
    const auto name = name_of_column(*relation, column.number);
    if (const auto table = shard_->tables.find(relation->name); table != shard_->tables.end())
      return table->second.find_column(name);
    if (const auto view = shard_->views.find(relation->name); view != shard_->views.end())
      return view->second.table.find_column(name);
    return nullptr;
  }

  const ViewQuery* query_;
  const ShardCatalogue* shard_;
};

// ---- What columns of a view are of.

/// A column as a query has it.
struct ColumnSource {
  StoredColumn of;
  std::string path;  ///< numbers of relations, from the view's own to the table
  bool is_once = true;
};

std::optional<ColumnSource> source_of(const ViewQuery& query, std::size_t at, const ShardCatalogue& shard);

std::optional<ColumnSource> source_below(const ViewRelation& relation, int number,
                                         const ShardCatalogue& shard) {
  if (number < 1) return std::nullopt;
  const auto at = static_cast<std::size_t>(number) - 1;
  if (relation.kind == ViewRelation::Kind::query && relation.query.size() == 1)
    return source_of(relation.query.front(), at, shard);
  if (relation.kind != ViewRelation::Kind::stored) return std::nullopt;
  if (const auto view = shard.views.find(relation.name); view != shard.views.end()) {
    if (!view->second.query) return std::nullopt;
    return source_of(*view->second.query, at, shard);
  }
  const auto name = name_of_column(relation, number);
  if (name.empty()) return std::nullopt;
  return ColumnSource{{relation.name, std::string(name)}, "", true};
}

std::optional<ColumnSource> source_of(const ViewQuery& query, std::size_t at, const ShardCatalogue& shard) {
  if (query.is_combined || at >= query.columns.size() || !query.columns[at]) return std::nullopt;
  const ViewColumn& column = *query.columns[at];
  const ViewRelation* relation = relation_at(query, column.relation);
  if (column.levels_up != 0 || relation == nullptr) return std::nullopt;
  auto source = source_below(*relation, column.number, shard);
  if (!source) return std::nullopt;
  source->path = std::to_string(column.relation) + (source->path.empty() ? "" : '.' + source->path);
  source->is_once = source->is_once && OneRowProof(query, shard).holds_for(column.relation);
  return source;
}

/// The column of a table that PostgreSQL has noted, followed through views.
std::optional<StoredColumn> origin_in_table(const StoredView& view, std::size_t at,
                                            const ShardCatalogue& shard) {
  if (at >= view.origins.size() || !view.origins[at]) return std::nullopt;
  const StoredColumn& origin = *view.origins[at];
  if (shard.tables.contains(origin.relation)) return origin;
  const auto below = shard.views.find(origin.relation);
  if (below == shard.views.end()) return std::nullopt;
  const auto& columns = below->second.columns;
  const auto found = std::ranges::find(columns, origin.name);
  if (found == columns.end()) return std::nullopt;
  return origin_in_table(below->second, static_cast<std::size_t>(found - columns.begin()), shard);
}

}  // namespace

std::vector<std::optional<ShownColumn>> shown_columns(const StoredView& view, const ShardCatalogue& shard) {
  std::vector<std::optional<ShownColumn>> shown;
  for (std::size_t at = 0; at < view.columns.size(); ++at) {
    auto origin = origin_in_table(view, at, shard);
    if (!origin) {
      shown.emplace_back();
      continue;
    }
    ShownColumn column{*std::move(origin)};
    const auto source = view.query ? source_of(*view.query, at, shard) : std::nullopt;
    if (source && source->of == column.of) {
      column.source = source->path;
      column.is_once = source->is_once;
    }
    shown.push_back(std::move(column));
  }
  return shown;
}

}  // namespace shardplex
