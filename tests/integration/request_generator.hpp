// Random reads, each as a URL and, built apart from it, as the SQL that one PostgreSQL answers it with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/http_client.hpp"
#include "tests/integration/sample_database.hpp"

namespace shardplex::integration {

struct ReadRequest {
  std::string method = "GET";
  std::string target;
  Headers headers;

  /// The rows of the answer, in its order: SELECT … FROM … WHERE … ORDER BY … LIMIT … OFFSET ….
  std::string rows_sql;
  /// How many rows match, whatever page was asked for.
  std::string count_sql;
  std::uint64_t offset = 0;
  bool counts = false;                                                           ///< Prefer: count=exact
  bool groups = false;                                                           ///< of aggregates
  bool object = false;                                                           ///< one row, not an array
  bool row = false;                                                              ///< /table/{key}
  enum class Format { json, stripped_json, csv, ndjson } format = Format::json;  ///< of the rows
  /// Each filter and selected value by itself, as a statement: where several are wrong, the router and
  /// PostgreSQL need not find the same one first.
  std::vector<std::string> parts_sql;
  /// Some rows may fail a cast, each in its own way.
  bool may_fail = false;
  /// Set where the request is refused before any SQL, with this code.
  std::optional<std::string> refusal;
  /// The same where it is so over several shards only.
  std::optional<std::string> refusal_over_shards;
  /// Both for requests that are refused in CSV alone.
  std::optional<std::string> refusal_in_csv, refusal_in_csv_over_shards;

  std::string describe() const;
};

/// A read of one table's or view's rows.
ReadRequest read_of(const SampleDatabase& database, Random& random);
/// One of aggregates, of groups or of all rows that match.
ReadRequest group_read_of(const SampleDatabase& database, Random& random);
/// Either, most of whose columns are computed ones (create_computed_columns()).
ReadRequest computed_read_of(const SampleDatabase& database, Random& random, bool groups);

/// Those of the sample tables. The same seed always gives the same request.
ReadRequest make_read(std::uint64_t seed);
/// A read of aggregates, of groups or of all rows that match.
ReadRequest make_group_read(std::uint64_t seed);
/// One or the other, most of whose columns are computed ones (create_computed_columns()).
ReadRequest make_computed_read(std::uint64_t seed);

}  // namespace shardplex::integration
