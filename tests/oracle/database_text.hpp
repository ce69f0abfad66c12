// A schema and its rows as databases and routers take them. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/integration/slot_mover.hpp"
#include "tests/oracle/rows.hpp"
#include "tests/oracle/schema.hpp"

namespace shardplex::oracle {

struct TableText {
  std::string name;
  std::vector<std::string> primary_key;
  std::string ndjson;  ///< its rows, for `shardplex load`
};

struct DatabaseText {
  /// CREATE TYPE and CREATE TABLE; and the same with the columns of each table the other way round, since
  /// shards may differ in their order.
  std::string tables_sql, reversed_sql;
  /// CREATE VIEW and CREATE FUNCTION, for when tables have slots.
  std::string views_sql;
  /// The shard map, with a line `@shards` in place of the servers and `@placement SLOTS` in place of who owns
  /// that many.
  std::string map;
  std::vector<TableText> tables;  ///< each refers to those before it
  std::vector<integration::MovedGroup> groups;
};

DatabaseText text_of(const Schema& schema, const Rows& rows);

/// The shard map for these shards, each a name and the connection string of its primary.
std::string map_for(const std::string& map, const std::vector<std::pair<std::string, std::string>>& shards);

}  // namespace shardplex::oracle
