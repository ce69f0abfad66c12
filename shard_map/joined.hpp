// A list as text.
#pragma once

#include <functional>
#include <ranges>
#include <string>
#include <string_view>

namespace shardplex {

/// "a, b, c": text(item) of each item.
template <std::ranges::input_range Items, class Text = std::identity>
std::string joined(Items&& items, std::string_view separator = ", ", Text text = {}) {
  std::string all;
  for (bool first = true; auto&& item : items) {
    if (!first) all += separator;
    all += std::invoke(text, item);
    first = false;
  }
  return all;
}

}  // namespace shardplex
