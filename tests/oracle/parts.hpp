// The parts of a schema that can be left out of it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/oracle/schema.hpp"

namespace shardplex::oracle {

struct Part {
  enum class Kind : std::uint8_t { computed, view, view_column, view_filter, key, column, unique, table };
  Kind kind = Kind::table;
  std::size_t table = 0;   ///< or view: its number
  std::size_t number = 0;  ///< of a column, a key …

  bool operator==(const Part&) const = default;
};

/// All that are there, what needs others before what it needs.
std::vector<Part> parts_of(const Schema& schema);

/// The same parts, those of a table or of a view together. Foreign keys stay alone: who leaves one out can
/// leave out the table that it refers to.
std::vector<std::vector<Part>> by_table(const std::vector<Part>& parts);

/// What is left of the schema where of its parts these alone stay; it need not be sound.
Schema with_parts(Schema schema, const std::vector<Part>& parts);

}  // namespace shardplex::oracle
