#include "shard_map/yaml_map.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

#include "shard_map/contains_name.hpp"
#include "shard_map/map_name.hpp"
#include "shard_map/slot_lists.hpp"
#include "shard_map/yaml_functions.hpp"
#include "shard_map/yaml_reader.hpp"
#include "shard_map/yaml_relations.hpp"
#include "shard_map/yaml_shards.hpp"
#include "shard_map/yaml_tree.hpp"

namespace shardplex {
namespace {

constexpr std::uint32_t default_slot_count = 1024;
constexpr std::uint32_t max_slot_count = 32768;
constexpr std::size_t max_shards = 1024;
constexpr std::size_t max_groups = 1024;
constexpr std::size_t max_computed = 1024;  // of a table
constexpr std::size_t max_key_columns = 8;  // of a table

template <class Named>
std::vector<std::string_view> names_of(const std::vector<Named>& all) {
  std::vector<std::string_view> names;
  for (const Named& named : all) names.push_back(named.name);
  return names;
}

/// A group while it is read: what could not be read is missing.
struct GroupDraft {
  std::string name;
  std::uint32_t slot_count = default_slot_count;
  std::optional<Strategy> strategy;
  std::vector<ShardId> placement;
  std::string first_table;      ///< that was read
  std::size_t key_columns = 0;  ///< of its key, and so of all others'; 0: not known
};

/// Walks the tree once and collects problems; the map it builds counts only where there are none.
class MapReader {
 public:
  MapOrProblems read(const YamlValue& root) {
    read_root(root);
    auto problems = yaml_.take_problems();
    if (!problems.empty()) return problems;
    return build();
  }

 private:
  void check_name(const YamlNode& node, std::string_view name) {
    if (!is_name(name)) yaml_.report(node, std::string(name_rule));
  }

  /// The name of a column that clients may know.
  std::optional<std::string> column(const YamlNode& node) {
    auto name = yaml_.text(node);
    if (!name) return name;
    check_name(node, *name);
    if (name == slot_column) yaml_.report(node, "the router fills this column itself; name another");
    return name;
  }

  // The document, from the top.

  void read_root(const YamlValue& value) {
    const YamlNode root{&value, "", value.line};
    const auto map = yaml_.fields(
        root, {"version", "cluster", "shards", "groups", "tables", "relations", "views", "functions"},
        "version: 1, cluster: …");
    if (!map) return;
    yaml_.check_version(*map);
    if (const YamlNode* cluster = yaml_.required(*map, "cluster", "cluster: movies")) read_cluster(*cluster);
    if (const YamlNode* shards = yaml_.required(*map, "shards", "shards: { alpha: { primary: … } }"))
      read_shards(*shards);
    if (const YamlNode* groups = map->find("groups")) read_groups(*groups);
    if (const YamlNode* tables = yaml_.required(*map, "tables", "tables: { movies: { group: …, key: … } }"))
      read_tables(*tables);
    if (const YamlNode* relations = map->find("relations"))
      relations_ = YamlRelations(yaml_, names_of(tables_)).read(*relations);
    if (const YamlNode* views = map->find("views")) read_views(*views);
    if (const YamlNode* functions = map->find("functions"))
      functions_ = YamlFunctions(yaml_, hash_groups(), key_columns(), names_of(groups_)).read(*functions);
  }

  void read_cluster(const YamlNode& node) {
    const auto name = yaml_.text(node);
    if (!name) return;
    check_name(node, *name);
    cluster_ = *name;
  }

  // Shards and servers.

  void read_shards(const YamlNode& node) {
    const auto all = yaml_.entries(node, "{ alpha: { primary: host=10.0.0.1 dbname=movies } }");
    if (!all) return;
    if (all->entries.empty()) yaml_.report(node, "names no shard; at least one is needed");
    if (all->entries.size() > max_shards) {
      yaml_.report(node, "more than " + std::to_string(max_shards) + " shards");
      return;
    }
    YamlShards reader(yaml_);
    for (const auto& [name, shard] : all->entries) shards_.push_back(reader.read(name, shard));
  }

  // Groups, their strategies and placements.

  void read_groups(const YamlNode& node) {
    const auto all =
        yaml_.entries(node, "{ catalog: { strategy: { hash: {} }, placement: { alpha: [0-1023] } } }");
    if (!all) return;
    if (all->entries.size() > max_groups) {
      yaml_.report(node, "more than " + std::to_string(max_groups) + " groups");
      return;
    }
    for (const auto& [name, group] : all->entries) groups_.push_back(read_group(name, group));
  }

