// Conditions on a row that only its looked-up rows can decide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "query/engine/operator.hpp"

namespace shardplex {

/// A tree of conditions: what the row's shard knows has come with the row, and the rest is whether rows were
/// found.
struct RowCondition {
  enum class Kind : std::uint8_t {
    all,       ///< AND of the parts; true without any
    any,       ///< OR of the parts
    negation,  ///< NOT of the one part
    known,     ///< Row::related[of], a boolean as text
    has_rows,  ///< lookup `of` has found rows
  };
  Kind kind = Kind::all;
  std::size_t of = 0;
  std::vector<RowCondition> parts = {};
  bool operator==(const RowCondition&) const = default;
};

/// What the condition comes to by SQL's three-valued logic; nullopt is null.
std::optional<bool> value_of(const RowCondition& condition, const Row& row,
                             const std::function<bool(std::size_t lookup)>& has_rows);

/// True where the condition asks whether the lookup has found rows.
bool depends_on(const RowCondition& condition, std::size_t lookup);

}  // namespace shardplex
