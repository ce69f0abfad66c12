#include "shard_map/map_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "shard_map/invariant.hpp"
#include "shard_map/slot_set.hpp"
#include "shard_map/yaml_map.hpp"
#include "shard_map/yaml_tree.hpp"

namespace shardplex {
namespace {

constexpr std::size_t max_line_columns = 110;
constexpr std::size_t max_list_indent = 40;

bool contains(std::string_view characters, char c) {
  return characters.find(c) != std::string_view::npos;
}

// Writing values.

/// Read as it stands, in and out of brackets, and as text by every YAML reader.
bool is_plain(std::string_view text) {
  constexpr std::array<std::string_view, 9> words{"null", "true", "false", "yes", "no",
                                                  "on",   "off",  "y",     "n"};
  const auto is_plain_character = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || contains(" _-./=@+", c);
  };
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return !text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0 && text.back() != ' ' &&
         std::ranges::all_of(text, is_plain_character) && std::ranges::find(words, lower) == words.end();
}

std::string scalar(std::string_view text) {
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

/// "0-255", "512", …
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

/// In brackets that stand at `column`, on as many lines as it takes.
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
  for (const auto& server : servers) text.append(text.size() > 1 ? ", " : "").append(scalar(server));
  return text + ']';
}

std::string shard_in_brackets(const Shard& shard) {
  return scalar(shard.name) + ": { primary: " + scalar(shard.primary) +
         (shard.replicas.empty() ? "" : ", replicas: " + servers_in_brackets(shard.replicas)) + " }";
}

/// How a shard is laid out that has lines of its own.
struct ShardLayout {
  std::size_t indent = 4;  ///< of primary and replicas
  bool bracketed_replicas = false;
  std::size_t dash_indent = 6;  ///< of replicas on lines of their own
};

/// Without the indent of its first line and the end of its last.
std::string shard_on_lines(const Shard& shard, const ShardLayout& layout, std::string_view newline) {
  const auto begin_line = [&](std::size_t indent) { return std::string(newline) + std::string(indent, ' '); };
  std::string text = scalar(shard.name) + ":";
  text += begin_line(layout.indent) + "primary: " + scalar(shard.primary);
  if (shard.replicas.empty()) return text;
  text += begin_line(layout.indent) + "replicas:";
  if (layout.bracketed_replicas) return text + " " + servers_in_brackets(shard.replicas);
  for (const auto& replica : shard.replicas) text += begin_line(layout.dash_indent) + "- " + scalar(replica);
  return text;
}

// Reading where values stand in a text.

/// The text is too unusual to be edited in place.
struct Unusual {};

/// The text of a map, and the places in it. Offsets and columns are bytes, columns from 0.
class Source {
 public:
  explicit Source(std::string_view text) : text_(text), newline_(contains_crlf(text) ? "\r\n" : "\n") {}

  std::string_view text() const { return text_; }
  std::string_view newline() const { return newline_; }

  std::size_t line_begin(std::size_t at) const {
    const auto before = text_.substr(0, at).rfind('\n');
    return before == std::string_view::npos ? 0 : before + 1;
  }

  /// Before the line break.
  std::size_t line_end(std::size_t at) const {
    const auto end = std::min(text_.find('\n', at), text_.size());
    return end > 0 && text_[end - 1] == '\r' ? end - 1 : end;
  }

  /// After the line break.
  std::size_t next_line(std::size_t at) const {
    const auto end = text_.find('\n', at);
    return end == std::string_view::npos ? text_.size() : end + 1;
  }

  std::size_t column(std::size_t at) const { return at - line_begin(at); }
  bool on_one_line(std::size_t a, std::size_t b) const { return line_begin(a) == line_begin(b); }

  /// Past white space and comments. Precondition: not within a scalar.
  std::size_t next_token(std::size_t at) const {
    while (true) {
      at = std::min(text_.find_first_not_of(" \t\r\n", at), text_.size());
      if (at == text_.size() || text_[at] != '#') return at;
      at = next_line(at);
    }
  }