  GroupDraft read_group(std::string_view name, const YamlNode& node) {
    GroupDraft draft;
    draft.name = name;
    check_name(node, name);
    const auto group = yaml_.fields(node, {"slots", "strategy", "placement"},
                                    "{ strategy: { hash: {} }, placement: { alpha: [0-1023] } }");
    if (!group) return draft;
    bool slot_count_known = true;
    if (const YamlNode* slots = group->find("slots")) {
      const auto count = read_slot_count(*slots);
      slot_count_known = count.has_value();
      draft.slot_count = count.value_or(max_slot_count);
    }
    if (const YamlNode* strategy = yaml_.required(*group, "strategy", "strategy: { hash: {} }"))
      draft.strategy = read_strategy(*strategy, draft.slot_count);
    if (const YamlNode* placement =
            yaml_.required(*group, "placement", "placement: { alpha: [0-511], beta: [512-1023] }"))
      read_placement(*placement, slot_count_known, draft);
    return draft;
  }

  std::optional<std::uint32_t> read_slot_count(const YamlNode& node) {
    const auto count = yaml_.whole_number(node);
    if (!count) return std::nullopt;
    if (*count < 1 || *count > max_slot_count || !std::has_single_bit(static_cast<std::uint64_t>(*count))) {
      yaml_.report(node, "must be a power of two from 1 to " + std::to_string(max_slot_count) + ", such as " +
                             std::to_string(default_slot_count));
      return std::nullopt;
    }
    return static_cast<std::uint32_t>(*count);
  }

  std::optional<Strategy> read_strategy(const YamlNode& node, std::uint32_t slot_count) {
    constexpr std::string_view example =
        "{ hash: {} } or { list: { column: …, spread_by: …, lists: …, otherwise: … } }";
    const auto strategy = yaml_.fields(node, {"hash", "list"}, example);
    if (!strategy) return std::nullopt;
    const YamlNode* hash = strategy->find("hash");
    const YamlNode* list = strategy->find("list");
    if ((hash == nullptr) == (list == nullptr)) {
      yaml_.report(node, "exactly one strategy is needed: " + std::string(example));
      return std::nullopt;
    }
    if (list != nullptr) return read_list_strategy(*list, slot_count);
    if (!yaml_.fields(*hash, {}, "{}")) return std::nullopt;
    return HashStrategy{};
  }

  std::optional<Strategy> read_list_strategy(const YamlNode& node, std::uint32_t slot_count) {
    const auto list = yaml_.fields(node, {"column", "spread_by", "lists", "otherwise"},
                                   "{ column: …, spread_by: …, lists: …, otherwise: … }");
    if (!list) return std::nullopt;
    ListStrategy strategy;
    if (const YamlNode* name = yaml_.required(*list, "column", "column: primary_genre"))
      strategy.column = column(*name).value_or("");
    if (const YamlNode* name = yaml_.required(*list, "spread_by", "spread_by: id")) {
      strategy.spread_by = column(*name).value_or("");
      if (!strategy.spread_by.empty() && strategy.spread_by == strategy.column)
        yaml_.report(*name,
                     "is the column of the lists themselves; the rows of a list are spread by another");
    }
    SlotLists slots(yaml_, slot_count);
    if (const YamlNode* lists = yaml_.required(*list, "lists", "lists: { Drama: [0-255] }"))
      read_lists(*lists, slots, strategy);
    if (const YamlNode* otherwise =
            yaml_.required(*list, "otherwise", "otherwise: [960-1023], for values on no list"))
      strategy.otherwise = read_list(*otherwise, "in otherwise", slots);
    return strategy;
  }

  void read_lists(const YamlNode& node, SlotLists& slots, ListStrategy& strategy) {
    const auto all = yaml_.entries(node, "{ Drama: [0-255] }");
    if (!all) return;
    for (const auto& [value, list] : all->entries)
      strategy.lists[std::string(value)] = read_list(list, "on the list " + in_quotes(value), slots);
  }

  std::vector<Slot> read_list(const YamlNode& node, std::string what, SlotLists& slots) {
    if (node.value->kind == YamlValue::Kind::list && node.value->items.empty())
      yaml_.report(node, "has no slots; its rows would have no place");
    return slots.read(node, std::move(what));
  }

