#include "postgres/hung_backends.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "postgres/session.hpp"

namespace shardplex::postgres {
namespace {

// One that has become idle just now has answered, and its answer is on the way.
const std::string state_sql =
    "SELECT b.backend, a.state = 'idle' AND a.state_change < clock_timestamp() - interval '" +
    std::to_string(stalled_after.count()) + " ms' FROM pg_stat_activity a, LATERAL (SELECT " +
    backend_sql("a.pid") + ") b(backend) WHERE b.backend = ANY($1::text[]) AND a.state IS NOT NULL";
constexpr std::chrono::milliseconds patience{400};

std::string array_of(const std::vector<std::string>& backends) {
  std::string text = "{";
  for (const auto& backend : backends) text += (text.size() > 1 ? ",\"" : "\"") + backend + '"';
  return text + "}";
}

}  // namespace

Awaitable<void> replace_hung_backends(std::shared_ptr<Pool> pool) {
  const auto backends = pool->stalled(Clock::now(), stalled_after);
  if (backends.empty()) co_return;
  std::vector<Statement> statements;
  statements.push_back({state_sql, {array_of(backends)}});
  auto answer =
      co_await pool->execute(pool->lane_beside(backends), std::move(statements), Clock::now() + patience);
  if (!answer) co_return;  // the whole server may hang: its probes will tell
  const auto& rows = answer->front();
  const auto still = pool->stalled(Clock::now(), stalled_after);
  for (int row = 0; row < rows.rows(); ++row) {
    const std::string backend(rows.bytes(row, 0));
    if (std::ranges::find(still, backend) != still.end()) pool->judge(backend, rows.boolean(row, 1));
  }
}

}  // namespace shardplex::postgres
