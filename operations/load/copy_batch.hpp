// Rows in the text format of COPY, ready to be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operations/load/row.hpp"
#include "shard_map/ids.hpp"

namespace shardplex::operations {

/// Columns that a row leaves to their defaults, by column: COPY names its columns once, so rows that differ
/// in this go in different batches. An absent column without a default is null and needs no batch of its own.
using Omitted = std::vector<bool>;

Omitted omitted_columns(const RowColumns& columns, const Row& row);

/// Rows for one COPY, all with the same columns.
class CopyBatch {
 public:
  explicit CopyBatch(Omitted omitted) : omitted_(std::move(omitted)) {}

  /// `slot` is appended as the last column where the table has it.
  void append(const Row& row, std::optional<Slot> slot, std::uint64_t line);

  const Omitted& omitted() const { return omitted_; }
  std::size_t rows() const { return lines_.size(); }
  std::uint64_t line(std::size_t row) const { return lines_[row]; }

  /// The text of rows begin … end - 1.
  std::string_view text(std::size_t begin, std::size_t end) const;

  /// Takes out the rows marked. Precondition: one mark per row.
  void remove(const std::vector<bool>& marked);

 private:
  Omitted omitted_;
  std::string text_;
  std::vector<std::uint64_t> lines_;
  std::vector<std::size_t> ends_;  // of each row in text_
};

/// COPY "public"."table" (…, shardplex_slot) FROM STDIN.
std::string copy_statement(const std::string& table, const RowColumns& columns, const Omitted& omitted,
                           bool with_slot);

}  // namespace shardplex::operations