  std::size_t end_of(const YamlValue& value) const {
    switch (value.kind) {
      case YamlValue::Kind::null:
        throw Unusual{};
      case YamlValue::Kind::scalar:
        return end_of_scalar(value);
      case YamlValue::Kind::list:
        if (value.items.empty()) return end_of_brackets(value.begin + 1);
        return end_of_collection(value, value.items.back());
      case YamlValue::Kind::mapping:
        if (value.entries.empty()) return end_of_brackets(value.begin + 1);
        return end_of_collection(value, value.entries.back().value);
    }
    throw Unusual{};
  }

  /// The end of the last line of an entry that has lines of its own, with the comments below that are
  /// indented as what is within the entry.
  std::size_t end_of_lines(const YamlEntry& entry) const {
    auto end = line_end(end_of(entry.value));
    while (true) {
      const auto line = next_line(end);
      const auto first = std::min(text_.find_first_not_of(" \t", line), text_.size());
      if (first == text_.size() || text_[first] != '#' || first - line <= column(entry.begin)) return end;
      end = line_end(first);
    }
  }

  /// Where the lines of an entry begin, which nothing else may stand on.
  std::size_t begin_of_lines(const YamlEntry& entry) const {
    const auto begin = line_begin(entry.begin);
    if (text_.substr(begin, entry.begin - begin).find_first_not_of(' ') != std::string_view::npos)
      throw Unusual{};
    return begin;
  }

 private:
  static bool contains_crlf(std::string_view text) { return text.find("\r\n") != std::string_view::npos; }

  std::size_t end_of_collection(const YamlValue& value, const YamlValue& last) const {
    return value.flow ? end_of_brackets(end_of(last)) : end_of(last);
  }

  std::size_t end_of_brackets(std::size_t at) const {
    at = next_token(at);
    if (at < text_.size() && text_[at] == ',') at = next_token(at + 1);
    if (at == text_.size() || !contains("]}", text_[at])) throw Unusual{};
    return at + 1;
  }

  std::size_t end_of_scalar(const YamlValue& value) const {
    if (!value.quoted) return end_of_words(value.begin, value.text);
    const char quote = text_[value.begin];
    if (quote == '"' || quote == '\'') return end_of_quotes(value.begin + 1, quote);
    return end_of_words(line_end(value.begin), value.text);  // a block, after its first line
  }

  std::size_t end_of_quotes(std::size_t at, char quote) const {
    while (at < text_.size()) {
      const bool escape = quote == '"' ? text_[at] == '\\' : text_.substr(at).starts_with("''");
      if (!escape && text_[at] == quote) return at + 1;
      at += escape ? 2 : 1;
    }
    throw Unusual{};
  }

  /// The end of text without escapes: only its white space may be written otherwise than it is read.
  std::size_t end_of_words(std::size_t at, std::string_view words) const {
    for (const char c : words) {
      if (contains(" \t\r\n", c)) continue;
      at = text_.find_first_not_of(" \t\r\n", at);
      if (at == std::string_view::npos || text_[at] != c) throw Unusual{};
      ++at;
    }
    return at;
  }

  std::string_view text_, newline_;
};

// Editing.

const YamlValue& value_of(const YamlValue& mapping, std::string_view key) {
  const auto found = std::ranges::find(mapping.entries, key, &YamlEntry::key);
  if (found == mapping.entries.end()) throw Unusual{};
  return found->value;
}

/// Collects changes to a text, in any order.
class MapEditor {
 public:
  MapEditor(std::string_view yaml, const ShardMap& current, const ShardMap& wanted)
      : source_(yaml), current_(current), wanted_(wanted) {}

  void edit(const YamlValue& root) {
    edit_shards(value_of(root, "shards"));
    for (const Group& group : wanted_.groups()) {
      const auto before = current_.find_group(group.name);
      if (!before) throw Unusual{};
      edit_placement(value_of(value_of(value_of(root, "groups"), group.name), "placement"),
                     current_.group(*before), group);
    }
  }

