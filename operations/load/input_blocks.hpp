// The input of a load, cut into blocks that end where a record ends, so that blocks can be parsed side by
// side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace shardplex::operations {

enum class Format : std::uint8_t {
  ndjson,  ///< one JSON object per line
  csv,     ///< RFC 4180 with a header; quoted fields may hold line ends
};

/// Whole records of the input.
struct InputBlock {
  std::uint64_t sequence = 0;    ///< 0, 1, 2, … in input order
  std::uint64_t first_line = 1;  ///< line of its first byte, from 1
  std::string text;
};

/// Thread: one at a time. Memory: about one block, or one record where that is longer.
class InputBlocks {
 public:
  static constexpr std::size_t default_block_bytes = 1 << 20;
  static constexpr std::size_t longest_record_bytes = 64 << 20;

  /// `delimiter`: of the fields of a CSV; `quotes`: whether they may be quoted, and so hold line ends.
  InputBlocks(std::istream& in, Format format, std::size_t block_bytes = default_block_bytes,
              char delimiter = ',', bool quotes = true)
      : in_(in), quoted_(format == Format::csv && quotes), block_bytes_(block_bytes), delimiter_(delimiter) {}

  /// The first bytes of the input, about a block, which are still to come. Lifetime: until the next call.
  /// Precondition: nothing was taken yet.
  std::string_view beginning();

  /// The next block; nullopt at the end. Throws std::runtime_error where a record is longer than
  /// longest_record_bytes or the input cannot be read.
  std::optional<InputBlock> next();

  /// Takes the first record off the input: the header of a CSV. Precondition: next() was not called.
  std::optional<InputBlock> first_record();

 private:
  enum class CsvState : std::uint8_t { field_start, unquoted, quoted, quote_in_quoted };

  void fill();
  void check_length() const;
  void find_record_ends();
  InputBlock cut(std::size_t bytes);

  std::istream& in_;
  bool quoted_;  // records may hold line ends
  std::size_t block_bytes_;
  char delimiter_;
  std::string pending_;        // starts at a record's start
  std::size_t scanned_ = 0;    // of pending_, looked through for record ends
  std::size_t first_end_ = 0;  // end of the first record of pending_; 0: none found
  std::size_t last_end_ = 0;   // end of the last record of pending_; 0: none found
  CsvState state_ = CsvState::field_start;
  bool at_end_ = false;
  bool started_ = false;
  std::uint64_t sequence_ = 0;
  std::uint64_t line_ = 1;
};

}  // namespace shardplex::operations
