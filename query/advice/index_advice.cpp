#include "query/advice/index_advice.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/advice/shared_index.hpp"
#include "query/advice/unused_index.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

// ---- Invalid ones.

/// What REINDEX CONCURRENTLY leaves where it fails: such an index is a copy of one that is there.
bool is_left_by_reindex(std::string_view name) {
  while (!name.empty() && name.back() >= '0' && name.back() <= '9') name.remove_suffix(1);
  return name.ends_with("_ccnew") || name.ends_with("_ccold");
}

Advice about_invalid(const SurveyedShard& shard, const SurveyedIndex& index) {
  Advice advice{AdviceKind::invalid_index,
                index.table,
                "Index " + index.name + " of " + index.table + " on " + shard.name +
                    " is invalid: PostgreSQL does not read it, and may write it all the same.",
                {},
                {},
                {}};
  advice.evidence.push_back(
      {"pg_index of " + shard.name, "indisvalid is false; it has " + in_megabytes(index.bytes), ""});
  if (is_left_by_reindex(index.name)) {
    advice.costs = "Nothing: a REINDEX CONCURRENTLY that failed has left it beside the index that is used.";
    advice.steps.push_back({{shard.name}, drop_index_sql(index)});
  } else {
    advice.costs =
        "The table is read once, without blocking writes. What is said to be unique and is not makes it "
        "fail.";
    advice.steps.push_back({{shard.name}, "REINDEX INDEX CONCURRENTLY " + qualified_index_name(index) + ';'});
  }
  return advice;
}

Advised advise_invalid(const Survey& survey) {
  Advised out;
  for (const auto& shard : survey.shards) {
    for (const auto& index : shard.indexes) {
      if (index.valid) continue;
      const auto place = "index " + index.name + " of " + index.table + " on " + shard.name;
      if (!shard.by_primary)
        out.not_judged.push_back(
            place + " is invalid as a replica has it, which cannot tell whether it is being built");
      else if (index.busy)
        out.not_judged.push_back(
            place + " is invalid, and may be being built: somebody holds the lock for that on the table");
      else
        out.advice.push_back(about_invalid(shard, index));
    }
  }
  return out;
}

// ---- Needless ones.

bool is_needless(const SurveyedIndex& index, const SurveyedIndex& other) {
  if (index.name == other.name || !index.valid || !can_be_dropped(index) || !does_all_of(other, index))
    return false;
  const bool either = does_all_of(index, other) && can_be_dropped(other);
  return !either || other.name < index.name;
}

struct NeedlessIndex {
  SharedIndex shared{};
  const SurveyedIndex* other = nullptr;
  std::uint64_t scans = 0, scans_of_other = 0;
};

std::map<std::pair<IndexName, IndexName>, NeedlessIndex> find_needless(const Survey& survey) {
  std::map<std::pair<IndexName, IndexName>, NeedlessIndex> found;
  for (const auto& shard : survey.shards) {
    for (const auto& index : shard.indexes) {
      const auto other = std::ranges::find_if(
          shard.indexes, [&](const SurveyedIndex& candidate) { return is_needless(index, candidate); });
      if (other == shard.indexes.end()) continue;
      auto& entry = found[{name_of_index(index), name_of_index(*other)}];
      entry.other = &*other;
      entry.shared.add(shard, index);
      entry.scans += scans_of(shard, index);
      entry.scans_of_other += scans_of(shard, *other);
    }
  }
  return found;
}

Advice about_needless(const Survey& survey, const NeedlessIndex& needless) {
  const auto& index = *needless.shared.index;
  const auto& other = *needless.other;
  const auto shards = needless.shared.names();
  Advice advice{
      AdviceKind::duplicate_index,
      index.table,
      "Index " + index.name + " of " + index.table + " does nothing that " + other.name + " does not.",
      {},
      {},
      {}};
  advice.evidence.push_back({"pg_index of " + joined(shards),
                             index.name + " is ON " + index.on + "; " + other.name + " is " +
                                 (other.unique ? "UNIQUE " : "") + "ON " + other.on,
                             ""});
  advice.evidence.push_back({"pg_stat_user_indexes of " + counted(servers_heard(survey), "server"),
                             index.name + ": " + counted(needless.scans, "scan") + ", " +
                                 in_megabytes(needless.shared.bytes()) + "; " + other.name + ": " +
                                 counted(needless.scans_of_other, "scan"),
                             counted_since(survey)});
  advice.costs = other.keys.size() > index.keys.size()
                     ? "Reads go by the other one, which is larger, as it has more columns."
                     : "Nothing: reads go by the other one.";
  advice.steps.push_back({shards, drop_index_sql(index)});
  return advice;
}

