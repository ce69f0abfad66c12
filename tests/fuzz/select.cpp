// The value of select=, and beside it those of order= and or=, already decoded.
#include <algorithm>
#include <cstddef>
#include <string>

#include "query/grammar/parse.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

std::size_t embeds_in(const ReadNode& node) {
  std::size_t count = node.embeds.size();
  for (const auto& embed : node.embeds) count += embeds_in(embed.rows);
  return count;
}

std::size_t depth_of(const ReadNode& node) {
  std::size_t deepest = 0;
  for (const auto& embed : node.embeds) deepest = std::max(deepest, 1 + depth_of(embed.rows));
  return deepest;
}

void check_item(const SelectItem& item) {
  if (item.star) {
    invariant(item.field.column.empty() && !item.cast, "a star is of no column");
    return;
  }
  for (const auto& text : {item.alias, item.cast}) invariant(!text || is_utf8(*text), "names are UTF-8");
  invariant(is_utf8(output_name(item)), "a member's name is UTF-8");
}

void check_node(const ReadNode& node) {
  for (const auto& item : node.select) check_item(item);
  for (const auto& embed : node.embeds) {
    invariant(!embed.relation.empty(), "an embed names a relation");
    check_node(embed.rows);
  }
}

}  // namespace

void take(std::string_view input) {
  const auto value = encoded(input);
  const ParseLimits limits;
  for (const auto* name : {"select=", "order=", "or=", "columns="}) {
    const auto query = parse_query("films", name + value, limits);
    if (!query) {
      check_error(query.error());
      continue;
    }
    invariant(embeds_in(*query) <= limits.embeds, "there are no more embeds than are allowed");
    invariant(depth_of(*query) <= limits.embed_depth, "embeds are nested no deeper than is allowed");
    check_node(*query);
  }
}

}  // namespace shardplex::fuzz
