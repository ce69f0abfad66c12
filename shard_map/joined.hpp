// A list as text.
#pragma once

#include <concepts>
#include <functional>
#include <ranges>
#include <string>
#include <string_view>

namespace shardplex {

/// "a, b, c": text(item) of each item.
template <std::ranges::input_range Items, std::invocable<std::ranges::range_reference_t<Items>> Text>
std::string joined(Items&& items, Text text, std::string_view separator = ", ") {
  std::string all;
  for (bool first = true; auto&& item : items) {
    if (!first) all += separator;
    all += std::invoke(text, item);
    first = false;
  }
  return all;
}

/// The same of items that are text.
template <std::ranges::input_range Items>
std::string joined(Items&& items, std::string_view separator = ", ") {
  return joined(items, std::identity{}, separator);
}

}  // namespace shardplex
