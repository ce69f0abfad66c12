// A YAML document as a tree of values that remember their lines. It keeps what the shard map needs to report
// problems well and yaml-cpp's nodes lose (lines of keys, duplicate keys, quotes), and refuses what can hurt.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace shardplex {

struct YamlEntry;

struct YamlValue {
  enum class Kind { null, scalar, list, mapping };
  Kind kind = Kind::null;
  int line = 0;           ///< from 1; of a null left out it is that of what follows
  std::size_t begin = 0;  ///< offset of its first byte; a null left out has none
  bool quoted = false;    ///< scalar: written in quotes or as a block, so it is text whatever it looks like
  bool flow = false;      ///< list, mapping: written in brackets
  std::string text;       ///< scalar
  std::vector<YamlValue> items;    ///< list
  std::vector<YamlEntry> entries;  ///< mapping, in the order of the document, duplicates included
};

struct YamlEntry {
  std::string key;
  int line = 0;           ///< the key's
  std::size_t begin = 0;  ///< offset of the key's first byte
  YamlValue value;
};

/// Why a text is refused as a whole.
struct YamlRefusal {
  int line = 0;
  std::string message;
};

inline constexpr std::size_t max_yaml_bytes = 1024 * 1024;
inline constexpr std::size_t max_yaml_depth = 16;

/// Reads one document in time and memory linear in its size: nothing is expanded. Refused are texts over
/// max_yaml_bytes, nesting deeper than max_yaml_depth, aliases, anchors and merge keys, tags, several
/// documents, an empty document, keys that are not scalars, control characters, and what is not UTF-8 or not
/// YAML. Messages never repeat the text.
std::variant<YamlValue, YamlRefusal> read_yaml(std::string_view text);

}  // namespace shardplex
