// Rows on their way into a table that may have some of them already: by way of a table of the load's own,
// which is made and dropped in its transaction, so that nobody else ever sees it. It is not a temporary one,
// because PostgreSQL prepares no transaction that has used such a table (PREPARE TRANSACTION, "Notes").
// The statements and decisions only; ShardWriter runs them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "operations/load/copy_batch.hpp"
#include "operations/load/load_mode.hpp"
#include "operations/load/row.hpp"
#include "query/catalogue/catalogue.hpp"

namespace shardplex::operations {

/// Why rows cannot be loaded into the table so, with what would work; nullopt where they can. `deciding`: the
/// columns that decide a row's slot; none of a reference table, and only of one.
std::optional<std::string> merge_refusal(LoadMode mode, const Table& table,
                                         const std::vector<std::string>& deciding);

class StagedMerge {
 public:
  /// Preconditions: the mode is not insert, and merge_refusal() has nothing against it. `load`: a name that
  /// no other load has. `columns` are the table's, and outlive this.
  StagedMerge(LoadMode mode, const std::string& load, const Table& table, const RowColumns& columns,
              bool with_slot);

  /// What is run before the first row.
  std::vector<std::string> begin() const;

  /// The COPY of a batch, and what is run after it. `omitted`: as omitted() says of its rows.
  std::string copy(const Omitted& omitted) const;
  std::vector<std::string> after_copy(const Omitted& omitted) const;

  /// What is run after the last row.
  std::vector<std::string> end() const;

  /// What the row leaves out: under upsert all that it does not give, since that stays as it is.
  Omitted omitted(const Row& row) const;

  /// Why the row cannot be told from others: it does not give all of its primary key.
  std::optional<std::string> key_problem(const Row& row) const;

  /// What errors of COPY call the table.
  const std::string& staging() const { return staging_; }

  /// PostgreSQL's message, about the table itself. One that a row of the input with the same key causes says
  /// so.
  std::string told(std::string message) const;

 private:
  std::vector<std::size_t> given(const Omitted& omitted) const;
  std::vector<std::size_t> writable() const;
  std::string names(const std::vector<std::size_t>& columns, bool with_slot) const;
  std::string merge(const std::vector<std::size_t>& columns) const;

  LoadMode mode_;
  std::string table_;         // as the map calls it
  std::string staging_;       // in the schema shardplex, like the next
  std::string staging_keys_;  // the primary keys of the input so far, to find one that is given twice
  const RowColumns& columns_;
  std::vector<std::size_t> key_;  // columns of the primary key
  bool with_slot_;
};

}  // namespace shardplex::operations
