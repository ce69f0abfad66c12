#include "shard_map/map_pieces.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace shardplex {
namespace {

constexpr std::size_t max_line_columns = 110;
constexpr std::size_t max_list_indent = 40;

/// Read as it stands, in and out of brackets, and as text by every YAML reader.
bool is_plain(std::string_view text) {
  constexpr std::array<std::string_view, 9> words{"null", "true", "false", "yes", "no",
                                                  "on",   "off",  "y",     "n"};
  const auto is_plain_character = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view(" _-./=@+").find(c) != std::string_view::npos;
  };
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return !text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0 && text.back() != ' ' &&
         std::ranges::all_of(text, is_plain_character) && std::ranges::find(words, lower) == words.end();
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      quoted.append("\\x").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

SlotSet slots_on(const Group& group, std::optional<ShardId> shard) {
  SlotSet slots = SlotSet::none(group.slot_count);
  for (std::uint32_t slot = 0; slot < group.slot_count; ++slot)
    if (shard && group.placement[slot] == *shard) slots.insert(Slot{slot});
  return slots;
}

std::vector<std::string> ranges_of(const SlotSet& slots) {
  std::vector<std::string> ranges;
  const std::string all = slots.to_string();
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find(", ", at), all.size());
    ranges.push_back(all.substr(at, end - at));
    at = end + 2;
  }
  return ranges;
}

std::string slot_list(const SlotSet& slots, std::size_t column, std::string_view newline) {
  const std::size_t indent = std::min(column, max_list_indent) + 1;
  std::string text = "[";
  std::size_t width = column + 1;
  for (const auto& range : ranges_of(slots)) {
    if (text.size() > 1) {
      text += ',';
      const bool fits = width + range.size() + 3 <= max_line_columns;
      text += fits ? " " : std::string(newline) + std::string(indent, ' ');
      width = fits ? width + 2 : indent;
    }
    text += range;
    width += range.size();
  }
  return text + ']';
}

SlotSet slots_in(const std::vector<Slot>& list, std::uint32_t slot_count) {
  SlotSet slots = SlotSet::none(slot_count);
  for (const Slot slot : list) slots.insert(slot);
  return slots;
}

std::string servers_in_brackets(const std::vector<std::string>& servers) {
  std::string text = "[";
  for (const auto& server : servers) text.append(text.size() > 1 ? ", " : "").append(yaml_scalar(server));
  return text + ']';
}

std::string shard_in_brackets(const Shard& shard) {
  return yaml_scalar(shard.name) + ": { primary: " + yaml_scalar(shard.primary) +
         (shard.replicas.empty() ? "" : ", replicas: " + servers_in_brackets(shard.replicas)) + " }";
}

std::string shard_on_lines(const Shard& shard, const ShardLayout& layout, std::string_view newline) {
  const auto begin_line = [&](std::size_t indent) { return std::string(newline) + std::string(indent, ' '); };
  std::string text = yaml_scalar(shard.name) + ":";
  text += begin_line(layout.indent) + "primary: " + yaml_scalar(shard.primary);
  if (shard.replicas.empty()) return text;
  text += begin_line(layout.indent) + "replicas:";
  if (layout.bracketed_replicas) return text + " " + servers_in_brackets(shard.replicas);
  for (const auto& replica : shard.replicas)
    text += begin_line(layout.dash_indent) + "- " + yaml_scalar(replica);
  return text;
}

}  // namespace shardplex
