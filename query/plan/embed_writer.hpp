// Embeds as SQL, where each shard can follow them by itself.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/grouping.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

/// What embeds add to a SELECT of the rows that they are of.
struct EmbedSql {
  std::vector<MemberSql> members;
  /// " LEFT JOIN LATERAL …", to stand behind what the rows come from; "" where there is no spread. Each adds
  /// one row to a row, in a way that PostgreSQL can only join row by row, so that their order stays.
  std::string joins;
};

/// Writes what embeds add to the statement of their root. All of it refers to the row that it is of by
/// `Column`, so rows are found, ordered and limited before anything is embedded in them.
///
/// Rows of an embed to many come in the order asked for, then by primary key. An embed that asks for
/// aggregates has the groups of its rows for rows. SHARD400 where embeds that filters ask for again and again
/// would make a statement without bound, of subqueries or of bytes. Lifetime: refers to the node's query,
/// catalogue and relations, and to the writer of the root, whose parameters it adds to; each is used in what
/// is returned, since PostgreSQL refuses one that is not.
class EmbedWriter {
 public:
  /// A column of the row that an embed is of, in SQL; of whole_row (table_columns.hpp) what a function takes
  /// for the row.
  using Column = std::function<std::string(const std::string& name)>;

  /// What the root has for parameters by now, such as a body, is not counted among what embeds come to.
  explicit EmbedWriter(ExpressionWriter& root) : root_(root), counted_params_(root.params().size()) {}

  /// The members that the node's embeds add to its rows, in their order: one each, those of a spread, or none
  /// of an embed that shows nothing. An aggregate inside a spread is given as its argument: whoever asked for
  /// the row groups it.
  Result<EmbedSql> members(const ResolvedNode& node, const Column& row);
  /// Those of one embed.
  Result<EmbedSql> members_of(const ResolvedEmbed& embed, const Column& row);

  /// What !inner asks of the node's rows, at any depth; "" where it asks nothing.
  Result<std::string> inner_conditions(const ResolvedNode& node, const Column& row);

  /// rel=is.null or rel=not.is.null.
  Result<std::string> presence(const ResolvedEmbed& embed, bool has_rows, const Column& row);

  /// The item's value in the one row that the embed is to; null where there is none. An order by the embed
  /// is by such a value (ordered_item()). `collation`: " COLLATE …", or "" for the value's own.
  Result<std::string> value_of(const ResolvedEmbed& embed, const SelectItem& item, const Column& row,
                               const std::string& collation = "");

 private:
  /// An embed's rows, and how they are to be spoken of.
  struct Rows {
    std::string alias;
    std::string from;   ///< " FROM …"
    std::string where;  ///< " WHERE …", or ""
    /// Set where the embed's rows are groups of these, and what embeds below join to these for it.
    std::optional<Grouping> groups;
    std::string grouped_joins;
    std::string page;  ///< ORDER BY, LIMIT and OFFSET

    /// SELECT `columns`, over the rows with `joins` or over their groups.
    std::string select(const std::string& columns, const std::string& joins = "") const;
  };

  ExpressionWriter writer_of(const ResolvedNode& node, const std::string& alias);
  Result<Rows> rows(const ResolvedEmbed& embed, const Column& row);
  Result<std::string> page(const ResolvedEmbed& embed, ExpressionWriter& writer, Rows& rows);
  Result<std::string> order_value(const ResolvedNode& node, const OrderTerm& term, ExpressionWriter& writer,
                                  const Column& row);
  Result<std::string> group_rows(const ResolvedNode& node, const RowShape& shape, ExpressionWriter& writer,
                                 Rows& rows);
  Result<std::string> order(const ResolvedEmbed& embed, ExpressionWriter& writer, const Column& row);
  Result<EmbedSql> own_members(const ResolvedNode& node, const std::string& alias);
  Result<EmbedSql> shown_members(const ResolvedNode& node, const Rows& rows);
  Result<MemberSql> whole(const ResolvedEmbed& embed, const Column& row);
  Result<EmbedSql> spread(const ResolvedEmbed& embed, const Column& row);
  std::string new_alias();
  bool is_too_much();

  ExpressionWriter& root_;
  std::size_t aliases_ = 0;
  std::size_t counted_params_;  ///< of the root's, in bytes_
  std::size_t bytes_ = 0;       ///< of parameters, and of the conditions of each subquery
};

}  // namespace shardplex
