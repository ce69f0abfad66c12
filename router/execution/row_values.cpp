#include "router/execution/row_values.hpp"

#include <optional>
#include <string_view>

#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {

bool suits(const postgres::ResultSet& result, const RowText& row, std::size_t first) {
  const auto& fields = row.fields();
  if (static_cast<std::size_t>(result.columns()) < first + fields.size()) return false;
  for (std::size_t field = 0; field < fields.size(); ++field) {
    const int column = static_cast<int>(first + field);
    if (!result.is_binary(column) || !row.holds(field, result.type(column))) return false;
  }
  return true;
}

postgres::Failure other_tables() {
  return {.kind = postgres::Failure::Kind::statement,
          .sent = true,
          .sqlstate = std::string(sqlstate_other_tables),
          .message = "a column is of another type than it was"};
}

namespace {

/// The values of one row of a result, from the column `first` on.
auto values_of(const postgres::ResultSet& result, int number, std::size_t first) {
  return [&result, number, first](std::size_t field) -> std::optional<std::string_view> {
    const int column = static_cast<int>(first + field);
    if (result.is_null(number, column)) return std::nullopt;
    return result.bytes(number, column);
  };
}

}  // namespace

bool append_row(std::string& out, const RowText& row, const postgres::ResultSet& result, int number,
                std::size_t first, std::size_t most) {
  return row.append(out, values_of(result, number, first), nullptr, most);
}

bool write_row(Row& row, const RowText& as, const postgres::ResultSet& result, int number, std::size_t most) {
  return as.append(row.json, values_of(result, number, 0), &row.rooms, most);
}

}  // namespace shardplex::router
