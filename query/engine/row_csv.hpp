// A row of a result as one line of CSV.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/engine/csv_value.hpp"
#include "query/engine/row_json.hpp"

namespace shardplex {

/// The names of a row's members, as PostgREST has them: with commas between, and nothing quoted.
std::string csv_header(const RowJson& row);

/// Appends a row without the end of its line, as RowJson::append() does: null is an empty field. The members
/// of a room bring their commas along; `rooms` may be null where there are none.
template <class Value>
bool append_csv_row(std::string& out, const RowJson& row, Value value, std::vector<std::size_t>* rooms) {
  const auto& fields = row.fields();
  auto room = row.rooms().begin();
  const auto pass_rooms = [&](std::size_t column) {
    for (; room != row.rooms().end() && room->fields_before == column; ++room) rooms->push_back(out.size());
  };
  for (std::size_t column = 0; column < fields.size(); ++column) {
    pass_rooms(column);
    if (column > 0 || room != row.rooms().begin()) out += ',';
    const std::optional<std::string_view> bytes = value(column);
    if (bytes && !append_csv(out, fields[column].type, *bytes)) return false;
  }
  pass_rooms(fields.size());
  return true;
}

}  // namespace shardplex