  std::string result() {
    std::ranges::stable_sort(changes_, {}, [](const Change& c) { return std::pair(c.begin, c.end); });
    std::string text;
    std::size_t at = 0;
    for (const Change& change : changes_) {
      if (change.begin < at) throw Unusual{};
      text.append(source_.text().substr(at, change.begin - at)).append(change.with);
      at = change.end;
    }
    return text.append(source_.text().substr(at));
  }

 private:
  struct Change {
    std::size_t begin, end;
    std::string with;
  };

  void replace(std::size_t begin, std::size_t end, std::string with) {
    changes_.push_back({begin, end, std::move(with)});
  }
  void insert(std::size_t at, std::string text) { replace(at, at, std::move(text)); }
  void erase(std::size_t begin, std::size_t end) { replace(begin, end, ""); }

  bool is_kept(const YamlEntry& entry) const { return wanted_.find_shard(entry.key).has_value(); }

  /// Entries up to the last one that is kept.
  std::size_t count_to_last_kept(const YamlValue& mapping) const {
    auto count = mapping.entries.size();
    while (count > 0 && !is_kept(mapping.entries[count - 1])) --count;
    return count;
  }

  /// Takes out the entries of shards that are wanted no more, and adds entries at the end. `added` lacks what
  /// separates entries.
  void change_entries(const YamlValue& mapping, const std::vector<std::string>& added) {
    const auto kept = [this](const YamlEntry& entry) { return is_kept(entry); };
    if (added.empty() && std::ranges::all_of(mapping.entries, kept)) return;
    if (mapping.flow)
      change_in_brackets(mapping, added);
    else
      change_lines(mapping, added);
  }

  void change_lines(const YamlValue& mapping, const std::vector<std::string>& added) {
    for (const YamlEntry& entry : mapping.entries)
      if (!is_kept(entry))
        erase(source_.begin_of_lines(entry), source_.next_line(source_.end_of_lines(entry)));
    const auto kept = count_to_last_kept(mapping);
    const YamlEntry& neighbour = mapping.entries[kept > 0 ? kept - 1 : 0];
    // Where none is kept, before the lines that go.
    const auto at =
        kept > 0 ? source_.end_of_lines(neighbour) : source_.line_end(source_.begin_of_lines(neighbour) - 1);
    for (const std::string& text : added) insert(at, new_line_for(neighbour) + text);
  }

  void change_in_brackets(const YamlValue& mapping, const std::vector<std::string>& added) {
    const auto& entries = mapping.entries;
    const auto kept = count_to_last_kept(mapping);
    // An entry goes together with what separates it from the next; those at the end have no next.
    for (std::size_t i = 0; i < kept; ++i)
      if (!is_kept(entries[i])) erase(entries[i].begin, entries[i + 1].begin);
    if (kept == entries.size()) {
      if (!added.empty()) add_in_brackets(mapping, added);
    } else if (!added.empty()) {
      const std::string separator = "," + (begins_line(mapping, kept) ? new_line_for(entries[kept]) : " ");
      std::string all;
      for (const std::string& text : added) all.append(all.empty() ? "" : separator).append(text);
      replace(entries[kept].begin, source_.end_of(entries.back().value), std::move(all));
    } else if (kept > 0) {
      erase_after(entries[kept - 1], entries[kept], entries.back());
    } else {
      throw Unusual{};
    }
  }

  /// Of an entry in brackets: whether it is the first on its line.
  bool begins_line(const YamlValue& mapping, std::size_t i) const {
    const auto before = i == 0 ? mapping.begin : source_.end_of(mapping.entries[i - 1].value);
    return !source_.on_one_line(before, mapping.entries[i].begin);
  }

  std::string new_line_for(const YamlEntry& neighbour) const {
    return std::string(source_.newline()) + std::string(source_.column(neighbour.begin), ' ');
  }

  /// The entries first … last, which follow `kept` and end the brackets, and one comma.
  void erase_after(const YamlEntry& kept, const YamlEntry& first, const YamlEntry& last) {
    const auto end = source_.end_of(last.value);
    if (const auto comma = source_.next_token(end); source_.text()[comma] == ',')
      return erase(first.begin, comma + 1);
    const auto comma = source_.next_token(source_.end_of(kept.value));
    if (!contains(source_.text().substr(comma, first.begin - comma), '#')) return erase(comma, end);
    erase(comma, comma + 1);
    erase(first.begin, end);
  }

