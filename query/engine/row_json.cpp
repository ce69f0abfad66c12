#include "query/engine/row_json.hpp"

#include <utility>

namespace shardplex {
namespace {

/// NAMEDATALEN - 1 bytes, without half a character at their end.
std::string_view cut_name(std::string_view name) {
  constexpr std::size_t longest = 63;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  if (name.size() <= longest) return name;
  std::size_t size = longest;
  while (size > 0 && continues(name[size])) --size;
  return name.substr(0, size);
}

}  // namespace

std::string RowJson::next_before(std::string_view cut_name) {
  const bool is_first = is_empty_;
  is_empty_ = false;
  if (!is_object_) return std::string(1, value_mark);
  std::string before(1, is_first ? '{' : ',');
  append_json_string(before, cut_name);
  return before += ':';
}

void RowJson::add(std::string_view name, JsonType type) {
  constexpr std::size_t usual_value_bytes = 12;
  const auto cut = cut_name(name);
  fields_.push_back({std::string(cut), type, next_before(cut)});
  usual_bytes_ += fields_.back().before.size() + usual_value_bytes;
}

std::vector<std::string> RowJson::leave_room(const std::vector<std::string>& names) {
  std::vector<std::string> before;
  Room room{fields_.size(), {}};
  for (const auto& name : names) {
    const auto cut = cut_name(name);
    before.push_back(next_before(cut));
    room.names.emplace_back(cut);
  }
  if (!names.empty()) rooms_.push_back(std::move(room));
  return before;
}

}  // namespace shardplex
