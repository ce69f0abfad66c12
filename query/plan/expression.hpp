// Columns, casts, filters and select lists as SQL over one table, with the values gathered as parameters.
// Reads and writes are put together from these.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// The select list of a row that is to become JSON.
struct Selection {
  std::string inner;  ///< "movies"."id" AS c0, …: computed where the table is
  std::string outer;  ///< q.c0 AS "id", …: named as the client sees them, over a subquery q of the inner ones
};

/// "public"."movies"
std::string qualified_name(const Table& table);

/// "public"."movies" AS "movies", the name under which the expressions below refer to it.
std::string aliased_name(const Table& table);

/// "movies"."id". The column need not be in the catalogue (the slot column is not).
std::string column_sql(const Table& table, std::string_view column);

/// The condition that keeps a statement to rows in slots that the shard owns.
std::string owned_slots_sql(const Table& table, std::string_view group);

/// A cast as SQL can safely carry it: SQL's own spellings by their type's name, any other name quoted; digits
/// as modifiers; [] for arrays. PGRST100 for what is none of these.
Result<std::string> cast_type_sql(std::string_view cast);

/// The column that is probably meant by a name that none has; nullopt where none is near.
std::optional<std::string> nearest_column(const Table& table, std::string_view name);

/// PostgreSQL's own words for a column that is not there (42703), with the hint that it gives.
Error unknown_column(const Table& table, std::string_view column);

/// SHARD400 for a column whose domain has representations.
Error represented_column(const Column& column);

/// SHARD503 for a column in which the shards contradict each other.
Error conflicting_column(const Table& table, const Column& column);

/// The column; unknown_column() where there is none, represented_column() or conflicting_column() where it is
/// one.
Result<const Column*> require_column(const Table& table, std::string_view name);

/// Writes expressions over one table. Lifetime: refers to the table.
class ExpressionWriter {
 public:
  /// Parameters are numbered from `first_param`.
  ExpressionWriter(const Table& table, std::size_t first_param) : table_(table), first_param_(first_param) {}

  /// "$n", standing for `value`.
  std::string param(std::optional<std::string> value);

  /// The column or the place inside it, in parentheses unless it is a plain column.
  Result<std::string> field(const Field& field);
  Result<std::string> filter(const Filter& filter);
  /// The filters joined by AND; "" where there are none.
  Result<std::string> filters(const std::vector<Filter>& filters);
  /// All columns where `items` is empty.
  Result<Selection> select(const std::vector<SelectItem>& items);

  const std::vector<std::optional<std::string>>& params() const { return params_; }
  std::vector<std::optional<std::string>> take_params() && { return std::move(params_); }

 private:
  Result<std::string> condition(const Condition& condition);
  Result<std::string> comparison(const Condition& condition);
  Result<std::string> full_text(const Condition& condition);
  Result<std::string> logic(const Logic& logic);

  const Table& table_;
  std::size_t first_param_;
  std::vector<std::optional<std::string>> params_;
};

/// `AND`s two conditions, either of which may be empty.
std::string and_also(std::string left, std::string_view right);

}  // namespace shardplex