  void read_placement(const YamlNode& node, bool slot_count_known, GroupDraft& draft) {
    const auto placement = yaml_.entries(node, "{ alpha: [0-511], beta: [512-1023] }");
    if (!placement) return;
    SlotLists lists(yaml_, draft.slot_count);
    draft.placement.resize(draft.slot_count);
    for (const auto& [name, list] : placement->entries) {
      // Slots on an unknown shard count as placed: one mistake, one problem.
      const ShardId shard = find_shard(name, list).value_or(ShardId{});
      for (const Slot slot : lists.read(list, "placed on " + shown(name)))
        draft.placement[slot.value] = shard;
    }
    const SlotSet missing = lists.missing();
    if (slot_count_known && !missing.empty())
      yaml_.report(node, name_slots(missing) + (missing.size() == 1 ? " is" : " are") + " placed nowhere");
  }

  std::optional<ShardId> find_shard(std::string_view name, const YamlNode& node) {
    const auto found = std::ranges::find(shards_, name, &Shard::name);
    if (found != shards_.end()) return ShardId{static_cast<std::uint16_t>(found - shards_.begin())};
    // Without any shards, that is the one problem to report.
    if (!shards_.empty())
      yaml_.report(node, "there is no shard of this name" + suggestion(name, names_of(shards_)));
    return std::nullopt;
  }

  // Tables.

  void read_tables(const YamlNode& node) {
    const auto all = yaml_.entries(node, "{ movies: { group: catalog, key: id } }");
    if (!all) return;
    if (all->entries.empty()) yaml_.report(node, "names no table; at least one is needed");
    for (const auto& [name, table] : all->entries)
      if (auto placement = read_table(name, table, "table")) tables_.push_back(*std::move(placement));
  }

  void read_views(const YamlNode& node) {
    const auto all = yaml_.entries(node, "{ dramas: { group: catalog, key: id } }");
    if (!all) return;
    for (const auto& [name, view] : all->entries) {
      if (std::ranges::find(tables_, name, &TablePlacement::name) != tables_.end())
        yaml_.report(view, "is among the tables as well; a name is a table's or a view's");
      if (auto placement = read_table(name, view, "view")) views_.push_back(*std::move(placement));
    }
  }

  /// `what`: "table" or "view".
  std::optional<TablePlacement> read_table(std::string_view name, const YamlNode& node,
                                           std::string_view what) {
    if (auto problem = map_name_problem(name)) yaml_.report(node, *std::move(problem));
    const auto table = yaml_.fields(node, {"group", "key", "reference", "computed"},
                                    "{ group: catalog, key: id } or { reference: true }");
    if (!table) return std::nullopt;
    TablePlacement placement;
    placement.name = name;
    if (const YamlNode* computed = table->find("computed")) placement.computed = read_computed(*computed);
    const YamlNode* reference = table->find("reference");
    if (reference != nullptr) {
      const auto value = yaml_.boolean(*reference);
      if (!value) return std::nullopt;
      placement.reference = *value;
    }
    if (placement.reference)
      check_reference(*table, what);
    else
      read_sharded(*table, what, placement);
    return placement;
  }

  /// Whether the functions are there is the databases' to say.
  std::vector<std::string> read_computed(const YamlNode& node) {
    std::vector<std::string> names;
    const auto items = yaml_.items(node, "[full_name]");
    if (!items) return names;
    if (items->size() > max_computed) {
      yaml_.report(node, "more than " + std::to_string(max_computed) + " computed columns");
      return names;
    }
    for (const YamlNode& item : *items) {
      auto name = column(item);
      if (!name) continue;
      if (contains_name(names, *name))
        yaml_.report(item, "computed column " + in_quotes(*name) + " is given twice");
      names.push_back(*std::move(name));
    }
    return names;
  }

  void check_reference(const YamlEntries& table, std::string_view what) {
    for (const std::string_view key : {"group", "key"})
      if (const YamlNode* node = table.find(key))
        yaml_.report(*node, "a reference " + std::string(what) + " has no " + std::string(key) +
                                "; it is whole on every shard");
  }

  void read_sharded(const YamlEntries& table, std::string_view what, TablePlacement& placement) {
    const YamlNode* group = yaml_.required(table, "group", "group and key, or reference: true");
    const YamlNode* key = table.find("key");
    if (key != nullptr) placement.key = read_key(*key);
    GroupDraft* draft = nullptr;
    if (group != nullptr) {
      placement.group = find_group(*group);
      if (placement.group) draft = &groups_[placement.group->value];
    }
    if (draft == nullptr || !draft->strategy) return;
    if (const auto* list = std::get_if<ListStrategy>(&*draft->strategy)) {
      if (key == nullptr)
        placement.key = list->spread_by;
      else if (!placement.key.empty() && !list->spread_by.empty() && !placement.key.is(list->spread_by))
        yaml_.report(*key, "the key of a " + std::string(what) + " in the list group " + shown(draft->name) +
                               " is its spread_by, " + in_quotes(list->spread_by) +
                               "; write that or leave the key out");
    } else if (key == nullptr) {
      yaml_.report(table.node, "key is missing; write the column whose hash decides a row's slot");
    } else {
      check_key_columns(*key, placement, *draft);
    }
  }

