// Tables at random, with all that a shard map says of them. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/related_rows.hpp"
#include "tests/integration/sample_database.hpp"

namespace shardplex::oracle {

using integration::Random;
using integration::SampleColumn;
using integration::SampleKey;
using integration::SampleTable;

struct Group {
  std::string name;
  unsigned slots = 0;  ///< a power of two
  /// Under `list`: the column that picks a list in all tables of the group, and the values that have one. ""
  /// is `hash`.
  std::string list_column = "";
  std::vector<std::string> lists = {};
};

struct ForeignKey {
  SampleKey key;
  bool is_kept = true;  ///< by PostgreSQL; else the map declares it
  bool left_out = false;
};

/// Its first column is the shard key, or the primary key of a reference table.
struct Table {
  SampleTable sample;
  std::optional<std::size_t> group;  ///< none: a reference table
  std::vector<ForeignKey> keys = {};
  std::vector<std::vector<std::string>> also_unique = {};  ///< beside the primary key
  std::size_t tries = 0;  ///< how many rows are tried, where the first column is not distinct
};

struct View {
  SampleTable sample;  ///< its first column is the key
  std::size_t table = 0;
  std::vector<std::string> of;  ///< the table's column behind each of its own
  std::string filled = "";      ///< a column of the table that is not null in its rows; "" any are in it
};

/// What is left out of it stays in its place, so that the same draws (Random) choose the same of the rest.
struct Schema {
  std::vector<Group> groups;
  std::vector<Table> tables;  ///< each refers to itself and to those before it
  std::vector<View> views;
  bool computed = false;  ///< functions of a row, one for each column of a table
};

Schema make_schema(Random& random);

const Table* table_named(const Schema& schema, const std::string& name);

/// Whether nothing that is there needs what is left out.
bool is_sound(const Schema& schema);

/// What reads can be made of: the tables, and where `with_views` the views with their relations. Refers to
/// `schema`, which has to outlive it.
integration::SampleDatabase database_of(const Schema& schema, bool with_views);

}  // namespace shardplex::oracle
