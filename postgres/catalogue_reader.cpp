#include "postgres/catalogue_reader.hpp"

#include <optional>
#include <span>
#include <utility>

#include "postgres/result_rows.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/catalogue_rows.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::postgres {
namespace {

std::vector<Statement> statements(std::string_view only) {
  std::vector<Statement> all{{std::string(only), {}}};
  return all;
}

Statement of_schemas(const std::string& sql, const std::vector<std::string>& schemas) {
  Statement statement{sql, {}};
  statement.params.emplace_back(array_literal(std::span<const std::string>(schemas)));
  return statement;
}

}  // namespace

/// The fingerprint comes first: what changes between the two is then found with the next one.
Awaitable<Outcome<ReadCatalogue>> read_catalogue(Pool& pool, Deadline deadline,
                                                 const std::vector<std::string>& schemas) {
  std::vector<Statement> asked;
  asked.push_back(of_schemas(catalogue_fingerprint_sql, schemas));
  asked.push_back(of_schemas(catalogue_sql, schemas));
  auto results = co_await pool.execute(Lane::read, std::move(asked), deadline);
  if (!results) co_return results.error();
  auto read = decoded([&] {
    return ReadCatalogue{decode_catalogue(ResultRows(results->back())),
                         decode_fingerprint(ResultRows(results->front()))};
  });
  if (!read) co_return read.error();
  const auto definitions = co_await pool.execute(Lane::read, statements(definitions_sql), deadline);
  if (!definitions) {
    // A database that is no shard, or one whose definitions this role may not read.
    if (definitions.error().kind == Failure::Kind::statement) co_return std::move(*read);
    co_return definitions.error();
  }
  co_return decoded([&] {
    read->catalogue.definitions = decode_definitions(ResultRows(definitions->front()));
    return std::move(*read);
  });
}

Awaitable<Outcome<std::string>> read_catalogue_fingerprint(Pool& pool, Deadline deadline,
                                                           const std::vector<std::string>& schemas) {
  std::vector<Statement> asked;
  asked.push_back(of_schemas(catalogue_fingerprint_sql, schemas));
  const auto results = co_await pool.execute(Lane::read, std::move(asked), deadline);
  if (!results) co_return results.error();
  co_return decoded([&] { return decode_fingerprint(ResultRows(results->front())); });
}

}  // namespace shardplex::postgres
