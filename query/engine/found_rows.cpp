#include "query/engine/found_rows.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "query/engine/csv_value.hpp"
#include "query/engine/lookup_keys.hpp"
#include "query/engine/row_json.hpp"

namespace shardplex {
namespace {

// As json_agg() separates them.
constexpr std::string_view between_rows = ", \n ", between_values = ", ";

/// What stands before a value that is not the first of its array.
std::string_view separator_of(std::string_view value, bool in_lines) {
  const bool has_parts = !value.empty() && (value.front() == '[' || value.front() == '{');
  return in_lines && has_parts ? between_rows : between_values;
}

/// In PostgreSQL's words, of a subquery that is a value.
Error several_rows() {
  return {.code = "21000",
          .message = "more than one row returned by a subquery used as an expression",
          .details = "A relation to one row has led to several.",
          .hint = std::nullopt,
          .status = std::nullopt};
}

}  // namespace

Error not_asked_for() {
  return {"SHARD503", "A shard's answer cannot be understood", "A row belongs to no key that was asked for.",
          "Try again shortly.", std::nullopt};
}

void FoundRows::expect(std::size_t keys) {
  groups_.assign(keys, Group{});
  bytes_ = keys * sizeof(Group);
}

std::optional<Error> FoundRows::add(const Row& row) {
  const auto key = key_number(row);
  if (!key || *key >= groups_.size() || row.keys.size() <= shape_.sort_keys) return not_asked_for();
  Group& group = groups_[*key];
  if (shape_.to_one && group.rows == 1) return several_rows();
  using Kind = EmbedShape::Kind;
  const bool of_values = shape_.kind == Kind::values || shape_.kind == Kind::value_arrays;
  if (of_values) {
    if (!add_values(group, row.json)) return not_asked_for();
  } else if (shows()) {
    if (group.rows == 0) group.texts.emplace_back();
    if (group.rows > 0) group.texts.front() += between_rows;
    group.texts.front() += row.json;
  }
  ++group.rows;
  bytes_ += row.json.size() + between_rows.size();
  for (auto i = row.keys.size() - shape_.sort_keys; i < row.keys.size(); ++i) {
    bytes_ += sizeof row.keys[i] + (row.keys[i] ? row.keys[i]->size() : 0);
    group.keys.push_back(row.keys[i]);
  }
  return std::nullopt;
}

/// False where the row has another number of values than there are members.
bool FoundRows::add_values(Group& group, const std::string& row) {
  const auto members = shape_.before.size();
  if (group.rows == 0) group.texts.resize(members);
  std::string_view rest = row;
  for (std::size_t member = 0; member < members; ++member) {
    if (rest.empty() || rest.front() != value_mark) return false;
    rest.remove_prefix(1);
    const auto end = std::min(rest.find(value_mark), rest.size());
    const auto value = rest.substr(0, end);
    if (group.rows > 0) group.texts[member] += separator_of(value, shape_.in_lines[member]);
    group.texts[member] += value;
    rest.remove_prefix(end);
  }
  return rest.empty();
}

bool FoundRows::is_in_array() const {
  return shape_.kind == EmbedShape::Kind::array || shape_.kind == EmbedShape::Kind::value_arrays;
}

void FoundRows::append_value(std::string& out, std::size_t member, std::optional<std::uint32_t> key) const {
  const bool found = has_rows(key);
  if (is_in_array()) out += '[';
  if (found)
    out += groups_[*key].texts[member];
  else if (!is_in_array())
    out += "null";
  if (is_in_array()) out += ']';
}

/// Null is an empty field.
void FoundRows::append_field(std::string& out, std::size_t member, std::optional<std::uint32_t> key) const {
  if (!has_rows(key) && !is_in_array()) return;
  std::string json;
  append_value(json, member, key);
  append_csv_text(out, json);
}

void FoundRows::append_keys(std::vector<std::optional<std::string>>& keys,
                            std::optional<std::uint32_t> key) const {
  for (std::size_t i = 0; i < shape_.sort_keys; ++i)
    keys.push_back(has_rows(key) ? groups_[*key].keys[i] : std::nullopt);
}

void FoundRows::append(std::string& out, std::optional<std::uint32_t> key) const {
  for (std::size_t member = 0; member < shape_.before.size(); ++member) {
    out += shape_.before[member];
    if (shape_.in_csv)
      append_field(out, member, key);
    else
      append_value(out, member, key);
  }
}

}  // namespace shardplex
