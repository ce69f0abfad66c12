// Rows that are groups of others: what they are grouped by, and what is aggregated of each group, as SQL.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/value_type.hpp"
#include "query/resolve/row_shape.hpp"

namespace shardplex {

/// What one member of a row is called, and its value in SQL.
struct MemberSql {
  std::string name;
  std::string value;
  bool is_json = false;   ///< the value is of the type json
  bool in_lines = false;  ///< json_agg() begins a line for each value that is an array or an object
};

/// One of the values that the rows of a group have in common.
struct GroupKey {
  std::string value;  ///< in SQL, of one of the rows that are grouped
  ValueType type;
  /// Set where the key is a field of this node, cast to `cast` where that is set.
  const ResolvedNode* node = nullptr;
  Field field;
  std::optional<std::string> cast;

  /// The column that the key is; nullptr where it is made of one.
  const Column* column() const;
};

/// A value that is aggregated.
struct GroupArgument {
  std::string value;  ///< in SQL, of one of the rows that are grouped
  ValueType type;
};

/// A member of a group's row: a key, or an aggregate.
struct GroupMember {
  std::string name;
  std::optional<std::size_t> key;       ///< of Grouping::keys; an aggregate has none
  std::optional<std::size_t> argument;  ///< of Grouping::arguments; a key and count() have none
  AggregateFunction function = AggregateFunction::count;
  std::string cast;  ///< what it is cast to in the end, in SQL; "" where to nothing
};

/// One key that groups are ordered by.
struct GroupOrder {
  std::size_t key;
  bool descending = false;
  bool nulls_first = false;
};

/// Grouped rows are read by two selects: the inner one has a value for each key (g0, g1, …) and argument
/// (a0, …), the outer one goes over the inner as `p`. So no value is written twice, with parameters of its
/// own each time, which PostgreSQL would take for another.
struct Grouping {
  std::vector<GroupKey> keys;
  std::vector<GroupArgument> arguments;
  std::vector<GroupMember> members;
  /// Groups are of the rows that one key of many finds. `p` then has the number of the key as well (ord), and
  /// whether it is a row (here): true, or null where a key has found none.
  bool numbered = false;

  /// The key that is this field of `node`, cast to `cast` where that is set.
  std::optional<std::size_t> find_key(const ResolvedNode& node, const Field& field,
                                      const std::optional<std::string>& cast = std::nullopt) const;
  /// … AS g0, … AS a0
  std::string inner_columns() const;
  /// " GROUP BY p.g0, …"; without keys what makes one group of all rows, also of none. Numbered, it begins
  /// with p.ord.
  std::string group_by() const;
  /// The value of a member over `p`.
  std::string value(const GroupMember& member) const;
  /// What an aggregate is of: p.a0, or *; p.here where it is numbered.
  std::string argument(const GroupMember& member) const;
  /// The same over `p`, `aggregate` being what an aggregate comes to.
  std::string value(const GroupMember& member, const std::string& aggregate) const;
  /// p.g0 DESC NULLS FIRST, …; "" where there is no order. Text is ordered by the collation that it is
  /// planned to sort by. Numbered, p.ord comes first.
  std::string order_by(const std::vector<GroupOrder>& order) const;
};

/// The groups of the node's rows. `shape` is the node's, and grouped; `embedded` are what its embeds add to a
/// row before it is grouped, in their order. An item is grouped by as PostgREST does: with an alias, or out
/// of a json path, by its value; otherwise by its column, whatever it is cast to afterwards. Lifetime: refers
/// to the node.
Result<Grouping> group(const ResolvedNode& node, const RowShape& shape, ExpressionWriter& writer,
                       const std::vector<MemberSql>& embedded);

/// The value over `p` of an item that groups of `node` show (ordered_item()). SHARD400 for a place inside a
/// key.
Result<std::string> key_sql(const Grouping& grouping, const ResolvedNode& node, const SelectItem& item);

/// The value of an order term, in SQL over a row that is grouped.
using OrderValue = std::function<Result<std::string>(const OrderTerm&)>;

/// The order in which the node asks for its groups; then by primary key where the groups are of one row each,
/// else by all keys whose types have an order, so that every answer has one. A term that is no key becomes
/// one where it is the same in all rows of a group, because the primary key is among the keys. 42803, as by
/// PostgreSQL, where it is not; SHARD400 for a place inside a json column that is a key.
Result<std::vector<GroupOrder>> order_groups(const ResolvedNode& node, Grouping& grouping,
                                             const OrderValue& value);

}  // namespace shardplex
