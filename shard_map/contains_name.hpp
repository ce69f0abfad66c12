// Whether a name is among others.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace shardplex {

inline bool contains_name(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace shardplex
