// JSON of values that may be missing, and of lists.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <ranges>
#include <string>

namespace shardplex::operations {

template <class Value>
boost::json::value or_null(const std::optional<Value>& value) {
  return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

/// null for "".
inline boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

template <std::ranges::input_range Items>
boost::json::array json_array(const Items& items) {
  boost::json::array array;
  for (const auto& item : items) array.emplace_back(item);
  return array;
}

}  // namespace shardplex::operations
