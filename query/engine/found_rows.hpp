// The rows that a lookup has found, by key, and what they look like inside the rows that have the key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/engine/operator.hpp"

namespace shardplex {

/// How the rows of a lookup become part of a row.
struct EmbedShape {
  enum class Kind : std::uint8_t {
    nothing,       ///< not at all
    object,        ///< one member: the row, or null
    array,         ///< one member: all rows
    values,        ///< a member for each value of the one row (RowJson::of_values()), null without it
    value_arrays,  ///< the same of all rows: each member is an array
  };
  Kind kind = Kind::nothing;
  std::vector<std::string> before;  ///< what stands before each member's value (RowJson::leave_room())
  /// Of value_arrays, by member: json_agg() begins a line for each of its values that is an array or an
  /// object, since they are not of a type that is JSON already.
  std::vector<bool> in_lines;
  bool to_one = false;  ///< a key that finds two rows is an error
  bool in_csv = false;  ///< the members are JSON in fields of CSV; not of `values`
  /// So many of the one row's keys, the last, are handed to the row that it belongs to.
  std::size_t sort_keys = 0;
  bool operator==(const EmbedShape&) const = default;
};

/// Takes the rows of one batch of keys, and writes those of one key.
class FoundRows {
 public:
  explicit FoundRows(EmbedShape shape) : shape_(std::move(shape)) {}

  /// Forgets all rows, and expects those of `keys` keys.
  void expect(std::size_t keys);
  /// The error of a row that is none of them, or the second of a key that has one.
  std::optional<Error> add(const Row& row);

  bool has_rows(std::optional<std::uint32_t> key) const { return key && groups_[*key].rows > 0; }
  /// Appends the members; `key` is that of the row they belong to.
  void append(std::string& out, std::optional<std::uint32_t> key) const;
  /// Appends the sort_keys; null each where there is no row.
  void append_keys(std::vector<std::optional<std::string>>& keys, std::optional<std::uint32_t> key) const;

  const EmbedShape& shape() const { return shape_; }
  bool shows() const { return shape_.kind != EmbedShape::Kind::nothing; }
  std::size_t bytes() const { return bytes_; }  ///< of all that is held

 private:
  struct Group {
    std::size_t rows = 0;
    std::vector<std::string> texts;  // of each member, without the brackets of an array
    std::vector<std::optional<std::string>> keys = {};
  };
  bool add_values(Group& group, const std::string& row);
  void append_value(std::string& out, std::size_t member, std::optional<std::uint32_t> key) const;
  void append_field(std::string& out, std::size_t member, std::optional<std::uint32_t> key) const;
  bool is_in_array() const;

  EmbedShape shape_;
  std::vector<Group> groups_;
  std::size_t bytes_ = 0;
};

/// SHARD503: a server has sent something else than it was asked for.
Error not_asked_for();

}  // namespace shardplex
