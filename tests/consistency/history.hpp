// What clients of a store of rows asked and were answered, for check() in checker.hpp.
//
// A row is a register that may be absent: it is inserted, written, compared and set, removed and read. A list
// is a read of every row of some groups at once, where each row may be seen at a moment of its own within the
// list's time, since a read over several shards is one snapshot of each of them.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardplex::consistency {

/// Since any fixed moment, the same for all operations of a history; std::chrono::steady_clock's will do.
using Time = std::chrono::nanoseconds;

/// A row, whatever clients find it by. `table` counts in History::tables.
struct Key {
  std::int64_t id = 0;
  std::int32_t table = 0;

  friend auto operator<=>(const Key&, const Key&) = default;
};

/// What a row's register holds; nullopt: there is no row.
using Value = std::optional<std::int64_t>;

enum class Action : std::uint8_t { insert, write, compare_and_set, remove, read, list };

enum class Outcome : std::uint8_t {
  ok,
  failed,  ///< it was refused, and has certainly had no effect
  unknown  ///< it may have had its effect, or have it yet, or never
};

/// A row of a list's answer. `place` counts in History::places; -1: not known.
struct ListedRow {
  Key key;
  std::int32_t place = -1;
  std::int64_t value = 0;
};

struct Operation {
  int process = 0;  ///< the client: it does one thing after another
  Action action = Action::read;
  Outcome outcome = Outcome::ok;
  /// Reads and lists: false for those that may show the past, see Rules::staleness.
  bool strong = true;
  /// Changes whose outcome is ok: whether it took place. False: insert found a row, write and remove found
  /// none, compare_and_set found another value or no row.
  bool applied = true;
  Key key;  ///< all but list
  /// insert: the group that the row is in for ever. list: it was asked for all groups whose names begin with
  /// this.
  std::string group;
  Value expected;               ///< compare_and_set
  Value value;                  ///< insert, write, compare_and_set: the new one; read: what was seen
  std::vector<ListedRow> rows;  ///< list: what was seen, in any order
  Time invoked{0}, completed{0};
  std::string answer;  ///< what the client was told where the outcome is not ok
};

struct History {
  std::vector<std::string> tables;
  std::vector<std::string> places;
  std::vector<Operation> operations;  ///< in any order
};

/// One line for people. Times are milliseconds after `origin`.
std::string to_string(const Operation& operation, const History& history, Time origin);
std::string to_string(const Key& key, const History& history);
std::string to_string(const Value& value);

}  // namespace shardplex::consistency
