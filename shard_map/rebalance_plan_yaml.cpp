// Rebalance plans as YAML.
#include <yaml-cpp/emitter.h>

#include <algorithm>
#include <map>
#include <utility>

#include "shard_map/contains_name.hpp"
#include "shard_map/rebalance_plan.hpp"
#include "shard_map/slot_lists.hpp"
#include "shard_map/yaml_reader.hpp"
#include "shard_map/yaml_shards.hpp"
#include "shard_map/yaml_tree.hpp"

namespace shardplex {
namespace {

template <class Named>
std::vector<std::string_view> names_of(const std::vector<Named>& all) {
  std::vector<std::string_view> names;
  for (const Named& named : all) names.push_back(named.name);
  return names;
}

/// Walks the tree once and collects problems; the plan it builds counts only where there are none.
class PlanReader {
 public:
  explicit PlanReader(const ShardMap& map) : map_(map) {}

  std::variant<RebalancePlan, std::vector<MapProblem>> read(const YamlValue& root) {
    read_root(root);
    auto problems = yaml_.take_problems();
    if (!problems.empty()) return problems;
    return std::move(plan_);
  }

 private:
  void read_root(const YamlValue& value) {
    const auto plan =
        yaml_.fields({&value, "", value.line}, {"version", "cluster", "add_shards", "drain", "moves"},
                     "version: 1, cluster: …");
    if (!plan) return;
    yaml_.check_version(*plan);
    if (const YamlNode* cluster = yaml_.required(*plan, "cluster", "cluster: " + map_.cluster()))
      read_cluster(*cluster);
    if (const YamlNode* added = plan->find("add_shards")) read_added(*added);
    if (const YamlNode* drained = plan->find("drain")) read_drained(*drained);
    if (const YamlNode* moves = yaml_.required(*plan, "moves", "moves: []")) read_moves(*moves);
  }

  void read_cluster(const YamlNode& node) {
    const auto name = yaml_.text(node);
    if (!name) return;
    if (*name != map_.cluster())
      yaml_.report(node,
                   "the plan is for " + in_quotes(*name) + ", the map is of " + in_quotes(map_.cluster()));
    plan_.cluster = *name;
  }

  void read_added(const YamlNode& node) {
    const auto all = yaml_.entries(node, "{ gamma: { primary: host=10.0.2.1 dbname=movies } }");
    if (!all) return;
    YamlShards reader(yaml_);
    for (const Shard& shard : map_.shards()) reader.reserve(shard);
    for (const auto& [name, shard] : all->entries) {
      if (const auto known = map_.find_shard(name))
        compare(map_.shard(*known), name, shard);
      else
        plan_.added.push_back(reader.read(name, shard));
    }
  }

  /// The map has the shard when the plan was carried out in part; then it has it as the plan says.
  void compare(const Shard& known, std::string_view name, const YamlNode& node) {
    const Shard shard = YamlShards(yaml_).read(name, node);
    if (shard.primary != known.primary || shard.replicas != known.replicas)
      yaml_.report(node, "the map has a shard of this name already, with other servers");
  }

  void read_drained(const YamlNode& node) {
    const auto all = yaml_.items(node, "[beta]");
    if (!all) return;
    for (const YamlNode& item : *all) {
      const auto name = yaml_.text(item);
      if (!name) continue;
      if (is_added(*name))
        yaml_.report(item, "the plan adds this shard; it cannot drain it as well");
      else if (!map_.find_shard(*name))
        report_unknown_shard(item, *name);
      else if (contains_name(plan_.drained, *name))
        yaml_.report(item, "is named twice");
      else
        plan_.drained.push_back(*name);
    }
    if (plan_.added.empty() && plan_.drained.size() == map_.shards().size())
      yaml_.report(node, "drains every shard; one at least has to be left");
  }

  void read_moves(const YamlNode& node) {
    const auto all = yaml_.items(node, "[{ group: catalog, slots: [0-63], from: alpha, to: beta }]");
    if (!all) return;
    for (const YamlNode& move : *all) read_move(move);
  }

  void read_move(const YamlNode& node) {
    const auto move = yaml_.fields(node, {"group", "slots", "from", "to"},
                                   "{ group: catalog, slots: [0-63], from: alpha, to: beta }");
    if (!move) return;
    const YamlNode* group = yaml_.required(*move, "group", "group: catalog");
    const YamlNode* slots = yaml_.required(*move, "slots", "slots: [0-63, 70]");
    const YamlNode* from = yaml_.required(*move, "from", "from: alpha");
    const YamlNode* to = yaml_.required(*move, "to", "to: beta");
    const auto source = from != nullptr ? read_source(*from) : std::nullopt;
    const auto target = to != nullptr ? read_target(*to) : std::nullopt;
    if (source && source == target) yaml_.report(*to, "the slots are on " + shown(*source) + " already");
    const Group* known = group != nullptr ? find_group(*group) : nullptr;
    if (known == nullptr || slots == nullptr) return;
    SlotSet set = read_slots(*known, *slots, node);
    if (source && target) plan_.moves.push_back({known->name, std::move(set), *source, *target});
  }

