#include "postgres/ownership_reader.hpp"

#include <string_view>
#include <utility>

#include "postgres/result_rows.hpp"
#include "shard_map/definitions.hpp"
#include "shard_schema/slots.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::postgres {
namespace {

std::vector<Statement> statements(std::string_view first, std::string_view second = {}) {
  std::vector<Statement> all{{std::string(first), {}}};
  if (!second.empty()) all.push_back({std::string(second), {}});
  return all;
}

Failure unfit(std::string message, std::string hint) {
  return {.kind = Failure::Kind::statement,
          .sent = true,
          .sqlstate = std::string(sqlstate_not_prepared),
          .message = std::move(message),
          .hint = std::move(hint)};
}

Failure no_identity() {
  return unfit("the shard has no identity", "Run shardplex cluster init.");
}

}  // namespace

Awaitable<Outcome<ShardOwnership>> read_ownership(Pool& pool, const ShardMap& map, Deadline deadline) {
  auto asked = statements(ownership_sql, definitions_sql);
  auto results = co_await pool.execute(Lane::read, std::move(asked), deadline);
  if (!results) co_return results.error();
  const auto stored = decoded([&] { return decode_definitions(ResultRows(results->back())); });
  if (!stored) co_return stored.error();
  if (const auto differ = differences(*stored, definitions_of(map)); !differ.empty())
    co_return unfit(differ.front(), "How keys become slots is fixed when the cluster is made.");
  auto understood = decoded([&] { return decode_ownership(ResultRows(results->front()), map); });
  if (!understood) co_return understood.error();
  auto& report = *understood;
  if (!report.has_identity) co_return no_identity();
  if (!report.unknown_states.empty())
    co_return unfit(report.unknown_states.front(),
                    "The shard was changed by a newer version of this program.");
  if (!report.slots_beyond.empty())
    co_return unfit(report.slots_beyond.front(), "The map's number of slots is not that of the shard.");
  co_return std::move(report.ownership);
}

Awaitable<Outcome<ServerStatus>> read_status(Pool& pool, Deadline deadline) {
  auto results = co_await pool.execute(Lane::read, statements(server_status_sql), deadline);
  if (!results) co_return results.error();
  auto answer = decoded([&] { return decode_server_status(ResultRows(results->front())); });
  if (!answer) co_return answer.error();
  if (!answer->has_identity) co_return std::move(answer->status);
  auto asked = statements(identity_sql, answer->has_directory ? directory_sql : std::string_view());
  if (answer->status.takes_notes) asked.push_back({std::string(timelines_sql), {}});
  auto identity = co_await pool.execute(Lane::read, std::move(asked), deadline);
  if (!identity) co_return identity.error();
  co_return decoded([&] {
    decode_identity(ResultRows(identity->front()), answer->status);
    if (answer->has_directory) answer->status.directory = decode_directory(ResultRows((*identity)[1]));
    if (answer->status.takes_notes) answer->status.noted = decode_timelines(ResultRows(identity->back()));
    return std::move(answer->status);
  });
}

Awaitable<Outcome<Epoch>> read_epoch(Pool& pool, Deadline deadline) {
  auto results = co_await pool.execute(Lane::read, statements(epoch_sql), deadline);
  if (!results) co_return results.error();
  const auto epoch = decoded([&] { return decode_epoch(ResultRows(results->front())); });
  if (!epoch) co_return epoch.error();
  if (!*epoch) co_return no_identity();
  co_return **epoch;
}

}  // namespace shardplex::postgres
