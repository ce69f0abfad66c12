#include "query/catalogue/view_slots.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "query/catalogue/routed_table.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

using ColumnSet = std::set<ViewColumn>;

/// The columns that decide a slot as a table's do: those of its key; under list the list's column after them.
struct SlotKey {
  std::vector<ColumnSet> columns;  ///< of each, those that have its value
  bool is_set = true;              ///< no column of the key is ever null

  bool is_in(const std::vector<ViewColumn>& of) const {
    const auto has_one = [&](const ColumnSet& each) {
      return std::ranges::any_of(of, [&](const ViewColumn& column) { return each.contains(column); });
    };
    return is_set && std::ranges::all_of(columns, has_one);
  }
};

/// Rows of sharded tables, all of one slot in each row that they are joined to.
struct OneSlot {
  std::vector<std::string> tables;
  ColumnSet slot;             ///< columns that have it
  std::vector<SlotKey> keys;  ///< of each table
  bool is_around = false;     ///< rows of the query around are among them
  bool is_own = true;         ///< and rows of this one

  /// True where rows that are equal in these columns are of one slot.
  bool is_told_by(const std::vector<ViewColumn>& of) const {
    return std::ranges::any_of(of, [&](const ViewColumn& each) { return slot.contains(each); }) ||
           std::ranges::any_of(keys, [&](const SlotKey& key) { return key.is_in(of); });
  }

  /// Puts other columns in the place of each set.
  template <class Change>
  void change_columns(Change change) {
    slot = change(slot);
    for (auto& key : keys)
      for (auto& columns : key.columns) columns = change(columns);
  }
};

/// A part of FROM: what it has of sharded tables, and what is equal in all of its rows.
struct Joined {
  std::vector<OneSlot> parts;
  std::vector<ViewEquality> equalities;
};

bool have_common(const ColumnSet& a, const ColumnSet& b) {
  return std::ranges::any_of(a, [&](const ViewColumn& each) { return b.contains(each); });
}

bool are_equal(const SlotKey& a, const SlotKey& b) {
  return std::ranges::equal(a.columns, b.columns, have_common);
}

bool are_of_one_slot(const OneSlot& a, const OneSlot& b) {
  if (have_common(a.slot, b.slot)) return true;
  return std::ranges::any_of(a.keys, [&](const SlotKey& key) {
    return std::ranges::any_of(b.keys, [&](const SlotKey& other) { return are_equal(key, other); });
  });
}

/// The set, and all columns that are equal to one of it.
ColumnSet followed(const std::vector<ViewEquality>& equalities, ColumnSet columns) {
  for (std::size_t before = 0; before != columns.size();) {
    before = columns.size();
    for (const auto& [left, right] : equalities) {
      if (columns.contains(left)) columns.insert(right);
      if (columns.contains(right)) columns.insert(left);
    }
  }
  return columns;
}

void unite(OneSlot& one, const OneSlot& other) {
  one.tables.insert(one.tables.end(), other.tables.begin(), other.tables.end());
  one.slot.insert(other.slot.begin(), other.slot.end());
  one.keys.insert(one.keys.end(), other.keys.begin(), other.keys.end());
  one.is_around |= other.is_around;
  one.is_own |= other.is_own;
}

/// Makes one of those that the equalities put on one slot.
void unite_equal(const std::vector<ViewEquality>& equalities, std::vector<OneSlot>& parts) {
  for (auto& part : parts)
    part.change_columns([&](const ColumnSet& columns) { return followed(equalities, columns); });
  for (std::size_t i = 0; i < parts.size();) {
    const auto equal = std::find_if(parts.begin() + static_cast<std::ptrdiff_t>(i) + 1, parts.end(),
                                    [&](const OneSlot& other) { return are_of_one_slot(parts[i], other); });
    if (equal == parts.end()) {
      ++i;
      continue;
    }
    unite(parts[i], *equal);
    parts.erase(equal);
    i = 0;  // what is one now can be equal to those before it
  }
}

std::string names_of(const std::vector<OneSlot>& parts) {
  std::vector<std::string> names;
  for (const auto& part : parts) names.insert(names.end(), part.tables.begin(), part.tables.end());
  return joined(names, " and ");
}

class Prover {
 public:
  Prover(const ShardMap& map, const ShardCatalogue& shard) : map_(&map), shard_(&shard) {}

  /// What the query's rows have of sharded tables, with the columns that it gives (relation 0); nullopt where
  /// all is of reference tables.
  std::optional<OneSlot> source(const ViewQuery& query) {
    const auto rows = rows_of(query, nullptr);
    check_across(query);
    if (rows) check_gathering(query, *rows);
    check_inner(query, rows);
    if (!rows) return std::nullopt;
    return as_given(query, *rows);
  }

  std::vector<std::string> take_problems() { return std::move(problems_); }

 private:
  void add(std::string problem) {
    if (std::ranges::find(problems_, problem) == problems_.end()) problems_.push_back(std::move(problem));
  }

