// route: where the rows of a key live according to the map, and why. Asks no server.
#include <algorithm>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"
#include "operations/process/json_values.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/row_places.hpp"
#include "query/catalogue/catalogue.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/key.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;
namespace po = boost::program_options;

constexpr std::string_view key_types =
    "integer, text, uuid, date, character, boolean, numeric, citext or enum";

KeyType parse_key_type(std::string_view name) {
  for (const KeyType type :
       {KeyType::integer, KeyType::uuid, KeyType::text, KeyType::date, KeyType::character, KeyType::boolean,
        KeyType::numeric, KeyType::citext, KeyType::enumeration})
    if (name == key_form(type)) return type;
  throw UsageError("--key-type " + std::string(name) + ": " + std::string(key_types) + " is expected");
}

/// One type for each column of the key, with commas between them.
std::vector<KeyType> parse_key_types(std::string_view text) {
  std::vector<KeyType> types;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    types.push_back(parse_key_type(text.substr(0, comma)));
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  return types;
}

void check_types(const std::optional<std::vector<KeyType>>& types, const TablePlacement& table) {
  if (!types || types->size() == table.key.size()) return;
  throw UsageError("--key-type has " + std::to_string(types->size()) + ", and the key of " + table.name +
                   " is " + joined(table.key.names(), " and ") + ": give one type for each column");
}

ColumnValues parse_values(const std::vector<std::string>& words) {
  ColumnValues values;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0) throw UsageError("'" + word + "' is not column=value");
    if (!values.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      throw UsageError("column " + word.substr(0, equals) + " is given twice");
  }
  return values;
}

void refuse_other_columns(const ColumnValues& values, const TablePlacement& table, const ListStrategy* list) {
  for (const auto& [column, text] : values) {
    if (table.key.contains(column) || (list != nullptr && column == list->column)) continue;
    std::vector<std::string> deciding = table.key.names();
    if (list != nullptr) deciding.push_back(list->column);
    throw UsageError("column " + column + " does not decide where rows of " + table.name + " live; " +
                     joined(deciding, " and ") + (deciding.size() == 1 ? " does" : " do"));
  }
}

/// What is given has to decide where rows live.
void check_columns(const ColumnValues& values, const TablePlacement& table, const Group& group) {
  const auto* list = std::get_if<ListStrategy>(&group.strategy);
  refuse_other_columns(values, table, list);
  const auto& key = table.key.names();
  if (std::ranges::all_of(key, [&](const std::string& column) { return values.contains(column); })) return;
  if (list == nullptr)
    throw UsageError("give " +
                     joined(
                         key, [](const std::string& column) { return column + "=VALUE"; }, " and ") +
                     (key.size() == 1 ? ": it decides" : ": together they decide") + " where rows of " +
                     table.name + " live");
  if (!values.contains(list->column))
    throw UsageError("give " + list->column + "=VALUE, " + key.front() + "=VALUE or both");
}

void print_text(const ShardMap& map, const Group& group, const RowPlaces& places, const Terminal& terminal) {
  const bool lists = places.places.front().list != "";
  TextTable table(lists ? std::vector<TextTable::Heading>{{"LIST"}, {"SLOT"}, {"SHARD"}}
                        : std::vector<TextTable::Heading>{{"SLOT"}, {"SHARD"}});
  for (const auto& place : places.places)
    for (const auto& [shard, slots] : by_shard(map, group, place.slots)) {
      if (lists)
        table.add({place.list, slots.to_string(), {shard, Colour::bold}});
      else
        table.add({slots.to_string(), {shard, Colour::bold}});
    }
  table.print(terminal);
  for (const auto& reason : places.reasons) terminal.out << "why: " << reason << '\n';
  terminal.out << "note: the shard is the map's placement; what moved since is known to the shards "
                  "(shardplex cluster status)\n";
}

json::object as_json(const ShardMap& map, const TablePlacement& table, const Group& group,
                     const RowPlaces& places) {
  json::array slots;
  for (const auto& place : places.places)
    place.slots.for_each([&](Slot slot) {
      json::object shown{{"slot", slot.value}, {"shard", map.shard(group.placement[slot.value]).name}};
      if (!place.list.empty()) shown["list"] = place.list;
      slots.push_back(std::move(shown));
    });
  json::object shown{{"table", table.name},
                     {"group", group.name},
                     {"strategy", std::holds_alternative<HashStrategy>(group.strategy) ? "hash" : "list"},
                     {"slots", slots},
                     {"why", json_array(places.reasons)}};
  if (places.hash) shown["hash"] = *places.hash;
  return shown;
}

int route_reference(const ShardMap& map, const TablePlacement& table, bool as_json_text,
                    const Terminal& terminal) {
  if (as_json_text) {
    terminal.out << json::object{{"table", table.name},
                                 {"reference", true},
                                 {"shards", json_array(map.shards() | std::views::transform(&Shard::name))}}
                 << '\n';
  } else {
    terminal.out << table.name << " is a reference table: every shard has a full copy\n";
  }
  return exit_ok;
}

}  // namespace

int route(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "route --map FILE TABLE COLUMN=VALUE…",
      "Tells in which slot and on which shard rows live, and why.\n"
      "Under a list strategy the key alone gives one slot per list, the list's column alone its slots.");
  options.add_map();
  options.add()("key-type", po::value<std::string>()->value_name("TYPE"),
                (std::string(key_types) +
                 " (default: by the value's look); of a key of several columns one for each, with commas")
                    .c_str());
  options.add_json();
  options.add_positional("table", 1);
  options.add_positional("value", -1);
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const std::string file = given->map_file();
  const std::string name = given->required("table", "TABLE");
  std::optional<std::vector<KeyType>> types;
  if (const auto text = given->text("key-type")) types = parse_key_types(*text);
  const ColumnValues values = parse_values(given->texts("value"));

  const ShardMap map = load_shard_map(file);
  const TablePlacement& table = table_of_map(map, name);
  if (table.reference) return route_reference(map, table, given->json(), terminal);
  const Group& group = map.group(*table.group);
  check_columns(values, table, group);
  check_types(types, table);
  const RowPlaces places = places_of_rows(group, table, values, types);
  if (given->json())
    terminal.out << as_json(map, table, group, places) << '\n';
  else
    print_text(map, group, places, terminal);
  return exit_ok;
}

}  // namespace shardplex::cli
