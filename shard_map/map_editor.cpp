#include "shard_map/map_editor.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "shard_map/invariant.hpp"
#include "shard_map/map_pieces.hpp"
#include "shard_map/map_source.hpp"
#include "shard_map/yaml_map.hpp"
#include "shard_map/yaml_tree.hpp"

namespace shardplex {
namespace {

const YamlValue& value_of(const YamlValue& mapping, std::string_view key) {
  const auto found = std::ranges::find(mapping.entries, key, &YamlEntry::key);
  if (found == mapping.entries.end()) throw UnusualText{};
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
      if (!before) throw UnusualText{};
      edit_placement(value_of(value_of(value_of(root, "groups"), group.name), "placement"),
                     current_.group(*before), group);
    }
  }

  std::string result() {
    std::ranges::stable_sort(changes_, {}, [](const Change& c) { return std::pair(c.begin, c.end); });
    std::string text;
    std::size_t at = 0;
    for (const Change& change : changes_) {
      if (change.begin < at) throw UnusualText{};
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
      throw UnusualText{};
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
      const std::string key = yaml_scalar(shard.name) + ": ";
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

  MapSource source_;
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
  return a.cluster() == b.cluster() && std::ranges::equal(a.shards(), b.shards(), same_shard) &&
         std::ranges::equal(a.groups(), b.groups(), same_group) && a.tables() == b.tables() &&
         a.relations() == b.relations() && a.views() == b.views() && a.functions() == b.functions();
}

}  // namespace

std::optional<std::string> edit_in_place(std::string_view yaml, const ShardMap& wanted) try {
  const auto current = read_shard_map(yaml);
  const auto root = read_yaml(yaml);
  invariant(std::holds_alternative<ShardMap>(current), "the text to be edited is a valid shard map");
  invariant(std::get<ShardMap>(current).relations() == wanted.relations(),
            "a map is edited with the relations that it has");
  invariant(std::get<ShardMap>(current).views() == wanted.views(),
            "a map is edited with the views that it has");
  invariant(std::get<ShardMap>(current).functions() == wanted.functions(),
            "a map is edited with the functions that it has");
  MapEditor editor(yaml, std::get<ShardMap>(current), wanted);
  editor.edit(std::get<YamlValue>(root));
  std::string text = editor.result();
  const auto reread = read_shard_map(text);
  const auto* map = std::get_if<ShardMap>(&reread);
  return map != nullptr && equal(*map, wanted) ? std::optional(std::move(text)) : std::nullopt;
} catch (const UnusualText&) {
  return std::nullopt;
}

}  // namespace shardplex
