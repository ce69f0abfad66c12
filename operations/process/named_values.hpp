// Enumerations whose values have names that are stored or shown: a table of pairs, read both ways.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex::operations {

template <class Value, std::size_t N>
using NamedValues = std::array<std::pair<Value, std::string_view>, N>;

/// Precondition: the table has the value.
template <class Value, std::size_t N>
std::string_view name_in(const NamedValues<Value, N>& names, Value value) {
  const auto found = std::ranges::find(names, value, [](const auto& entry) { return entry.first; });
  invariant(found != names.end(), "every value has a name");
  return found->second;
}

template <class Value, std::size_t N>
std::optional<Value> value_in(const NamedValues<Value, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name, [](const auto& entry) { return entry.second; });
  return found == names.end() ? std::nullopt : std::optional(found->first);
}

}  // namespace shardplex::operations
