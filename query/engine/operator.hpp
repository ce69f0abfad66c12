// What the operators have in common that make one answer of the rows of many shards, without I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/error.hpp"

namespace shardplex {

/// Which row of an operator's input it is, counted from 0.
struct InputRow {
  std::size_t input;
  int number;
};

/// A row of an answer: its text, as RowText wrote it of the row's columns, and the values it sorts by
/// (binary, nullopt is null).
struct Row {
  std::string json;
  std::vector<std::optional<std::string>> keys;
  /// Offsets in `json` at which members have still to be written, in order (RowJson::leave_room()).
  std::vector<std::size_t> rooms = {};
  /// What rows of other tables are found by, and what is known of this row for conditions on them; as text.
  std::vector<std::optional<std::string>> related = {};
  /// Set: `json` and `rooms` are still empty, and no operator may need them. Who feeds the operators writes
  /// them once the row has come out, and never those of rows that are left out.
  std::optional<InputRow> unwritten = std::nullopt;
};

/// What a row takes in memory, about.
inline std::size_t weight(const Row& row) {
  std::size_t bytes = sizeof(Row) + row.json.size();
  for (const auto& value : row.keys) bytes += sizeof value + (value ? value->size() : 0);
  for (const auto& value : row.related) bytes += sizeof value + (value ? value->size() : 0);
  return bytes;
}

/// Turns inputs, which somebody else fetches, into one stream of rows. Inputs are numbered from 0. Each
/// operator has a file, a test file, and a comment that states its precondition.
///
/// The protocol: call next() until it says Done or Error. Where it says Needs, push() rows into that input
/// (one or more) or finish() or fail() it, and call next() again. Memory is what has been pushed and not yet
/// come out, so whoever feeds decides it.
class RowOperator {
 public:
  RowOperator() = default;
  RowOperator(const RowOperator&) = delete;
  RowOperator& operator=(const RowOperator&) = delete;
  virtual ~RowOperator() = default;

  struct Needs {
    std::size_t input;
    std::optional<std::uint64_t> rows;  ///< more rows of it than these cannot matter; nullopt: all may.
                                        ///< Nobody reads it yet: rows are fed as they come
  };
  struct Done {};
  using Step = std::variant<Row, Needs, Done, Error>;

  /// The next row of the answer, an input that has to be fed first, the end, or the error of an input that
  /// failed.
  virtual Step next() = 0;

  virtual void push(std::size_t input, Row row) = 0;
  virtual void finish(std::size_t input) = 0;  ///< the input has no more rows
  /// The input cannot be read to its end. From now on next() says Error, because an answer without the
  /// input's rows would be wrong; unless the answer is complete without them, as a page is that is full.
  virtual void fail(std::size_t input, Error error) = 0;

  /// How many values (Row::keys) each row pushed into the input has to carry.
  virtual std::size_t key_count(std::size_t input) const = 0;
};

}  // namespace shardplex