  /// A query of which nothing but its result is seen by a row around it, or by none (`around` is null).
  /// `where`: how a problem names it.
  void inner(const ViewQuery& query, const OneSlot* around, const std::string& where) {
    const auto rows = rows_of(query, around);
    if (rows && rows->is_own && !rows->is_around)
      add(where + " reads " + names_of({*rows}) +
          ", and not only rows with the key of the row that it is for: a shard has only its own");
    // Reference tables can have their rows in another order on each shard.
    if (!rows || !rows->is_own) check_across(query);
    check_inner(query, rows);
  }

  /// Queries inside the query, for rows of it.
  void check_inner(const ViewQuery& query, const std::optional<OneSlot>& rows) {
    std::optional<OneSlot> around;
    if (rows) {
      around = *rows;
      around->is_around = true;
      around->is_own = false;
      around->change_columns(one_level_up);
    }
    for (const auto& each : query.subqueries) inner(each, around ? &*around : nullptr, "a subquery in it");
    for (const auto& each : query.elsewhere)
      inner(each, nullptr, "a query in WITH, in the condition of a JOIN, or for a function");
  }

  static ColumnSet one_level_up(const ColumnSet& columns) {
    ColumnSet up;
    for (auto column : columns) {
      ++column.levels_up;
      up.insert(column);
    }
    return up;
  }

  /// What FROM and WHERE leave, as one. Where rows of the query around are among it, so are its columns.
  std::optional<OneSlot> rows_of(const ViewQuery& query, const OneSlot* around) {
    for (const auto& what : query.never) add("its definition has " + what + ", which is each shard's own");
    if (query.is_combined) {
      for (const auto& relation : query.relations)
        for (const auto& part : relation.query) inner(part, nullptr, "a part of UNION, INTERSECT or EXCEPT");
      return std::nullopt;
    }
    auto [parts, equalities] = read(query, query.from);
    if (around) parts.push_back(*around);
    unite_equal(equalities, parts);
    std::vector<OneSlot> own;
    for (const auto& part : parts)
      if (part.is_own) own.push_back(part);
    if (own.size() > 1)
      add("it joins " + names_of(own) +
          " by other columns than their keys, so rows that belong together can be on different shards");
    if (!own.empty()) return own.front();
    if (around) return parts.front();
    return std::nullopt;
  }

  Joined read(const ViewQuery& query, const ViewFrom& from) {
    switch (from.kind) {
      case ViewFrom::Kind::relation:
        return read_relation(query, from.relation);
      case ViewFrom::Kind::inner:
        return read_inner(query, from);
      case ViewFrom::Kind::left:
        return read_left(query, from);
      case ViewFrom::Kind::full:
        break;
    }
    for (const auto& part : from.parts)
      if (const auto side = read(query, part); !side.parts.empty())
        add("it has a FULL JOIN with " + names_of(side.parts) +
            ", and a shard does not know which rows are alone");
    return {};
  }

  Joined read_inner(const ViewQuery& query, const ViewFrom& from) {
    Joined all;
    for (const auto& part : from.parts) {
      auto [parts, equalities] = read(query, part);
      std::ranges::move(parts, std::back_inserter(all.parts));
      all.equalities.insert(all.equalities.end(), equalities.begin(), equalities.end());
    }
    all.equalities.insert(all.equalities.end(), from.equalities.begin(), from.equalities.end());
    return all;
  }

  /// Rows that are joined to a row, or none, have to be of its slot. They are null where there are none, so
  /// their columns tell no slot.
  Joined read_left(const ViewQuery& query, const ViewFrom& from) {
    if (from.parts.size() != 2) {
      add("its definition has an outer join that cannot be read");
      return {};
    }
    auto kept = read(query, from.parts[0]);
    const auto other = read(query, from.parts[1]);
    if (other.parts.empty()) return kept;
    if (kept.parts.empty()) {
      add("an outer join keeps rows of reference tables that have none of " + names_of(other.parts) +
          ", and each shard would keep its own");
      return kept;
    }
    auto equalities = kept.equalities;
    equalities.insert(equalities.end(), other.equalities.begin(), other.equalities.end());
    equalities.insert(equalities.end(), from.equalities.begin(), from.equalities.end());
    auto all = kept.parts;
    all.insert(all.end(), other.parts.begin(), other.parts.end());
    const auto kept_apart = [&] {
      auto alone = kept.parts;
      unite_equal(kept.equalities, alone);
      return alone.size();
    }();
    unite_equal(equalities, all);
    if (all.size() > kept_apart || kept_apart > 1)
      add("it joins " + names_of(kept.parts) + " and " + names_of(other.parts) +
          " by other columns than their keys, so rows that belong together can be on different shards");
    return kept;
  }

