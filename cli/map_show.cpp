// map show: the shard map as the YAML says it.
#include <boost/json.hpp>

#include "cli/command_line.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/server.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;

SlotSet placed_on(const Group& group, ShardId shard) {
  SlotSet slots = SlotSet::none(group.slot_count);
  for (std::uint32_t slot = 0; slot < group.slot_count; ++slot)
    if (group.placement[slot] == shard) slots.insert(Slot{slot});
  return slots;
}

SlotSet as_set(const Group& group, const std::vector<Slot>& slots) {
  SlotSet set = SlotSet::none(group.slot_count);
  for (const Slot slot : slots) set.insert(slot);
  return set;
}

json::value strategy_json(const Group& group) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  if (list == nullptr) return {{"hash", json::object{}}};
  json::object lists;
  for (const auto& [value, slots] : list->lists) lists[value] = as_set(group, slots).to_string();
  return {{"list",
           {{"column", list->column},
            {"spread_by", list->spread_by},
            {"lists", lists},
            {"otherwise", as_set(group, list->otherwise).to_string()}}}};
}

/// One name, or a list of them, as in the map.
json::value key_names_json(const KeyNames& key) {
  if (key.size() == 1) return json::value(key.one());
  return json::array(key.names().begin(), key.names().end());
}

json::object table_json(const ShardMap& map, const TablePlacement& table) {
  json::object shown{{"name", table.name}, {"reference", table.reference}};
  if (table.group) {
    shown["group"] = map.group(*table.group).name;
    shown["key"] = key_names_json(table.key);
  }
  if (!table.computed.empty()) shown["computed"] = json::array(table.computed.begin(), table.computed.end());
  return shown;
}

json::object map_json(const ShardMap& map) {
  json::array shards, groups, tables, views;
  for (const auto& shard : map.shards()) {
    json::array replicas;
    for (const auto& replica : shard.replicas) replicas.emplace_back(without_password(replica));
    shards.push_back(
        {{"name", shard.name}, {"primary", without_password(shard.primary)}, {"replicas", replicas}});
  }
  for (const auto& group : map.groups()) {
    json::object placement;
    for (std::uint16_t i = 0; i < map.shards().size(); ++i)
      placement[map.shards()[i].name] = placed_on(group, ShardId{i}).to_string();
    groups.push_back({{"name", group.name},
                      {"slots", group.slot_count},
                      {"strategy", strategy_json(group)},
                      {"placement", placement}});
  }
  for (const auto& table : map.tables()) tables.push_back(table_json(map, table));
  for (const auto& view : map.views()) views.push_back(table_json(map, view));
  return {{"cluster", map.cluster()},
          {"shards", shards},
          {"groups", groups},
          {"tables", tables},
          {"views", views}};
}

void print_shards(const ShardMap& map, const Terminal& terminal) {
  TextTable table({{"SHARD"}, {"PRIMARY"}, {"REPLICAS"}});
  for (const auto& shard : map.shards()) {
    const std::string replicas = joined(shard.replicas, address_of);
    table.add({shard.name, address_of(shard.primary), replicas.empty() ? "none" : replicas});
  }
  table.print(terminal);
}

void print_group(const ShardMap& map, const Group& group, const Terminal& terminal) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  terminal.out << "\ngroup " << terminal.paint_out(Colour::bold, group.name) << ": " << group.slot_count
               << " slots by "
               << (list != nullptr ? "list of " + list->column + ", spread by " + list->spread_by : "hash")
               << '\n';
  TextTable placement({{"SHARD"}, {"COUNT", TextTable::Align::right}, {"SLOTS"}});
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    const SlotSet slots = placed_on(group, ShardId{i});
    placement.add({map.shards()[i].name, std::to_string(slots.size()), slots.to_string()});
  }
  placement.print(terminal);
  if (list == nullptr) return;
  TextTable lists({{"LIST"}, {"COUNT", TextTable::Align::right}, {"SLOTS"}});
  for (const auto& [value, slots] : list->lists)
    lists.add({value, std::to_string(slots.size()), as_set(group, slots).to_string()});
  lists.add({{"(otherwise)", Colour::dim},
             std::to_string(list->otherwise.size()),
             as_set(group, list->otherwise).to_string()});
  lists.print(terminal);
}

void print_tables(const ShardMap& map, const Terminal& terminal) {
  terminal.out << '\n';
  TextTable table({{"TABLE"}, {"GROUP"}, {"KEY"}});
  const auto add = [&](const TablePlacement& placement, const std::string& name) {
    table.add({name, placement.group ? map.group(*placement.group).name : "(reference)",
               placement.reference ? "-" : joined(placement.key.names())});
  };
  for (const auto& placement : map.tables()) add(placement, placement.name);
  for (const auto& view : map.views()) add(view, view.name + " (view)");
  table.print(terminal);
}

}  // namespace

int map_show(Arguments args, const Terminal& terminal) {
  CommandOptions options("map show FILE [--json]", "Shows a shard map: servers, slots and tables.");
  options.add_json();
  options.add_positional("file", 1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = load_shard_map(given->required("file", "FILE"));
  if (given->json()) {
    terminal.out << map_json(map) << '\n';
    return exit_ok;
  }
  terminal.out << "cluster " << terminal.paint_out(Colour::bold, map.cluster()) << "\n\n";
  print_shards(map, terminal);
  for (const auto& group : map.groups()) print_group(map, group, terminal);
  print_tables(map, terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