  void add_in_brackets(const YamlValue& mapping, const std::vector<std::string>& added) {
    const YamlEntry& last = mapping.entries.back();
    const auto end = source_.end_of(last.value);
    if (!begins_line(mapping, mapping.entries.size() - 1)) {
      for (const std::string& text : added) insert(end, ", " + text);
      return;
    }
    // The comment of the last, if any, stays on its line.
    const auto next = source_.next_token(end);
    const bool has_comma = source_.text()[next] == ',';
    const bool ends_line = !source_.on_one_line(end, source_.end_of(mapping) - 1) &&
                           (!has_comma || source_.on_one_line(end, next));
    const bool comma_stays = ends_line && has_comma;
    const auto at = ends_line ? source_.line_end(end) : end;
    if (!comma_stays) insert(end, ",");
    for (const std::string& text : added)
      insert(at, new_line_for(last) + text + (comma_stays || &text != &added.back() ? "," : ""));
  }

  void edit_shards(const YamlValue& shards) {
    std::vector<std::string> added;
    for (const Shard& shard : wanted_.shards())
      if (!current_.find_shard(shard.name)) added.push_back(shard_as(shards, shard));
    change_entries(shards, added);
  }

  /// The shard laid out as the last one of the map.
  std::string shard_as(const YamlValue& shards, const Shard& shard) const {
    const YamlEntry& model = shards.entries.back();
    if (shards.flow || model.value.flow) return shard_in_brackets(shard);
    ShardLayout layout;
    layout.indent = source_.column(model.value.begin);
    layout.dash_indent = layout.indent + 2;
    for (const YamlEntry& other : shards.entries)
      for (const YamlEntry& field : other.value.entries)
        if (field.key == "replicas") {
          layout.bracketed_replicas = field.value.flow;
          if (!field.value.flow)
            layout.dash_indent =
                layout.indent + source_.column(field.value.begin) - source_.column(field.begin);
        }
    return shard_on_lines(shard, layout, source_.newline());
  }

  void edit_placement(const YamlValue& placement, const Group& before, const Group& after) {
    for (const YamlEntry& entry : placement.entries) {
      const auto shard = wanted_.find_shard(entry.key);
      if (!shard) continue;
      const SlotSet slots = slots_on(after, shard);
      if (slots != slots_on(before, current_.find_shard(entry.key))) write_slots(entry, slots);
    }
    const auto column = source_.column(placement.entries.front().begin);
    std::vector<std::string> added;
    for (const Shard& shard : wanted_.shards()) {
      const SlotSet slots = slots_on(after, wanted_.find_shard(shard.name));
      const bool has_entry =
          std::ranges::find(placement.entries, shard.name, &YamlEntry::key) != placement.entries.end();
      if (slots.empty() || has_entry) continue;
      const std::string key = scalar(shard.name) + ": ";
      added.push_back(key + slot_list(slots, column + key.size(), source_.newline()));
    }
    change_entries(placement, added);
  }

  void write_slots(const YamlEntry& entry, const SlotSet& slots) {
    const YamlValue& list = entry.value;
    const auto column = source_.column(list.begin);
    const auto end = source_.end_of(list);
    if (list.flow) return replace(list.begin, end, slot_list(slots, column, source_.newline()));
    // Dashes may stand as far left as the key; brackets may not.
    if (slots.empty()) return replace(list.begin, end, column > source_.column(entry.begin) ? "[]" : "  []");
    std::string text;
    for (const auto& range : ranges_of(slots)) {
      if (!text.empty()) text.append(source_.newline()).append(column, ' ');
      text += "- " + range;
    }
    replace(list.begin, end, std::move(text));
  }

