// Tables that are related to the sample tables and to each other in every way there is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/integration/sample_database.hpp"

namespace shardplex::integration {

/// Beside the sample tables: what there is of the map, in an order in which each refers to those before it.
std::vector<const SampleTable*> related_tables(bool by_genre);
/// Views of these and of the sample tables, with the relations that they show.
std::vector<const SampleTable*> related_views(bool by_genre);
const std::vector<SampleRelation>& sample_relations();

/// SQL that makes them, and foreign keys where shards can keep them.
std::string create_related_tables(bool by_genre);
/// SQL that makes the views. The tables have the slot column by then.
std::string create_related_views(bool by_genre);
/// What a map file needs at its end to have them, the views too.
std::string related_tables_in_map(bool by_genre);
/// Of each related table its rows, one JSON object per line, for `shardplex load`. The rows of
/// sample_movies() of the same seed are those that they refer to.
std::map<std::string, std::string> make_related_rows(std::uint64_t seed);

}  // namespace shardplex::integration
