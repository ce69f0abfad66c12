// The keys of one table's rows by which rows of another are looked up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "query/engine/operator.hpp"

namespace shardplex {

/// Distinct keys, numbered from 0 as they come. Two that differ as texts may be equal to PostgreSQL: each is
/// then looked up for itself.
class LookupKeys {
 public:
  /// `related`: which of Row::related make the key. `with_null`: a key of which part is null, which equals
  /// nothing, is one all the same, and has no values.
  explicit LookupKeys(std::vector<std::size_t> related, bool with_null = false)
      : related_(std::move(related)), with_null_(with_null) {}

  /// The number of the row's key; nullopt where it has none.
  std::optional<std::uint32_t> add(const Row& row);

  std::size_t size() const { return keys_.size(); }
  bool empty() const { return keys_.empty(); }
  /// The values of a key, one for each of its columns; none of that of null.
  const std::vector<std::string>& operator[](std::size_t number) const { return keys_[number]; }
  std::size_t bytes() const { return bytes_; }  ///< what they take in memory, about
  void clear();

 private:
  std::vector<std::size_t> related_;
  bool with_null_ = false;
  std::vector<std::vector<std::string>> keys_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::size_t bytes_ = 0;
};

/// The number of the key that a looked-up row was found by: its first sort key, an integer. nullopt where
/// that is none.
std::optional<std::uint32_t> key_number(const Row& row);
/// The same number as a sort key's value (int4).
std::string number_value(std::uint32_t number);

}  // namespace shardplex
