// What the servers of a cluster say of their tables and indexes and of how these are used.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardplex {

/// An index of a table of the map, as one shard has it.
struct SurveyedIndex {
  std::string table;  ///< as the map calls it
  std::string name;
  std::string schema;  ///< of both
  /// What follows its name in CREATE INDEX … ON, with all names in full: equal texts are equal indexes.
  std::string on;
  bool unique = false;
  bool valid = true;
  bool busy = false;  ///< somebody holds the lock of CREATE INDEX CONCURRENTLY, or VACUUM, on the table
  bool primary = false;
  std::string constraint;             ///< "PRIMARY KEY (id)": of the constraint that it is of; "" without one
  bool has_dependents = false;        ///< a constraint goes by it: its own, or foreign keys that lead to it
  bool replica_identity = false;      ///< or the table is clustered by it
  std::string method;                 ///< "btree"
  std::vector<std::string> keys;      ///< each with its operator class, collation and direction
  std::vector<std::string> columns;   ///< by key, the column that it is; "" for an expression
  std::vector<std::string> included;  ///< columns that are kept beside the keys
  std::string predicate;              ///< "" where it has all rows
  std::uint64_t bytes = 0;
  std::optional<double> days = std::nullopt;  ///< since it was made; nullopt where the server does not say

  bool operator==(const SurveyedIndex&) const = default;
};

struct SurveyedTable {
  std::optional<std::uint64_t> rows;  ///< an estimate; nullopt: never analysed
  std::map<std::string, double>
      distinct;  ///< pg_stats.n_distinct by column: below 0 it is a share of the rows
};

/// How often one server has used a table.
struct TableUse {
  std::uint64_t whole_reads = 0;    ///< sequential scans
  std::uint64_t rows_of_those = 0;  ///< that these have read
  std::uint64_t index_scans = 0;    ///< of all its indexes
  std::uint64_t writes = 0;         ///< rows inserted, updated and deleted
  bool operator==(const TableUse&) const = default;
};

/// What one server has counted.
struct ServerUse {
  std::string server;  ///< "alpha 10.0.0.1:5432/movies"
  std::string since;   ///< 2026-11-20T08:00:00Z
  double days = 0;     ///< from then to now
  std::map<std::string, TableUse> tables;
  std::map<std::pair<std::string, std::string>, std::uint64_t> index_scans;  ///< by table and index
};

struct SurveyedShard {
  std::string name;
  bool known = false;       ///< some server has told tables and indexes
  bool by_primary = false;  ///< that server is the primary
  std::map<std::string, SurveyedTable> tables;
  std::vector<SurveyedIndex> indexes;
  std::vector<ServerUse> uses;      ///< of the servers that answered
  std::vector<std::string> silent;  ///< servers of the map that did not
};

/// By shard, in the order of the map.
struct Survey {
  std::vector<SurveyedShard> shards;
};

/// What all servers that answered have counted of a table.
TableUse use_of(const Survey& survey, const std::string& table);

/// The most rows that a shard has of the table; nullopt where none says.
std::optional<std::uint64_t> most_rows(const Survey& survey, const std::string& table);

/// The latest beginning of what servers have counted, or "" where none answered.
std::string counted_since(const Survey& survey);

/// How many servers have answered.
std::size_t servers_heard(const Survey& survey);

}  // namespace shardplex
