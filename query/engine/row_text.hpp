// A row of a result in the format that was asked for: the one place that tells the formats apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "query/engine/row_csv.hpp"
#include "query/engine/row_format.hpp"
#include "query/engine/row_json.hpp"

namespace shardplex {

/// The first columns of a result, what each is called, and what a row of them is written as.
class RowText {
 public:
  RowText() = default;
  explicit RowText(RowFormat format) : format_(format) {}
  /// Rows of JSON that become their values alone (RowJson::of_values()).
  static RowText of_values() {
    RowText row;
    row.json_ = RowJson::of_values();
    return row;
  }

  /// How the server has to give a column of the type, `value` being an expression of it.
  std::string sql(JsonType type, const std::string& value) const {
    return is_csv() ? csv_sql(type, value) : json_sql(type, value);
  }
  /// The same of a value of any type, of which `is_json` says that it is of JSON's own already.
  std::string sql_of_member(const std::string& value, bool is_json) const {
    return is_json && !is_csv() ? value : sql({}, value);
  }
  /// Adds the result's next column, which the server gives by sql().
  void add(std::string_view name, JsonType type) { json_.add(name, type); }

  /// As RowJson::leave_room(). What is written there is CSV where the row is.
  std::vector<std::string> leave_room(const std::vector<std::string>& names) {
    const bool is_first = fields().empty() && rooms().empty();
    auto before = json_.leave_room(names);
    if (is_csv()) std::ranges::fill(before, ",");
    if (is_csv() && is_first && !before.empty()) before.front().clear();
    return before;
  }

  RowFormat format() const { return format_; }
  /// Whether values with a time zone are shown in UTC, and need not be the server's to write.
  bool in_utc() const { return is_in_utc(format_); }
  const std::vector<RowJson::Field>& fields() const { return json_.fields(); }
  const std::vector<RowJson::Room>& rooms() const { return json_.rooms(); }

  /// True where the field's column is sent as a value of its own type.
  bool is_sent_as_it_is(std::size_t field) const {
    const JsonType type = fields()[field].type;
    return is_csv() ? sent_as_it_is_for_csv(type) : sent_as_it_is(type);
  }
  /// True where a column of the PostgreSQL type `type_oid` can be the field's.
  bool holds(std::size_t field, std::uint32_t type_oid) const {
    const JsonType type = fields()[field].type;
    return is_csv() ? holds_csv_of(type, type_oid) : holds_json_of(type, type_oid);
  }

  /// The line that stands before the first row of CSV, without its end; "" for any other format.
  std::string header() const { return is_csv() ? csv_header(json_) : std::string(); }

  /// As RowJson::append(); `rooms` may be null where there are none. `most` bounds JSON alone: what becomes
  /// CSV comes as text.
  template <class Value>
  bool append(std::string& out, Value value, std::vector<std::size_t>* rooms = nullptr,
              std::size_t most = any_length) const {
    return is_csv() ? append_csv_row(out, json_, value, rooms) : json_.append(out, value, rooms, most);
  }

  bool operator==(const RowText&) const = default;

 private:
  bool is_csv() const { return format_ == RowFormat::csv; }

  RowFormat format_ = RowFormat::json;
  RowJson json_;
};

}  // namespace shardplex
