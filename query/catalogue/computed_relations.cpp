#include "query/catalogue/computed_relations.hpp"

#include <optional>
#include <set>
#include <utility>

#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

/// "public.sequels(movies)"
std::string function_signature(const ComputedRelation& computed, const std::string& table) {
  return computed.function_schema + '.' + computed.name + '(' + table + ')';
}

std::string relation_difference(const TableOnShard& a, const ComputedRelation& of_a, const TableOnShard& b,
                                const ComputedRelation& of_b) {
  if (of_a == of_b) return "";
  return "function " + function_signature(of_a, a.table->name) + " is defined otherwise on " + b.shard +
         " than on " + a.shard;
}

/// As the first shard that has it does, with what the others have otherwise. Precondition: one has it.
ComputedRelation relation_of_all(const std::string& name, const std::vector<TableOnShard>& on_shards) {
  ComputedRelation out;
  const TableOnShard *first = nullptr, *without = nullptr;
  const ComputedRelation* of_first = nullptr;
  for (const auto& each : on_shards) {
    const ComputedRelation* found = each.table->find_computed_relation(name);
    if (found == nullptr) {
      without = &each;
    } else if (first == nullptr) {
      first = &each;
      of_first = found;
      out = *found;
    } else if (out.conflict.empty()) {
      out.conflict = relation_difference(*first, *of_first, each, *found);
    }
  }
  if (first != nullptr && without != nullptr)
    out.conflict =
        "function " + function_signature(out, first->table->name) + " is missing on " + without->shard;
  return out;
}

struct Refusal {
  std::string why, works;
};

/// The rows that each shard can give for its own rows of `placement`, or why there are none.
std::optional<Refusal> given_rows(const TablePlacement& placement, const ShardMap& map,
                                  ComputedRelation& computed) {
  const std::string function = function_signature(computed, placement.name);
  if (computed.volatility == Volatility::volatile_)
    return Refusal{
        "The function " + function + " is VOLATILE, so it could write, or give other rows each time.",
        "ALTER FUNCTION " + function + " STABLE on every shard."};
  const TablePlacement* foreign =
      computed.foreign_table.empty() ? nullptr : map.find_placement(computed.foreign_table);
  if (foreign == nullptr)
    return Refusal{"The function " + function + " does not give rows of a table or view of the map.",
                   "Let it return SETOF one of these."};
  if (!foreign->group) {
    computed.given = GivenRows::all;
    return std::nullopt;
  }
  if (map.shards().size() == 1) {
    computed.given = GivenRows::owned;
    computed.group = map.group(*foreign->group).name;
    return std::nullopt;
  }
  if (placement.group != foreign->group)
    return Refusal{"The function " + function + " gives rows of " + foreign->name +
                       ", which need not be on the shard of a row of " + placement.name + '.',
                   "Shard both tables by the columns that relate them, in one group, or make " +
                       foreign->name + " a reference table."};
  const std::string declared_as = make_map_name(computed.function_schema, computed.name);
  const MapFunction* declared = map.find_function(declared_as);
  if (declared == nullptr || declared->runs != MapFunction::Runs::any)
    return Refusal{"The function " + function + " gives rows of " + foreign->name +
                       ", and the map does not say that each shard has those of its own rows.",
                   "Write " + declared_as +
                       ": any under functions: in the map where it reads rows of the row's own key and "
                       "reference tables alone."};
  computed.given = GivenRows::of_own_slot;
  return std::nullopt;
}

}  // namespace

void combine_computed_relations(const TablePlacement& placement, const ShardMap& map,
                                const std::vector<TableOnShard>& on_shards, Table& served,
                                std::vector<std::string>& warnings) {
  std::set<std::string> names;
  for (const auto& each : on_shards)
    for (const auto& computed : each.table->computed_relations) names.insert(computed.name);
  served.computed_relations.clear();
  for (const auto& name : names) {
    auto computed = relation_of_all(name, on_shards);
    if (computed.conflict.empty())
      if (auto refusal = given_rows(placement, map, computed)) {
        computed.refused = std::move(refusal->why);
        computed.works = std::move(refusal->works);
      }
    const auto& reason = computed.refused.empty() ? computed.conflict : computed.refused;
    if (!reason.empty())
      warnings.push_back(placement.name + ": computed relationship " + name + " is not served: " + reason);
    served.computed_relations.push_back(std::move(computed));
  }
}

Error refused_computed_relation(const Table& table, const ComputedRelation& computed) {
  const std::string what = "Computed relationship " + computed.name + " of " + table.name + " is not served";
  if (!computed.refused.empty()) return {"SHARD404", what, computed.refused, computed.works, std::nullopt};
  return {"SHARD503", what + " while the shards differ", computed.conflict,
          "Make the function the same on every shard; the router notices.", std::nullopt};
}

}  // namespace shardplex