// ---- On some shards only.

/// Whether the shard has the index, or one that does as much; also one that is invalid, which is told of it.
bool has_as_much(const SurveyedShard& shard, const SurveyedIndex& index) {
  return std::ranges::any_of(shard.indexes, [&](const SurveyedIndex& other) {
    return does_all_of(other, index) ||
           (other.table == index.table && other.on == index.on && other.unique == index.unique);
  });
}

bool has_index_named(const SurveyedShard& shard, const SurveyedIndex& index) {
  return std::ranges::any_of(shard.indexes, [&](const SurveyedIndex& other) {
    return other.schema == index.schema && other.name == index.name;
  });
}

Advice about_absent(const Survey& survey, const SharedIndex& shared,
                    const std::vector<const SurveyedShard*>& without) {
  const auto& index = *shared.index;
  const auto names = joined(without, [](const auto* shard) { return shard->name; });
  Advice advice{AdviceKind::index_on_some_shards,
                index.table,
                "Index " + index.name + " of " + index.table + " is on " + joined(shared.names()) +
                    " and not on " + names + '.',
                {},
                {},
                {}};
  advice.evidence.push_back({"pg_index of all shards that answered", index.name + " is ON " + index.on, ""});
  advice.evidence.push_back(
      {"pg_stat_user_indexes of " + counted(servers_heard(survey), "server"),
       counted(shared.scans(), "scan") + " where it is, with " + in_megabytes(shared.bytes()),
       counted_since(survey)});
  advice.costs =
      index.constraint.empty()
          ? "The table is read once without blocking writes, and each write writes the index from then on."
          : "The table is locked for writes while it is read. It fails where values are not unique.";
  if (index.unique && index.constraint.empty()) advice.costs += " It fails where values are not unique.";
  for (const auto* shard : without) {
    const bool is_taken = has_index_named(*shard, index);
    const auto text = create_index_sql(index, is_taken && index.constraint.empty() ? "" : index.name);
    const auto same = std::ranges::find(advice.steps, text, &AdvisedStep::text);
    if (same == advice.steps.end())
      advice.steps.push_back({{shard->name}, text});
    else
      same->shards.push_back(shard->name);
  }
  return advice;
}

Advised advise_absent(const Survey& survey, const IndexNames& named) {
  Advised out;
  std::map<std::pair<std::string, std::string>, SharedIndex> all;  // by table, and definition
  for (const auto& shard : survey.shards) {
    for (const auto& index : shard.indexes) {
      if (!index.valid || named.contains(name_of_index(index)) || is_of_slots(index)) continue;
      auto& entry = all[{index.table, (index.unique ? "UNIQUE " : "") + index.on}];
      if (entry.shards.empty() || entry.shards.back() != &shard) entry.add(shard, index);
    }
  }
  for (const auto& [definition, shared] : all) {
    std::vector<const SurveyedShard*> without;
    for (const auto& shard : survey.shards)
      if (shard.known && shard.tables.contains(shared.index->table) && !has_as_much(shard, *shared.index))
        without.push_back(&shard);
    if (!without.empty()) out.advice.push_back(about_absent(survey, shared, without));
  }
  return out;
}

}  // namespace

Advised advise_indexes(const Survey& survey, const AdviceBounds& bounds,
                       const std::set<std::pair<std::string, std::string>>& asked) {
  Advised out = advise_invalid(survey);
  IndexNames named, kept;
  for (const auto& [names, needless] : find_needless(survey)) {
    named.insert(names.first);
    kept.insert(names.second);
    out.advice.push_back(about_needless(survey, needless));
  }
  out.add(advise_unused(survey, {bounds, asked, kept}, named));
  out.add(advise_absent(survey, named));
  return out;
}

}  // namespace shardplex
