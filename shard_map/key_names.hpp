// The columns that a row's slot is worked out from.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard_map/contains_name.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {

/// Names in their order, of which there is usually one: the columns of a shard key, or the arguments whose
/// values are one. A name alone is what it is in the map, so it converts; "" is no name.
class KeyNames {
 public:
  KeyNames() = default;
  KeyNames(std::string name) {
    if (!name.empty()) names_.push_back(std::move(name));
  }
  KeyNames(const char* name) : KeyNames(std::string(name)) {}
  explicit KeyNames(std::vector<std::string> names) : names_(std::move(names)) {}

  const std::vector<std::string>& names() const { return names_; }
  std::size_t size() const { return names_.size(); }
  bool empty() const { return names_.empty(); }
  bool contains(std::string_view name) const { return contains_name(names_, name); }
  /// True where this name is the only one.
  bool is(std::string_view name) const { return names_.size() == 1 && names_.front() == name; }
  /// Precondition: there is one, as in groups that are placed by lists.
  const std::string& one() const {
    invariant(names_.size() == 1, "a key of several columns is not taken for one");
    return names_.front();
  }
  bool operator==(const KeyNames&) const = default;

 private:
  std::vector<std::string> names_;
};

}  // namespace shardplex
