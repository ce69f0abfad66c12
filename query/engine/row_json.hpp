// A row of a result as one JSON object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/engine/json_value.hpp"

namespace shardplex {

/// Stands before each value of a row that is no object but a list of values. It occurs in no JSON text
/// (RFC 7464, section 2.2).
inline constexpr char value_mark = '\x1e';

/// The first columns of a result and what each is called in the object that they become: the bytes that
/// PostgreSQL's row_to_json() gives, which costs it as much as finding the row.
class RowJson {
 public:
  RowJson() = default;
  /// Rows that become their values alone, each behind a value_mark.
  static RowJson of_values() {
    RowJson row;
    row.is_object_ = false;
    return row;
  }

  struct Field {
    std::string name;  ///< as PostgreSQL would cut it
    JsonType type;
    std::string before;  ///< what stands before the value: `{"id":` or `,"title":`
    bool operator==(const Field&) const = default;
  };

  /// Adds a field, the result's next column. The name is a client's: PostgreSQL cuts it to 63 bytes.
  void add(std::string_view name, JsonType type);

  /// Leaves room for members that are no columns, behind the fields so far and before those to come: for one
  /// or more that will be written together. Gives what has to stand before the value of each.
  std::vector<std::string> leave_room(const std::vector<std::string>& names);

  /// Where members will be written that are no columns.
  struct Room {
    std::size_t fields_before;
    std::vector<std::string> names;  ///< as PostgreSQL would cut them
    bool operator==(const Room&) const = default;
  };

  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Room>& rooms() const { return rooms_; }

  /// Appends a row; value(column) is the value's bytes, or nullopt for null. False where a value is not of
  /// its field's type: a server has sent something else than it said. Precondition: there are no rooms.
  template <class Value>
  bool append(std::string& out, Value value) const {
    return append(out, value, nullptr);
  }

  /// The same with rooms, whose offsets in `out` are added to `rooms`. It may be null where there are none.
  /// False also where `out` gets longer than `most`.
  template <class Value>
  bool append(std::string& out, Value value, std::vector<std::size_t>* rooms,
              std::size_t most = any_length) const {
    out.reserve(out.size() + usual_bytes_);
    if (is_object_ && is_empty_) out += '{';
    auto room = rooms_.begin();
    for (std::size_t column = 0; column < fields_.size(); ++column) {
      for (; room != rooms_.end() && room->fields_before == column; ++room) rooms->push_back(out.size());
      const Field& field = fields_[column];
      out += field.before;
      const std::optional<std::string_view> bytes = value(column);
      if (!bytes)
        out += "null";
      else if (!append_json(out, field.type, *bytes, most) || out.size() > most)
        return false;
    }
    for (; room != rooms_.end(); ++room) rooms->push_back(out.size());
    if (is_object_) out += '}';
    return true;
  }

  bool operator==(const RowJson&) const = default;

 private:
  std::string next_before(std::string_view cut_name);

  std::vector<Field> fields_;
  std::vector<Room> rooms_;
  bool is_object_ = true;
  bool is_empty_ = true;         // neither fields nor rooms
  std::size_t usual_bytes_ = 0;  // of a row, so that its text is not moved about while it grows
};

}  // namespace shardplex
