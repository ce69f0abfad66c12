// The order of the rows that a read asks for: ORDER BY on the shards, and the merge of what they send.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/cursor_page.hpp"
#include "query/plan/embed_writer.hpp"
#include "query/plan/expression.hpp"
#include "query/plan/plan.hpp"
#include "query/resolve/read_tree.hpp"

namespace shardplex {

/// Gathers the ORDER BY of a plan and the merge that mirrors it. Lifetime: refers to all that it is given.
class OrderPlanner {
 public:
  /// `columns`: Selection::columns of the plan's row. `page`: where they are paged by cursor; else nullptr.
  OrderPlanner(const Table& table, bool bytewise_default_collation, ExpressionWriter& writer, ReadPlan& plan,
               std::vector<std::string> columns, const CursorPage* page)
      : table_(table),
        bytewise_default_(bytewise_default_collation),
        writer_(writer),
        plan_(plan),
        columns_(std::move(columns)),
        paged_(page != nullptr),
        turned_(page && page->at && page->at->before) {}

  /// Of rows that are paged by cursor: what they are read in the order of.
  const std::vector<OrderKey>& page_keys() const { return page_keys_; }

  Result<void> add_term(const OrderTerm& term);

  /// A term that is a value of the one row which `embed` is to; `row` as EmbedWriter takes it.
  Result<void> add_term_of(const ResolvedEmbed& embed, const OrderTerm& term, EmbedWriter& embeds,
                           const EmbedWriter::Column& row);

  /// A value that the rows have, and that others are ordered by. Its order has to be known to the router.
  Result<void> add_shown(const SelectItem& item);

  /// The number of the key that a row is looked up by, which the statement has from the keys.
  void add_number();

  /// Breaks ties by the primary key, so that every answer has one order. Where the key's own collation is not
  /// bytewise, or it is citext, its bytes decide instead: any fixed order of ties will do, and this one can
  /// be merged.
  void add_primary_key(const std::vector<OrderTerm>& terms);

 private:
  /// `column`: the one whose value it is; nullptr where it is made of one. Where that is sent as it is for
  /// the row's sake, it is not sent again. `field`: of a term that is no column.
  void add(const std::string& value, MergeKey key, const Column* column, const Field* field);

  std::optional<std::size_t> sent_for_row(const Column& column) const;
  /// The column, and of text by which collation it is planned to sort: its own, so that an index on it
  /// serves, and no other that somebody may give it meanwhile.
  std::string ordered_sql(const Column& column) const;
  /// The labels decide, and may change without any column changing.
  void check_enum(const Column& column);

  MergeKey column_key(const Table& table, const Column& column);
  MergeKey path_key(const Field& field);
  /// Of jsonb. PostgreSQL itself refuses an order by json (42883).
  MergeKey json_key(const std::string& column);
  MergeKey cast_key(const SelectItem& item);
  /// The first reason stands.
  void refuse(const std::string& why, const std::string& works);

  const Table& table_;
  bool bytewise_default_;
  ExpressionWriter& writer_;
  ReadPlan& plan_;
  std::vector<std::string> columns_;
  bool paged_, turned_;
  std::vector<OrderKey> page_keys_;
};

}  // namespace shardplex
