#include "cli/slot_arguments.hpp"

#include <algorithm>
#include <vector>

#include "cli/options.hpp"
#include "operations/process/failure.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/slot_lists.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex::cli {

GroupId group_argument(const ShardMap& map, const std::optional<std::string>& name) {
  std::vector<std::string> names;
  for (const Group& group : map.groups()) names.push_back(group.name);
  if (name) {
    if (const auto id = map.find_group(*name)) return *id;
    throw CommandFailed("--group: the map has no group " + *name + did_you_mean(*name, names));
  }
  if (names.size() == 1) return GroupId{0};
  if (names.empty()) throw CommandFailed("the map has no group, and so no slots");
  throw UsageError("--group is needed, as the map has several: " + joined(names));
}

SlotSet slots_argument(const std::string& text, const Group& group) {
  YamlValue list;
  list.kind = YamlValue::Kind::list;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    YamlValue& item = list.items.emplace_back();
    item.kind = YamlValue::Kind::scalar;
    item.text = one_line(text.substr(begin, end - begin));
    begin = end + 1;
  }
  YamlReader reader;
  SlotSet slots = SlotSet::none(group.slot_count);
  for (const Slot slot : SlotLists(reader, group.slot_count).read({&list, "--slots", 0}, ""))
    slots.insert(slot);
  const std::string problems = joined(reader.take_problems(), &MapProblem::to_string, "; ");
  if (!problems.empty()) throw UsageError(problems);
  return slots;
}

}  // namespace shardplex::cli
