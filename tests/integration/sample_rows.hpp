// Rows and literals that databases trip over: nulls, NaN, infinities, ties, every kind of quote.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

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

  bool sortable() const { return kind < Kind::array; }
};

struct SampleTable {
  std::string name;
  std::vector<SampleColumn> columns;
  std::vector<std::string> primary_key;
};

const SampleTable& sample_movies();
const SampleTable& sample_ratings();
const SampleTable& sample_genres();

/// The types that added columns need.
std::string create_sample_types();
/// ALTER TABLE … ADD COLUMN of the added columns of movies, in this order or the other way round.
std::string add_sample_columns(bool reversed);

/// The function of a row that gives what the column has.
std::string computed_name(const SampleColumn& column);
/// CREATE FUNCTION of it for each column of the sample tables, which have all of their columns.
std::string create_computed_columns();

using Random = std::mt19937_64;

template <class T>
const T& pick(Random& random, const std::vector<T>& from) {
  return from[random() % from.size()];
}
/// True in `percent` of 100 cases.
inline bool chance(Random& random, unsigned percent) {
  return random() % 100 < percent;
}

/// One JSON object per line, for `shardplex load`. The same seed always gives the same rows.
std::string make_rows(const SampleTable& table, std::uint64_t seed);

}  // namespace shardplex::integration
