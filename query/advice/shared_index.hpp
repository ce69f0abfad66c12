// Indexes of the same definition on several shards, and what one of them does for another. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "query/advice/survey.hpp"

namespace shardplex {

/// An index as several shards have it. Lifetime: refers to the survey.
struct SharedIndex {
  const SurveyedIndex* index = nullptr;  ///< as the first of them has it
  std::vector<const SurveyedShard*> shards{};
  std::vector<const SurveyedIndex*> each{};  ///< by those shards

  void add(const SurveyedShard& shard, const SurveyedIndex& its);
  std::vector<std::string> names() const;  ///< of the shards
  std::uint64_t bytes() const;             ///< on all of them
  std::uint64_t scans() const;             ///< by all their servers
};

/// Table, name, and definition.
using IndexName = std::tuple<std::string, std::string, std::string>;
using IndexNames = std::set<IndexName>;

IndexName name_of_index(const SurveyedIndex& index);
std::map<IndexName, SharedIndex> indexes_by_name(const Survey& survey);

/// SQL that drops it, and that makes it, without blocking writes; as a constraint where it is one. `name`: ""
/// leaves that to PostgreSQL.
std::string drop_index_sql(const SurveyedIndex& index);
std::string create_index_sql(const SurveyedIndex& index, const std::string& name);
std::string qualified_index_name(const SurveyedIndex& index);

/// It begins with the slot column, which moves need.
bool is_of_slots(const SurveyedIndex& index);

/// Whether nothing but reads and the uniqueness of values would miss it.
bool can_be_dropped(const SurveyedIndex& index);

/// How often the shard's servers have scanned it.
std::uint64_t scans_of(const SurveyedShard& shard, const SurveyedIndex& index);

/// Whether `other` serves all reads that `index` serves, and keeps unique what it does.
bool does_all_of(const SurveyedIndex& other, const SurveyedIndex& index);

}  // namespace shardplex
