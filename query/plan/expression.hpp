// Columns, casts, filters and select lists as SQL over one table, with the values gathered as parameters.
// Reads and writes are put together from these.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/engine/row_text.hpp"
#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// The select list of a row.
struct Selection {
  std::string inner;  ///< "movies"."id" AS c0, …: computed where the table is
  std::string outer;  ///< q.c0 AS "id", …: named as the client sees them, over a subquery q of the inner ones
  std::string values;  ///< q.c0, to_json(q.c1), …: as `row` reads them, over the same
  RowText row;
  std::vector<std::string> columns;  ///< by item, the column that it is; "" for what is made of one
  std::vector<bool> json_already;    ///< by item, is_json_already()
};

/// True where PostgreSQL's json_agg() takes values of the column, or of the item, for JSON as they are: those
/// of json and of types that have a cast to it. It begins a line for each array or object of any other type.
bool is_json_already(const Column& column);
bool is_json_already(const Table& table, const SelectItem& item);

/// Writes expressions over one table. Lifetime: refers to the table.
class ExpressionWriter {
 public:
  /// Parameters are numbered from `first_param`. The table goes by its own name.
  ExpressionWriter(const Table& table, std::size_t first_param)
      : table_(table), alias_(table.name), first_param_(first_param) {}
  /// Of a table that goes by `alias`. Parameters are added to those of `shared`, which has to outlive it.
  ExpressionWriter(const Table& table, std::string alias, ExpressionWriter& shared)
      : table_(table), alias_(std::move(alias)), shared_(&shared), first_param_(shared.first_param_) {}

  /// What a condition comes to that is about an embed; nullopt for one that is about a column.
  using AboutEmbed = std::function<std::optional<Result<std::string>>(const Condition&)>;
  void when_about_embed(AboutEmbed write) { about_embed_ = std::move(write); }

  /// "$n", standing for `value`.
  std::string param(std::optional<std::string> value);

  /// The column or the place inside it, in parentheses unless it is a plain column.
  Result<std::string> field(const Field& field);
  Result<std::string> filter(const Filter& filter);
  /// The filters joined by AND; "" where there are none.
  Result<std::string> filters(const std::vector<Filter>& filters);
  /// What is shown of the item's field (shown_sql()), cast where the item says so. Precondition: it is
  /// neither a star nor an aggregate.
  Result<std::string> value(const SelectItem& item);
  /// All columns where `items` is empty. They are added to `row`.
  Result<Selection> select(const std::vector<SelectItem>& items, RowText row = {});

  const std::string& alias() const { return alias_; }  ///< of the table, not quoted
  const std::vector<std::optional<std::string>>& params() const { return params_; }
  std::vector<std::optional<std::string>> take_params() && { return std::move(params_); }

 private:
  Result<std::string> condition(const Condition& condition);
  Result<std::string> comparison(const Condition& condition);
  std::string operand(const Condition& condition);
  const std::string& reading_function(const Condition& condition) const;
  Result<std::string> full_text(const Condition& condition);
  Result<std::string> logic(const Logic& logic);

  const Table& table_;
  std::string alias_;
  ExpressionWriter* shared_ = nullptr;
  AboutEmbed about_embed_;
  std::size_t first_param_;
  std::vector<std::optional<std::string>> params_;
};

}  // namespace shardplex
