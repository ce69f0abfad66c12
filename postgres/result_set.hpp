// The rows of one statement, in PostgreSQL's binary format.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "postgres/memory_budget.hpp"

namespace shardplex::postgres {

struct ResultDeleter {
  void operator()(PGresult* r) const noexcept { PQclear(r); }
};

/// Owns a PGresult of PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE or PGRES_COMMAND_OK.
class ResultSet {
 public:
  explicit ResultSet(PGresult* result) : result_(result) {}

  int rows() const { return PQntuples(result_.get()); }
  int columns() const { return PQnfields(result_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  /// The value's bytes; valid while this ResultSet lives. Empty for null.
  std::string_view bytes(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  std::optional<std::string> copy(int row, int column) const {
    if (is_null(row, column)) return std::nullopt;
    return std::string(bytes(row, column));
  }
  /// int2, int4 or int8 (by length), big-endian; nullopt where the value is none, or is not there.
  std::optional<std::int64_t> integer(int row, int column) const;
  bool boolean(int row, int column) const { return bytes(row, column) == std::string_view("\1", 1); }
  /// The oid of the column's type as the server says it, and whether its values are in binary format.
  std::uint32_t type(int column) const { return PQftype(result_.get(), column); }
  bool is_binary(int column) const { return PQfformat(result_.get(), column) == 1; }
  /// Rows inserted, updated or deleted, as the command tag says.
  std::uint64_t affected_rows() const;
  /// What it takes in memory, libpq's own overhead included.
  std::size_t memory_bytes() const { return PQresultMemorySize(result_.get()); }
  /// Counts this result in a budget while it lives; false, and not counted, where the budget has no room.
  bool charge(MemoryBudget* budget) {
    memory_ = Reservation(budget);
    return memory_.resize(memory_bytes());
  }
  void charge_anyway(MemoryBudget* budget) {
    memory_ = Reservation(budget);
    memory_.resize_anyway(memory_bytes());
  }

 private:
  Reservation memory_;
  std::unique_ptr<PGresult, ResultDeleter> result_;
};

}  // namespace shardplex::postgres
