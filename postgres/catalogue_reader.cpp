#include "postgres/catalogue_reader.hpp"

#include <utility>
#include <vector>

#include "postgres/result_rows.hpp"
#include "shard_schema/catalogue_rows.hpp"

namespace shardplex::postgres {

Awaitable<Outcome<ShardCatalogue>> read_catalogue(Pool& pool, Deadline deadline) {
  std::vector<Statement> statements{{catalogue_sql, {}}};
  auto results = co_await pool.execute(Lane::read, std::move(statements), deadline);
  if (!results) co_return results.error();
  co_return decode_catalogue(ResultRows(results->front()));
}

}  // namespace shardplex::postgres
