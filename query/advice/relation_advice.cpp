#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "query/advice/placement_advice.hpp"
#include "query/catalogue/find_relation.hpp"
#include "query/catalogue/relations.hpp"
#include "query/plan/locality.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex {
namespace {

constexpr std::uint64_t rows_of_reference_table = 10'000;  // over all shards

bool is_under_hash(const ShardMap& map, const TablePlacement& placement) {
  return placement.group && std::holds_alternative<HashStrategy>(map.group(*placement.group).strategy);
}

/// A table that could be placed beside another's rows, or be on every shard.
struct PlacedBeside {
  std::string table, column;  ///< "" of a reference table
  std::string other;          ///< the table that it is beside
  auto operator<=>(const PlacedBeside&) const = default;
};

struct RelatedCalls {
  std::vector<const TablePattern*> patterns{};
  std::uint64_t calls = 0;
};

std::optional<std::uint64_t> all_rows(const Survey& survey, const std::string& table) {
  std::uint64_t sum = 0;
  for (const auto& shard : survey.shards) {
    const auto found = shard.tables.find(table);
    if (found == shard.tables.end() || !found->second.rows) return std::nullopt;
    sum += *found->second.rows;
  }
  return sum;
}

/// By which column one of two related tables could be placed so that its rows are beside the other's.
std::optional<PlacedBeside> placed_beside(const Relation& relation, const AdvisedCluster& cluster) {
  const auto* table = cluster.map.find_table(relation.table);
  const auto* foreign = cluster.map.find_table(relation.foreign_table);
  if (!table || !foreign || relation.junction || relation.is_self()) return std::nullopt;
  if (is_local(relation, cluster.map)) return std::nullopt;
  if (!is_under_hash(cluster.map, *table) || !is_under_hash(cluster.map, *foreign)) return std::nullopt;
  if (relation.is_to_one()) {
    const auto rows = all_rows(cluster.survey, foreign->name);
    const auto use = use_of(cluster.survey, foreign->name);
    if (rows && *rows <= rows_of_reference_table && use.writes <= use.index_scans + use.whole_reads)
      return PlacedBeside{foreign->name, "", table->name};
  }
  for (const auto& pair : relation.columns) {
    if (table->key.is(pair.column)) return PlacedBeside{foreign->name, pair.foreign_column, table->name};
    if (foreign->key.is(pair.foreign_column)) return PlacedBeside{table->name, pair.column, foreign->name};
  }
  return std::nullopt;
}

/// The name in the catalogue of what an embed in `parent` calls so.
std::string in_schema_of(const Table& parent, std::string_view relation) {
  return make_map_name(parent.schema, relation);
}

using Found = std::map<PlacedBeside, RelatedCalls>;

void find_in(const TablePattern& pattern, const ReadNode& node, const Table& parent,
             const Relations& relations, const AdvisedCluster& cluster, Found& found) {
  for (const auto& embed : node.embeds) {
    auto relation = find_relation(relations, parent, embed.relation, embed.hint);
    if (!relation)
      relation = find_relation(relations, parent, in_schema_of(parent, embed.relation), embed.hint);
    if (!relation) continue;
    if (auto place = placed_beside(**relation, cluster)) {
      auto& entry = found[*place];
      const bool is_new = entry.patterns.empty() || entry.patterns.back() != &pattern;
      if (is_new) {
        entry.patterns.push_back(&pattern);
        entry.calls += pattern.counts().calls;
      }
    }
    if (const auto* table = cluster.catalogue.find((*relation)->foreign_table))
      find_in(pattern, embed.rows, *table, relations, cluster, found);
  }
}

std::uint64_t calls_by_key_of(const std::vector<TablePattern>& patterns, const std::string& table) {
  std::uint64_t calls = 0;
  for (const auto& pattern : patterns)
    if (pattern.table == table && pattern.is_narrowed) calls += pattern.counts().calls;
  return calls;
}

std::vector<Evidence> evidence_of_calls(const RelatedCalls& related) {
  auto patterns = related.patterns;
  std::ranges::stable_sort(patterns, [](const TablePattern* a, const TablePattern* b) {
    return a->counts().time_us > b->counts().time_us;
  });
  std::vector<Evidence> evidence;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, patterns.size()); ++i)
    evidence.push_back(evidence_of(*patterns[i]->pattern));
  return evidence;
}

