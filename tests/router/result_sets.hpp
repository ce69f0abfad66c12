// Results as libpq holds them, without a server.
#pragma once

#include <doctest/doctest.h>
#include <libpq-fe.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/result_set.hpp"

namespace shardplex::tests {

using ResultRow = std::vector<std::optional<std::string>>;

/// Rows of `columns` values, each in binary format; nullopt is null.
inline postgres::ResultSet result_of(int columns, const std::vector<ResultRow>& rows) {
  PGresult* result = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
  std::string name = "column";
  std::vector<PGresAttDesc> descriptions(static_cast<std::size_t>(columns));
  for (auto& description : descriptions) {
    description.name = name.data();
    description.format = 1;
  }
  REQUIRE(PQsetResultAttrs(result, columns, descriptions.data()));
  for (int row = 0; row < static_cast<int>(rows.size()); ++row)
    for (int column = 0; column < columns; ++column) {
      auto value = rows[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
      const int length = value ? static_cast<int>(value->size()) : -1;
      REQUIRE(PQsetvalue(result, row, column, value ? value->data() : nullptr, length));
    }
  return postgres::ResultSet(result);
}

/// A bigint as PostgreSQL sends it.
inline std::string int8(std::int64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * (7 - i)));
  return bytes;
}

}  // namespace shardplex::tests