  Source source_;
  const ShardMap& current_;
  const ShardMap& wanted_;
  std::vector<Change> changes_;
};

bool equal(const ShardMap& a, const ShardMap& b) {
  const auto same_shard = [](const Shard& x, const Shard& y) {
    return x.name == y.name && x.primary == y.primary && x.replicas == y.replicas;
  };
  const auto same_group = [](const Group& x, const Group& y) {
    return x.name == y.name && x.slot_count == y.slot_count && x.strategy == y.strategy &&
           x.placement == y.placement;
  };
  const auto same_table = [](const TablePlacement& x, const TablePlacement& y) {
    return x.name == y.name && x.reference == y.reference && x.group == y.group && x.key == y.key;
  };
  return a.cluster() == b.cluster() && std::ranges::equal(a.shards(), b.shards(), same_shard) &&
         std::ranges::equal(a.groups(), b.groups(), same_group) &&
         std::ranges::equal(a.tables(), b.tables(), same_table);
}

std::optional<std::string> edit_in_place(std::string_view yaml, const ShardMap& wanted) try {
  const auto current = read_shard_map(yaml);
  const auto root = read_yaml(yaml);
  invariant(std::holds_alternative<ShardMap>(current), "the text to be edited is a valid shard map");
  MapEditor editor(yaml, std::get<ShardMap>(current), wanted);
  editor.edit(std::get<YamlValue>(root));
  std::string text = editor.result();
  const auto reread = read_shard_map(text);
  const auto* map = std::get_if<ShardMap>(&reread);
  return map != nullptr && equal(*map, wanted) ? std::optional(std::move(text)) : std::nullopt;
} catch (const Unusual&) {
  return std::nullopt;
}

// Writing a whole map.

std::string strategy_yaml(const Group& group) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  if (list == nullptr) return "    strategy: { hash: {} }\n";
  const auto entry = [&](std::size_t indent, const std::string& name, const std::vector<Slot>& slots) {
    const std::string key = std::string(indent, ' ') + name + ": ";
    return key + slot_list(slots_in(slots, group.slot_count), key.size(), "\n") + '\n';
  };
  std::string text = "    strategy:\n      list:\n        column: " + scalar(list->column) +
                     "\n        spread_by: " + scalar(list->spread_by) + "\n        lists:";
  text += list->lists.empty() ? " {}\n" : "\n";
  for (const auto& [value, slots] : list->lists) text += entry(10, scalar(value), slots);
  return text + entry(8, "otherwise", list->otherwise);
}

std::string group_yaml(const ShardMap& map, const Group& group) {
  std::string text = "  " + scalar(group.name) + ":\n    slots: " + std::to_string(group.slot_count) + '\n' +
                     strategy_yaml(group) + "    placement:\n";
  for (const Shard& shard : map.shards()) {
    const SlotSet slots = slots_on(group, map.find_shard(shard.name));
    if (slots.empty()) continue;
    const std::string key = "      " + scalar(shard.name) + ": ";
    text += key + slot_list(slots, key.size(), "\n") + '\n';
  }
  return text;
}

std::string table_yaml(const ShardMap& map, const TablePlacement& table) {
  const std::string key = "  " + scalar(table.name) + ": ";
  if (table.reference) return key + "{ reference: true }\n";
  return key + "{ group: " + scalar(map.group(*table.group).name) + ", key: " + scalar(table.key) + " }\n";
}

}  // namespace

std::string edit_shard_map(std::string_view yaml, const ShardMap& wanted) {
  auto edited = edit_in_place(yaml, wanted);
  return edited ? *std::move(edited) : to_yaml(wanted);
}

std::string to_yaml(const ShardMap& map) {
  std::string text = "version: 1\ncluster: " + scalar(map.cluster()) + "\nshards:\n";
  for (const Shard& shard : map.shards()) text += "  " + shard_on_lines(shard, {}, "\n") + '\n';
  if (!map.groups().empty()) text += "groups:\n";
  for (const Group& group : map.groups()) text += group_yaml(map, group);
  text += "tables:\n";
  for (const TablePlacement& table : map.tables()) text += table_yaml(map, table);
  return text;
}

}  // namespace shardplex