void add_steps(Advice& advice, const std::string& table, const std::string& placement) {
  advice.steps.push_back(
      {{}, "tables: { " + table + ": { " + placement + " } }  # in NEW.yaml, a map of new databases"});
  advice.steps.push_back({{}, "shardplex cluster init --map NEW.yaml --schema SCHEMA.sql"});
  advice.steps.push_back({{}, "shardplex load --map NEW.yaml --table " + table + " ROWS.ndjson"});
}

Advice about_reference_table(const PlacedBeside& place, const RelatedCalls& related,
                             const AdvisedCluster& cluster) {
  Advice advice{AdviceKind::reference_table,
                place.table,
                "Rows of " + place.table + " that are embedded in " + place.other +
                    " are looked up on other shards: as a reference table it would be on each.",
                evidence_of_calls(related),
                {},
                {}};
  const auto use = use_of(cluster.survey, place.table);
  advice.evidence.push_back(
      {"pg_class and pg_stat_user_tables of the shards",
       place.table + ": " + counted(all_rows(cluster.survey, place.table).value_or(0), "row") + " in all, " +
           counted(use.writes, "row") + " written, " + counted(use.index_scans + use.whole_reads, "scan"),
       counted_since(cluster.survey)});
  advice.costs =
      "Each shard holds all of it. Reference tables are not written over HTTP by this version, but by "
      "`shardplex load` and by SQL. Rows have to be loaded into databases that are made with the new map.";
  add_steps(advice, place.table, "reference: true");
  return advice;
}

Advice about_neighbour(const PlacedBeside& place, const RelatedCalls& related, const AdvisedCluster& cluster,
                       std::uint64_t calls_by_key) {
  const auto& group = cluster.map.group(*cluster.map.find_table(place.other)->group).name;
  const auto key = joined(cluster.map.find_table(place.table)->key.names());
  Advice advice{AdviceKind::related_elsewhere,
                place.table,
                "Rows of " + place.table + " and " + place.other +
                    " that are embedded in each other are looked up on other shards: placed by " +
                    place.column + ", in group " + group + ", " + place.table + " would be beside them.",
                evidence_of_calls(related),
                {},
                {}};
  advice.evidence.push_back({"/patterns of the routers",
                             counted(related.calls, "call") + " that embed them, " +
                                 counted(calls_by_key, "call") + " by what decides the shard of " +
                                 place.table + " now",
                             "the routers started"});
  advice.costs =
      "Calls that name " + key + " of " + place.table + " then ask all shards, and what is unique without " +
      place.column +
      " is so within each shard only. Rows have to be loaded into databases that are made with the new map.";
  add_steps(advice, place.table, "group: " + group + ", key: " + place.column);
  return advice;
}

}  // namespace

Advised advise_relations(const std::vector<TablePattern>& patterns, const AdvisedCluster& cluster) {
  Advised out;
  if (cluster.map.shards().size() < 2) return out;
  const Relations relations(cluster.catalogue, declared_keys(cluster.map));
  Found found;
  for (const auto& pattern : patterns)
    find_in(pattern, pattern.request.query, *pattern.columns, relations, cluster, found);
  for (const auto& [place, related] : found) {
    if (related.calls < cluster.bounds.least_calls) continue;
    if (place.column.empty()) {
      out.advice.push_back(about_reference_table(place, related, cluster));
      continue;
    }
    const auto calls_by_key = calls_by_key_of(patterns, place.table);
    if (calls_by_key < related.calls)
      out.advice.push_back(about_neighbour(place, related, cluster, calls_by_key));
    else
      out.not_judged.push_back("whether " + place.table + " should be placed by " + place.column +
                               ": as many calls and more name what decides its shard now");
  }
  return out;
}

}  // namespace shardplex