  Joined read_relation(const ViewQuery& query, int number) {
    const auto at = static_cast<std::size_t>(number) - 1;
    if (number < 1 || at >= query.relations.size()) {
      add("its definition names a relation that is not in it");
      return {};
    }
    const ViewRelation& relation = query.relations[at];
    switch (relation.kind) {
      case ViewRelation::Kind::stored:
        return read_stored(relation, number);
      case ViewRelation::Kind::query:
        if (relation.query.size() == 1) return as_relation(source(relation.query.front()), number);
        break;
      case ViewRelation::Kind::rows:
      case ViewRelation::Kind::of_with:  // what it reads is in ViewQuery::elsewhere
        return {};
      case ViewRelation::Kind::unnamed:
      case ViewRelation::Kind::not_known:
        break;
    }
    add("its definition has a source of rows that cannot be read");
    return {};
  }

  Joined read_stored(const ViewRelation& relation, int number) {
    if (const auto view = shard_->views.find(relation.name); view != shard_->views.end())
      return as_relation(of_view(view->second), number);
    const TablePlacement* placement = map_->find_table(relation.name);
    const auto table = shard_->tables.find(relation.name);
    if (!placement || !placement->group || table == shard_->tables.end()) return {};
    SlotKey deciding;
    for (const auto& column : RoutedTable(table->second, *placement, *map_).routing_columns())
      deciding.columns.push_back(columns_named(relation, column, number));
    deciding.is_set = std::ranges::all_of(placement->key.names(), [&](const std::string& name) {
      const Column* key = table->second.find_column(name);
      return key && key->not_null;
    });
    Joined rows;
    rows.parts.push_back(
        {{relation.name}, columns_named(relation, slot_column, number), {std::move(deciding)}});
    return rows;
  }

  /// Each view is followed once, however often it is read.
  const std::optional<OneSlot>& of_view(const StoredView& view) {
    const auto found = views_.find(view.table.name);
    if (found != views_.end()) return found->second;
    std::optional<OneSlot> rows;
    if (view.query)
      rows = source(*view.query);
    else
      add("the definition of " + view.table.name + ", which it reads, cannot be read");
    return views_[view.table.name] = std::move(rows);
  }

  static ColumnSet columns_named(const ViewRelation& relation, std::string_view name, int number) {
    const auto found = std::ranges::find(relation.columns, name);
    if (found == relation.columns.end()) return {};
    return {{0, number, static_cast<int>(found - relation.columns.begin()) + 1}};
  }

  static Joined as_relation(std::optional<OneSlot> given, int number) {
    Joined rows;
    if (!given) return rows;
    given->change_columns([&](const ColumnSet& columns) {
      ColumnSet named;
      for (const auto& column : columns) named.insert({0, number, column.number});
      return named;
    });
    rows.parts.push_back(*std::move(given));
    return rows;
  }

  /// With the columns that the query gives in the place of those that its rows have.
  static OneSlot as_given(const ViewQuery& query, OneSlot rows) {
    rows.change_columns([&](const ColumnSet& columns) {
      ColumnSet given;
      for (std::size_t i = 0; i < query.columns.size(); ++i)
        if (query.columns[i] && columns.contains(*query.columns[i]))
          given.insert({0, 0, static_cast<int>(i) + 1});
      return given;
    });
    return rows;
  }

  void check_across(const ViewQuery& query) {
    for (const auto& what : query.across_rows)
      add("its definition has " + what + ", which each shard would do for its own rows");
  }

  void check_gathering(const ViewQuery& query, const OneSlot& rows) {
    if (query.is_grouped && !rows.is_told_by(query.grouped_by))
      add("its aggregate or GROUP BY gathers rows of " + names_of({rows}) +
          " with different keys, of which each shard has only some");
    std::vector<ViewColumn> given;
    for (const auto& column : query.columns)
      if (column) given.push_back(*column);
    if (query.is_distinct && !rows.is_told_by(given))
      add("its DISTINCT makes one of equal rows of " + names_of({rows}) +
          " with different keys, which can be on different shards");
  }

  const ShardMap* map_;
  const ShardCatalogue* shard_;
  std::map<std::string, std::optional<OneSlot>> views_;
  std::vector<std::string> problems_;
};

}  // namespace

ViewSlots view_slots(const StoredView& view, const ShardMap& map, const ShardCatalogue& shard) {
  ViewSlots slots;
  if (!view.query) {
    slots.problems.push_back("its definition cannot be read");
    return slots;
  }
  const auto numbers_of = [](const ColumnSet& columns) {
    std::set<int> numbers;
    for (const auto& column : columns) numbers.insert(column.number);
    return numbers;
  };
  Prover prover(map, shard);
  if (const auto rows = prover.source(*view.query)) {
    slots.tables = rows->tables;
    slots.slot = numbers_of(rows->slot);
    for (const auto& key : rows->keys) {
      auto& columns = slots.keys.emplace_back();
      for (const auto& each : key.columns) columns.push_back(numbers_of(each));
    }
  }
  slots.problems = prover.take_problems();
  return slots;
}

}  // namespace shardplex
