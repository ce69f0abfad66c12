// Rows and literals that databases trip over: nulls, NaN, infinities, ties, every kind of quote.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/random.hpp"

namespace shardplex::integration {

/// What can be asked about a column.
enum class Kind : std::uint8_t {
  number,
  text,
  boolean,
  moment,  ///< date, time, timestamp, interval
  enumeration,
  uuid,
  bytes,
  array,
  range,
  json,          ///< jsonb
  written_json,  ///< json, which has no operators
  search,        ///< tsvector
  other,         ///< a type that is shown and compared, and whose order shards do not know
};

struct SampleColumn {
  std::string name;
  std::string type;
  Kind kind;
  /// Values as PostgreSQL reads them, and the literals that filters use; equal and nearly equal ones on
  /// purpose.
  std::vector<std::string> values;
  int nulls = 20;         ///< of 100 rows
  bool added = false;     ///< the test adds it to the table of config/schema/movies.sql
  bool distinct = false;  ///< row n has value n
  /// Groups by it look and come in one way: its equal values look alike, and shards know their order.
  bool groups_one_way = true;
  bool left_out = false;  ///< it is not there: what draws it draws in vain (LeftOut)

  bool sortable() const { return kind < Kind::array; }
};

/// A generator has drawn what was left out of its database.
struct LeftOut : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct SampleTable {
  std::string name;
  std::vector<SampleColumn> columns;
  std::vector<std::string> primary_key;
  std::string list_column = "";                 ///< it decides the slot, beside the first column
  std::vector<std::string> told_apart_by = {};  ///< where there is no primary key: these tell rows apart
  bool left_out = false;                        ///< as of a column
  std::string view_sql = "";                    ///< of a view: its definition, but for the slot, which is m's
};

const SampleTable& sample_movies();
const SampleTable& sample_ratings();
const SampleTable& sample_genres();

/// Texts that a database may trip over, each once.
const std::vector<std::string>& sample_texts();

/// The types that added columns need.
std::string create_sample_types();
/// ALTER TABLE … ADD COLUMN of the added columns of movies, in this order or the other way round.
std::string add_sample_columns(bool reversed);

/// The function of a row that gives what the column has.
std::string computed_name(const SampleColumn& column);
/// CREATE FUNCTION of it for each column of a table that is there.
std::string create_computed_columns(const std::vector<const SampleTable*>& tables);
/// The same for the sample tables.
std::string create_computed_columns();

/// One JSON object per line, for `shardplex load`. The same seed always gives the same rows.
std::string make_rows(const SampleTable& table, std::uint64_t seed);

}  // namespace shardplex::integration
