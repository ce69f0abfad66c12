#include "shard_map/yaml_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "shard_map/suggestion.hpp"

namespace shardplex {
namespace {

constexpr std::size_t max_shown_bytes = 63;  // as PostgreSQL limits its names
constexpr std::size_t max_suggestions = 16;  // names that a message considers or lists

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string path_to(const std::string& parent, std::string_view key) {
  const std::string step = !key.empty() && std::ranges::all_of(key, is_plain) ? shown(key) : in_quotes(key);
  return parent.empty() ? step : parent + '.' + step;
}

/// All of `text` as a number.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stopped == end ? std::optional(number) : std::nullopt;
}

bool is_plain_scalar(const YamlValue& value) {
  return value.kind == YamlValue::Kind::scalar && !value.quoted;
}

/// What YAML reads as a boolean or a number when it is not quoted.
bool reads_as_another_type(std::string_view text) {
  constexpr std::array<std::string_view, 6> booleans = {"true", "True", "TRUE", "false", "False", "FALSE"};
  // from_chars takes "inf" and "nan" for numbers, which are words in YAML.
  const bool has_digit = text.find_first_of("0123456789") != std::string_view::npos;
  return std::ranges::find(booleans, text) != booleans.end() || (has_digit && parse_number<double>(text));
}

}  // namespace

bool is_name(std::string_view text) {
  constexpr std::size_t most_bytes = 63;  // PostgreSQL's own limit for identifiers
  return !text.empty() && text.size() <= most_bytes &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string shown(std::string_view name) {
  const bool safe =
      name.size() <= max_shown_bytes && name.find_first_of("=:@\n\r\t") == std::string_view::npos;
  return safe ? std::string(name) : "…";
}

std::string in_quotes(std::string_view name) {
  return '"' + shown(name) + '"';
}

std::string suggestion(std::string_view name, std::span<const std::string_view> known) {
  known = known.first(std::min(known.size(), max_suggestions));
  if (name.size() <= max_shown_bytes) {
    std::vector<std::pair<std::size_t, std::string_view>> by_distance;
    for (const std::string_view other : known) by_distance.emplace_back(edit_distance(name, other), other);
    const auto nearest = std::ranges::min_element(by_distance);
    if (nearest != by_distance.end() && nearest->first <= 1 + nearest->second.size() / 4)
      return "; did you mean " + in_quotes(nearest->second) + '?';
  }
  std::string list;
  for (const std::string_view other : known) list += (list.empty() ? "; known: " : ", ") + shown(other);
  return list;
}

const YamlNode* YamlEntries::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &std::pair<std::string_view, YamlNode>::first);
  return found == entries.end() ? nullptr : &found->second;
}

void YamlReader::report(std::string path, int line, std::string message) {
  problems_.push_back({std::move(path), line, std::move(message)});
}

std::optional<YamlEntries> YamlReader::entries(const YamlNode& node, std::string_view example) {
  if (node.value->kind != YamlValue::Kind::mapping) {
    report(node, "must be a mapping, such as " + std::string(example));
    return std::nullopt;
  }
  YamlEntries result{node, {}};
  std::map<std::string_view, int> lines;
  for (const YamlEntry& entry : node.value->entries) {
    const std::string path = path_to(node.path, entry.key);
    const auto [first, is_new] = lines.emplace(entry.key, entry.line);
    if (is_new)
      result.entries.emplace_back(entry.key, YamlNode{&entry.value, path, entry.line});
    else
      report(path, entry.line, "is given twice; the first is on line " + std::to_string(first->second));
  }
  return result;
}

std::optional<YamlEntries> YamlReader::fields(const YamlNode& node,
                                              std::initializer_list<std::string_view> known,
                                              std::string_view example) {
  auto result = entries(node, example);
  if (!result) return result;
  for (const auto& [key, field] : result->entries)
    if (std::ranges::find(known, key) == known.end())
      report(field, "unknown key" + suggestion(key, {known.begin(), known.size()}));
  return result;
}

const YamlNode* YamlReader::required(const YamlEntries& parent, std::string_view key,
                                     std::string_view example) {
  const YamlNode* node = parent.find(key);
  if (node == nullptr) report(parent.node, std::string(key) + " is missing; write " + std::string(example));
  return node;
}

std::optional<std::vector<YamlNode>> YamlReader::items(const YamlNode& node, std::string_view example) {
  if (node.value->kind != YamlValue::Kind::list) {
    report(node, "must be a list, such as " + std::string(example));
    return std::nullopt;
  }
  std::vector<YamlNode> result;
  for (const YamlValue& item : node.value->items) {
    // A null that was left out has no line of its own.
    const int line = item.kind == YamlValue::Kind::null ? node.line : item.line;
    result.push_back({&item, node.path + '[' + std::to_string(result.size()) + ']', line});
  }
  return result;
}

std::optional<std::string> YamlReader::text(const YamlNode& node) {
  const YamlValue& value = *node.value;
  if (value.kind != YamlValue::Kind::scalar) {
    report(node, "must be text");
    return std::nullopt;
  }
  if (!value.quoted && reads_as_another_type(value.text)) {
    report(node, "must be text; quote it if it is meant so");
    return std::nullopt;
  }
  return value.text;
}

std::optional<std::int64_t> YamlReader::whole_number(const YamlNode& node) {
  const auto number =
      is_plain_scalar(*node.value) ? parse_number<std::int64_t>(node.value->text) : std::nullopt;
  if (!number) report(node, "must be a whole number");
  return number;
}

std::optional<bool> YamlReader::boolean(const YamlNode& node) {
  if (is_plain_scalar(*node.value) && node.value->text == "true") return true;
  if (is_plain_scalar(*node.value) && node.value->text == "false") return false;
  report(node, "must be true or false");
  return std::nullopt;
}

void YamlReader::check_version(const YamlEntries& document) {
  const YamlNode* node = required(document, "version", "version: 1");
  if (!node) return;
  const auto version = whole_number(*node);
  if (version && *version != 1)
    report(*node, "version " + std::to_string(*version) + " is not known; write 1");
}

std::vector<MapProblem> YamlReader::take_problems() {
  std::ranges::stable_sort(problems_, {}, &MapProblem::line);
  return std::move(problems_);
}

}  // namespace shardplex
