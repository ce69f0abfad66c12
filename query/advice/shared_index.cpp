#include "query/advice/shared_index.hpp"

#include <algorithm>
#include <cstddef>

#include "query/plan/sql.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

void SharedIndex::add(const SurveyedShard& shard, const SurveyedIndex& its) {
  if (index == nullptr) index = &its;
  shards.push_back(&shard);
  each.push_back(&its);
}

std::vector<std::string> SharedIndex::names() const {
  std::vector<std::string> all;
  for (const auto* shard : shards) all.push_back(shard->name);
  return all;
}

std::uint64_t SharedIndex::bytes() const {
  std::uint64_t sum = 0;
  for (const auto* one : each) sum += one->bytes;
  return sum;
}

std::uint64_t SharedIndex::scans() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) sum += scans_of(*shards[i], *each[i]);
  return sum;
}

std::map<IndexName, SharedIndex> indexes_by_name(const Survey& survey) {
  std::map<IndexName, SharedIndex> all;
  for (const auto& shard : survey.shards)
    for (const auto& index : shard.indexes) all[name_of_index(index)].add(shard, index);
  return all;
}

IndexName name_of_index(const SurveyedIndex& index) {
  return {index.table, index.name, (index.unique ? "UNIQUE " : "") + index.on};
}

std::string qualified_index_name(const SurveyedIndex& index) {
  return quote_identifier(index.schema) + '.' + quote_identifier(index.name);
}

std::string drop_index_sql(const SurveyedIndex& index) {
  return "DROP INDEX CONCURRENTLY " + qualified_index_name(index) + ';';
}

std::string create_index_sql(const SurveyedIndex& index, const std::string& name) {
  if (!index.constraint.empty())
    return "ALTER TABLE " + quote_map_name(index.table) + " ADD CONSTRAINT " + quote_identifier(name) + ' ' +
           index.constraint + ';';
  return std::string("CREATE ") + (index.unique ? "UNIQUE " : "") + "INDEX CONCURRENTLY " +
         (name.empty() ? "" : quote_identifier(name) + ' ') + "ON " + index.on + ';';
}

bool is_of_slots(const SurveyedIndex& index) {
  return !index.columns.empty() && index.columns.front() == slot_column;
}

bool can_be_dropped(const SurveyedIndex& index) {
  return !index.primary && !index.has_dependents && !index.replica_identity && !is_of_slots(index);
}

std::uint64_t scans_of(const SurveyedShard& shard, const SurveyedIndex& index) {
  std::uint64_t sum = 0;
  for (const auto& use : shard.uses)
    if (const auto found = use.index_scans.find({index.table, index.name}); found != use.index_scans.end())
      sum += found->second;
  return sum;
}

bool does_all_of(const SurveyedIndex& other, const SurveyedIndex& index) {
  if (!other.valid || other.table != index.table) return false;
  if (other.on == index.on && other.unique == index.unique) return true;
  if (index.unique || index.method != "btree" || other.method != "btree") return false;
  if (other.predicate != index.predicate || other.keys.size() < index.keys.size()) return false;
  if (!std::equal(index.keys.begin(), index.keys.end(), other.keys.begin())) return false;
  return std::ranges::all_of(index.included, [&](const std::string& column) {
    return contains_name(other.included, column) || contains_name(other.columns, column);
  });
}

}  // namespace shardplex
