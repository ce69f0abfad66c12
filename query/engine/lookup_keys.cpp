#include "query/engine/lookup_keys.hpp"

#include <utility>

namespace shardplex {

std::optional<std::uint32_t> LookupKeys::add(const Row& row) {
  std::vector<std::string> values;
  std::string text;  // equal for equal values only: the length of each is before it
  for (const auto column : related_) {
    const auto& value = row.related[column];
    if (!value && !with_null_) return std::nullopt;
    if (!value) {
      values.clear();
      text = "null";
      break;
    }
    values.push_back(*value);
    text += std::to_string(value->size()) + ':' + *value;
  }
  const auto size = text.size();
  const auto [known, is_new] =
      numbers_.try_emplace(std::move(text), static_cast<std::uint32_t>(keys_.size()));
  if (is_new) {
    keys_.push_back(std::move(values));
    bytes_ += 2 * size + sizeof *known + sizeof keys_.back();
  }
  return known->second;
}

void LookupKeys::clear() {
  keys_.clear();
  numbers_.clear();
  bytes_ = 0;
}

std::optional<std::uint32_t> key_number(const Row& row) {
  if (row.keys.empty() || !row.keys.front() || row.keys.front()->size() != sizeof(std::uint32_t))
    return std::nullopt;
  std::uint32_t number = 0;
  for (const char byte : *row.keys.front()) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string number_value(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xFF);
  return bytes;
}

}  // namespace shardplex