  const Group* find_group(const YamlNode& node) {
    const auto name = yaml_.text(node);
    if (!name) return nullptr;
    if (const auto id = map_.find_group(*name)) return &map_.group(*id);
    yaml_.report(node, "there is no group " + in_quotes(*name) + suggestion(*name, names_of(map_.groups())));
    return nullptr;
  }

  SlotSet read_slots(const Group& group, const YamlNode& node, const YamlNode& move) {
    if (node.value->kind == YamlValue::Kind::list && node.value->items.empty())
      yaml_.report(node, "has no slots; leave the move out");
    SlotLists& lists = slots_.try_emplace(group.name, yaml_, group.slot_count).first->second;
    SlotSet set = SlotSet::none(group.slot_count);
    for (const Slot slot : lists.read(node, "in " + move.path)) set.insert(slot);
    return set;
  }

  std::optional<std::string> read_source(const YamlNode& node) {
    auto name = find_shard(node);
    if (!name || !is_added(*name)) return name;
    yaml_.report(node, "the plan adds this shard; it has no slots to give");
    return std::nullopt;
  }

  std::optional<std::string> read_target(const YamlNode& node) {
    auto name = find_shard(node);
    if (!name || !contains_name(plan_.drained, *name)) return name;
    yaml_.report(node, "the plan drains this shard; it cannot receive slots");
    return std::nullopt;
  }

  std::optional<std::string> find_shard(const YamlNode& node) {
    auto name = yaml_.text(node);
    if (!name || is_added(*name) || map_.find_shard(*name)) return name;
    report_unknown_shard(node, *name);
    return std::nullopt;
  }

  bool is_added(std::string_view name) const {
    return std::ranges::find(plan_.added, name, &Shard::name) != plan_.added.end();
  }

  void report_unknown_shard(const YamlNode& node, std::string_view name) {
    auto known = names_of(map_.shards());
    const auto added = names_of(plan_.added);
    known.insert(known.end(), added.begin(), added.end());
    yaml_.report(node, "there is no shard " + in_quotes(name) + suggestion(name, known));
  }

  const ShardMap& map_;
  YamlReader yaml_;
  RebalancePlan plan_;
  std::map<std::string, SlotLists, std::less<>> slots_;  // by group
};

/// In quotes, so that it is text whatever it looks like.
void write_text(YAML::Emitter& out, const std::string& text) {
  out << YAML::DoubleQuoted << text;
}

void write_added(YAML::Emitter& out, const std::vector<Shard>& added) {
  out << YAML::Key << "add_shards" << YAML::Value << YAML::BeginMap;
  for (const Shard& shard : added) {
    out << YAML::Key;
    write_text(out, shard.name);
    out << YAML::Value << YAML::BeginMap << YAML::Key << "primary" << YAML::Value;
    write_text(out, shard.primary);
    if (!shard.replicas.empty()) {
      out << YAML::Key << "replicas" << YAML::Value << YAML::BeginSeq;
      for (const auto& replica : shard.replicas) write_text(out, replica);
      out << YAML::EndSeq;
    }
    out << YAML::EndMap;
  }
  out << YAML::EndMap;
}

void write_slots(YAML::Emitter& out, const SlotSet& slots) {
  out << YAML::Flow << YAML::BeginSeq;
  std::string_view rest;
  const std::string text = slots.to_string();
  for (rest = text; !rest.empty();) {
    const auto range = rest.substr(0, rest.find(','));
    out << std::string(range);
    rest.remove_prefix(std::min(rest.size(), range.size() + 2));
  }
  out << YAML::EndSeq;
}

void write_moves(YAML::Emitter& out, const std::vector<PlannedMove>& moves) {
  out << YAML::Key << "moves" << YAML::Value << YAML::BeginSeq;
  for (const PlannedMove& move : moves) {
    out << YAML::BeginMap << YAML::Key << "group" << YAML::Value;
    write_text(out, move.group);
    out << YAML::Key << "from" << YAML::Value;
    write_text(out, move.source);
    out << YAML::Key << "to" << YAML::Value;
    write_text(out, move.target);
    out << YAML::Key << "slots" << YAML::Value;
    write_slots(out, move.slots);
    out << YAML::EndMap;
  }
  out << YAML::EndSeq;
}

}  // namespace

std::string to_yaml(const RebalancePlan& plan) {
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "version" << YAML::Value << 1;
  out << YAML::Key << "cluster" << YAML::Value;
  write_text(out, plan.cluster);
  if (!plan.added.empty()) write_added(out, plan.added);
  if (!plan.drained.empty()) {
    out << YAML::Key << "drain" << YAML::Value << YAML::Flow << YAML::BeginSeq;
    for (const auto& name : plan.drained) write_text(out, name);
    out << YAML::EndSeq;
  }
  write_moves(out, plan.moves);
  out << YAML::EndMap;
  return std::string(out.c_str(), out.size()) + '\n';
}

std::variant<RebalancePlan, std::vector<MapProblem>> read_rebalance_plan(std::string_view yaml,
                                                                         const ShardMap& map) {
  const auto document = read_yaml(yaml);
  if (const auto* refusal = std::get_if<YamlRefusal>(&document))
    return std::vector<MapProblem>{{"", refusal->line, refusal->message}};
  return PlanReader(map).read(std::get<YamlValue>(document));
}

}  // namespace shardplex