  /// The column of a key, or a list of its columns.
  KeyNames read_key(const YamlNode& node) {
    if (node.value->kind != YamlValue::Kind::list) return column(node).value_or("");
    std::vector<std::string> names;
    const auto items = yaml_.items(node, "[tenant_id, id]");
    if (!items) return {};
    if (items->empty()) yaml_.report(node, "names no column");
    if (items->size() > max_key_columns) {
      yaml_.report(node, "has more than " + std::to_string(max_key_columns) + " columns");
      return {};
    }
    for (const YamlNode& item : *items) {
      auto name = column(item);
      if (!name) continue;
      if (contains_name(names, *name)) yaml_.report(item, "column " + in_quotes(*name) + " is given twice");
      names.push_back(*std::move(name));
    }
    return KeyNames(std::move(names));
  }

  /// Rows of equal keys are to meet, so the keys of a group's tables are compared column by column.
  void check_key_columns(const YamlNode& key, const TablePlacement& placement, GroupDraft& group) {
    if (placement.key.empty()) return;  // told already
    if (group.key_columns == 0) {
      group.first_table = placement.name;
      group.key_columns = placement.key.size();
    }
    if (group.key_columns == placement.key.size()) return;
    yaml_.report(key, "has " + columns_text(placement.key.size()) + ", and the key of " +
                          shown(group.first_table) + " in the same group has " +
                          columns_text(group.key_columns) +
                          "; rows of a group's tables are placed by keys of as many columns");
  }

  static std::string columns_text(std::size_t count) {
    return std::to_string(count) + (count == 1 ? " column" : " columns");
  }

  std::optional<GroupId> find_group(const YamlNode& node) {
    const auto name = yaml_.text(node);
    if (!name) return std::nullopt;
    const auto found = std::ranges::find(groups_, *name, &GroupDraft::name);
    if (found != groups_.end()) return GroupId{static_cast<std::uint16_t>(found - groups_.begin())};
    yaml_.report(node, "there is no group " + in_quotes(*name) + suggestion(*name, names_of(groups_)));
    return std::nullopt;
  }

  /// By group, whether the hash of a key alone decides its slots.
  std::vector<bool> hash_groups() const {
    std::vector<bool> hashed;
    for (const GroupDraft& draft : groups_)
      hashed.push_back(!draft.strategy || std::holds_alternative<HashStrategy>(*draft.strategy));
    return hashed;
  }

  /// By group, how many columns its keys have; 0 where no table tells.
  std::vector<std::size_t> key_columns() const {
    std::vector<std::size_t> counts;
    for (const GroupDraft& draft : groups_) counts.push_back(draft.key_columns);
    return counts;
  }

  ShardMap build() {
    std::vector<Group> groups;
    for (GroupDraft& draft : groups_)
      groups.push_back({std::move(draft.name), draft.slot_count, std::move(draft.strategy).value(),
                        std::move(draft.placement)});
    return ShardMap(std::move(cluster_), std::move(shards_), std::move(groups), std::move(tables_),
                    std::move(relations_), std::move(views_), std::move(functions_));
  }

  YamlReader yaml_;
  std::string cluster_;
  std::vector<Shard> shards_;
  std::vector<GroupDraft> groups_;
  std::vector<TablePlacement> tables_;
  std::vector<MapRelation> relations_;
  std::vector<TablePlacement> views_;
  std::vector<MapFunction> functions_;
};

}  // namespace

std::string MapProblem::to_string() const {
  return (path.empty() ? "" : path + ": ") + message +
         (line > 0 ? " (line " + std::to_string(line) + ")" : "");
}

MapOrProblems read_shard_map(std::string_view yaml) {
  const auto document = read_yaml(yaml);
  if (const auto* refusal = std::get_if<YamlRefusal>(&document))
    return std::vector<MapProblem>{{"", refusal->line, refusal->message}};
  return MapReader().read(std::get<YamlValue>(document));
}

MapOrProblems read_shard_map_file(const std::string& path) {
  const auto unreadable = [&] {
    return std::vector<MapProblem>{{"", 0, "cannot read " + path + ": " + std::strerror(errno)}};
  };
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable();
  // One byte over the limit is enough to refuse a file of any size.
  std::string text(max_yaml_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return unreadable();
  text.resize(static_cast<std::size_t>(file.gcount()));
  return read_shard_map(text);
}

}  // namespace shardplex
