// Reads a YAML tree of a known shape, and writes down every departure from it with path and line.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard_map/yaml_map.hpp"
#include "shard_map/yaml_tree.hpp"

namespace shardplex {

/// A value and where it stands. The line is that of its key, so that a long value is found by its beginning.
/// Points into the tree.
struct YamlNode {
  const YamlValue* value = nullptr;
  std::string path;
  int line = 0;
};

/// The entries of a mapping by key, in the order of the file, without duplicates. Points into the tree.
struct YamlEntries {
  YamlNode node;
  std::vector<std::pair<std::string_view, YamlNode>> entries;

  const YamlNode* find(std::string_view key) const;  ///< nullptr where absent
};

/// Each reading function reports what is wrong and then returns nothing. An `example` completes "must be a
/// mapping, such as ..." or "... is missing; write ...".
class YamlReader {
 public:
  void report(const YamlNode& node, std::string message) { report(node.path, node.line, std::move(message)); }
  void report(std::string path, int line, std::string message);

  /// A mapping with keys of the writer's choice.
  std::optional<YamlEntries> entries(const YamlNode& node, std::string_view example);

  /// A mapping with no keys but the known ones.
  std::optional<YamlEntries> fields(const YamlNode& node, std::initializer_list<std::string_view> known,
                                    std::string_view example);

  /// The value under a key that must be there; nullptr where it is not.
  const YamlNode* required(const YamlEntries& parent, std::string_view key, std::string_view example);

  std::optional<std::vector<YamlNode>> items(const YamlNode& node, std::string_view example);
  std::optional<std::string> text(const YamlNode& node);
  std::optional<std::int64_t> whole_number(const YamlNode& node);
  std::optional<bool> boolean(const YamlNode& node);

  /// Reports a document whose format is not the one that there is, version 1.
  void check_version(const YamlEntries& document);

  /// What has been reported, ordered by line, and by time within a line.
  std::vector<MapProblem> take_problems();

 private:
  std::vector<MapProblem> problems_;
};

/// True of what PostgreSQL can call a thing: 1 to 63 bytes without control characters.
bool is_name(std::string_view text);
inline constexpr std::string_view name_rule = "a name has 1 to 63 bytes and no control characters";

/// A name as messages may show it. What looks like a connection string, as when a space is missing after a
/// colon, is not shown: it may hold a password.
std::string shown(std::string_view name);

/// The shown name in double quotes.
std::string in_quotes(std::string_view name);

/// "; did you mean "groups"?" where one of `known` is near, else "; known: a, b"; "" where nothing is known.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

}  // namespace shardplex
