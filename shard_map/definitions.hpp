// How keys become slots, in words that the shards keep: a map that would look for rows in other slots than
// they were stored in is told from one that would not.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/shard_map.hpp"

namespace shardplex {

/// Subject ("group catalog", "table movies") to its definition: slot count and strategy of a group, group and
/// key of a table. Two definitions of a subject are equal texts exactly where every key has the same slot.
/// Placement and servers are no part of it.
using Definitions = std::map<std::string, std::string>;

Definitions definitions_of(const ShardMap& map);

/// Those that decide the slots of one table: its own and that of its group.
Definitions definitions_of(const TablePlacement& table, const ShardMap& map);

/// The subject under which the form of a table's keys is kept ("key movies"), beside what the map says: only
/// the tables themselves tell it.
std::string key_subject(std::string_view table);

/// The subject under which the labels of a column that decides slots are kept, where it is an enum (labels
/// movies "mood"): rows were placed by their texts, and PostgreSQL can give a label another one. Labels are
/// added.
std::string labels_subject(std::string_view table, const std::string& column);

/// Labels in their order as such a definition, and back.
std::string labels_definition(const std::vector<std::string>& labels);
std::vector<std::string> read_labels(const std::string& definition);

/// By table, of stored definitions: the form of its keys, which of several columns has one word for each
/// ("integer,text").
std::map<std::string, std::string, std::less<>> key_forms_of(const Definitions& stored);

/// A sentence for each subject that both define, and differently. A subject that only one of them has is no
/// difference: groups and tables may be added.
std::vector<std::string> differences(const Definitions& stored, const Definitions& wanted);

}  // namespace shardplex
