#include "query/engine/row_csv.hpp"

namespace shardplex {

std::string csv_header(const RowJson& row) {
  std::string header;
  bool is_first = true;
  const auto add = [&](const std::string& name) {
    if (!is_first) header += ',';
    is_first = false;
    header += name;
  };
  auto room = row.rooms().begin();
  const auto add_rooms = [&](std::size_t column) {
    for (; room != row.rooms().end() && room->fields_before == column; ++room)
      for (const auto& name : room->names) add(name);
  };
  for (std::size_t column = 0; column < row.fields().size(); ++column) {
    add_rooms(column);
    add(row.fields()[column].name);
  }
  add_rooms(row.fields().size());
  return header;
}

}  // namespace shardplex
