// A row of the input on its way to a shard: PostgreSQL input text per column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operations/load/csv_dialect.hpp"
#include "operations/load/input_blocks.hpp"
#include "query/catalogue/catalogue.hpp"

namespace shardplex::operations {

struct Field {
  enum class State : std::uint8_t {
    absent,  ///< the row does not name the column: its default
    null,
    text,
  };
  State state = State::absent;
  std::string text;

  void set(std::string_view value) {
    state = State::text;
    text = value;
  }
  std::optional<std::string_view> value() const {
    if (state != State::text) return std::nullopt;
    return text;
  }
};

/// By column, in the order of RowColumns.
using Row = std::vector<Field>;

/// The columns that a row of the table may name, and how JSON becomes their text.
class RowColumns {
 public:
  enum class Kind : std::uint8_t {
    scalar,
    array,       ///< JSON arrays become array literals
    json,        ///< any JSON is the value
    json_array,  ///< the elements of a JSON array are any JSON
  };
  struct Entry {
    std::string name;
    std::string type;
    Kind kind = Kind::scalar;
    bool has_default = false;
    bool generated = false;  ///< cannot be given
  };

  explicit RowColumns(const Table& table);

  std::size_t size() const { return entries_.size(); }
  const Entry& operator[](std::size_t column) const { return entries_[column]; }

  /// The column of that name; `guess` is looked at first, since rows mostly name columns in one order.
  std::optional<std::size_t> find(std::string_view name, std::size_t guess = 0) const;

  /// Why a row may not name `name`: it does not exist (with the nearest that does) or is generated; nullopt
  /// where it may.
  std::optional<std::string> refusal(std::string_view name) const;

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

/// What RowReader::next found.
struct ReadRow {
  std::uint64_t line = 0;              ///< where the record starts
  std::optional<std::string> problem;  ///< set: the row is bad, its fields mean nothing
};

/// Parses the records of blocks. Not thread-safe; one per parsing thread.
class RowReader {
 public:
  virtual ~RowReader() = default;
  virtual void start(const InputBlock& block) = 0;  ///< the block outlives the reading of it
  /// Reads the next record into `row` (resized and overwritten); nullopt at the end of the block. Blank lines
  /// are passed over.
  virtual std::optional<ReadRow> next(Row& row) = 0;
};

/// `columns` outlives the reader.
std::unique_ptr<RowReader> make_ndjson_reader(const RowColumns& columns);

/// `header`: the column of each field, as csv_header returns it.
std::unique_ptr<RowReader> make_csv_reader(const RowColumns& columns, std::vector<std::size_t> header,
                                           CsvDialect dialect = {});

/// The columns that the CSV header names. Throws CommandFailed on an unknown, generated or repeated column.
std::vector<std::size_t> csv_header(const RowColumns& columns, const InputBlock& header,
                                    const CsvDialect& dialect = {});

}  // namespace shardplex::operations
