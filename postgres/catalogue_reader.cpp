#include "postgres/catalogue_reader.hpp"

#include <utility>
#include <vector>

#include "postgres/result_rows.hpp"
#include "shard_schema/catalogue_rows.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::postgres {
namespace {

std::vector<Statement> statements(std::string_view first, std::string_view second = {}) {
  std::vector<Statement> all{{std::string(first), {}}};
  if (!second.empty()) all.push_back({std::string(second), {}});
  return all;
}

}  // namespace

/// The fingerprint comes first: what changes between the two is then found with the next one.
Awaitable<Outcome<ReadCatalogue>> read_catalogue(Pool& pool, Deadline deadline) {
  auto asked = statements(catalogue_fingerprint_sql, catalogue_sql);
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

Awaitable<Outcome<std::string>> read_catalogue_fingerprint(Pool& pool, Deadline deadline) {
  const auto results = co_await pool.execute(Lane::read, statements(catalogue_fingerprint_sql), deadline);
  if (!results) co_return results.error();
  co_return decoded([&] { return decode_fingerprint(ResultRows(results->front())); });
}

}  // namespace shardplex::postgres
