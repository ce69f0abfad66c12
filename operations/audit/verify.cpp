#include "operations/audit/verify.hpp"

#include <chrono>
#include <future>
#include <utility>

#include "operations/audit/verify_scope.hpp"
#include "operations/process/progress.hpp"
#include "operations/shard/primary.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr std::chrono::milliseconds tick{50};

/// Bytes of the tables on all shards, as a scan counts them.
std::uint64_t bytes_to_read(const VerifyScope& scope, const Connections& shards) {
  std::uint64_t bytes = 0;
  for (const auto& connection : shards) {
    pqxx::nontransaction transaction(*connection);
    for (const auto* table : scope.tables)
      if (!table->reference)
        bytes += transaction
                     .exec_params1("SELECT coalesce(pg_relation_size(to_regclass($1)), 0)",
                                   quote_map_name(table->name))[0]
                     .as<std::uint64_t>();
  }
  return bytes;
}

/// Verifies on other threads, and shows on this one how far it is.
void verify_all(const VerifyScope& scope, const Connections& shards, const Terminal& terminal) {
  Progress progress(terminal, bytes_to_read(scope, shards), Progress::Clock::now());
  auto rows = std::async(std::launch::async, [&scope] { verify_rows(scope); });
  auto others = std::async(std::launch::async, [&] {
    verify_ownership(scope, shards);
    verify_copies(scope, shards);
    verify_leftovers(scope, shards);
  });
  for (auto* one : {&rows, &others})
    while (one->wait_for(tick) != std::future_status::ready)
      progress.show(scope.watch.rows, scope.watch.bytes, Progress::Clock::now());
  rows.get();
  others.get();
}

}  // namespace

void verify_cluster(const ShardMap& map, const VerifyRequest& request, const Terminal& terminal,
                    Verification& found) {
  ScanWatch watch;
  const auto start = Progress::Clock::now();
  VerifyScope scope{map, {}, request.tables, request.slots, request.jobs, watch, found.findings};
  Connections shards;
  for (auto& primary : find_primaries(map)) {
    scope.primaries.push_back(std::move(primary.conninfo));
    shards.push_back(std::move(primary.connection));
  }
  verify_all(scope, shards, terminal);
  found.seconds = std::chrono::duration<double>(Progress::Clock::now() - start).count();
  found.rows = watch.rows;
}

}  // namespace shardplex::operations
