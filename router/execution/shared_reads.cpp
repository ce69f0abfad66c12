#include "router/execution/shared_reads.hpp"

#include <algorithm>
#include <utility>

namespace shardplex::router {
namespace {

constexpr std::size_t statements_in_flight = 2;

/// Equal for equal servers, SQL and values only: each part is preceded by its length.
std::string key_of(const postgres::Pool* pool, const Statement& statement) {
  std::string key = std::to_string(reinterpret_cast<std::uintptr_t>(pool));
  const auto add = [&key](const std::string& part) {
    key += ':';
    key += std::to_string(part.size());
    key += ':';
    key += part;
  };
  add(statement.sql);
  for (const auto& param : statement.params) param ? add(*param) : void(key += ":null");
  // No parameters: the same SQL has as many of them.
  for (const auto* setting : {&statement.time_zone, &statement.search_path})
    *setting ? add(**setting) : void(key += ":none");
  if (const auto* request = statement.request.get())
    for (const auto* part : {&request->method, &request->path, &request->headers, &request->cookies})
      add(*part);
  return key;
}

}  // namespace

Awaitable<postgres::Outcome<SharedRows>> SharedReads::read(std::shared_ptr<postgres::Pool> pool,
                                                           Statement statement, Deadline deadline,
                                                           CallerPtr client) {
  return completion_of<postgres::Outcome<SharedRows>>(
      io_.get_executor(), [this, pool = std::move(pool), statement = std::move(statement), deadline,
                           client = std::move(client)](Waiter done) mutable {
        const auto entry = entries_.try_emplace(key_of(pool.get(), statement)).first;
        auto& e = entry->second;
        if (!e.pool) {
          e.pool = std::move(pool);
          e.statement = std::move(statement);
        }
        e.deadline = e.waiting.empty() ? deadline : std::max(e.deadline, deadline);
        e.waiting.push_back(std::move(done));
        if (client) e.clients.push_back(std::move(client));
        if (e.in_flight < statements_in_flight) send(entry);
      });
}

void SharedReads::send(Entries::iterator entry) {
  using Sets = postgres::Outcome<std::vector<postgres::ResultSet>>;
  auto& e = entry->second;
  ++e.in_flight;
  // The key is copied: other entries may move this one about in the table.
  auto on_done = [this, key = entry->first, waiters = std::exchange(e.waiting, {})](Sets outcome) mutable {
    SharedRows rows;
    if (outcome) rows = std::make_shared<const postgres::ResultSet>(std::move(outcome->front()));
    for (auto& waiter : waiters)
      outcome ? waiter(postgres::Outcome<SharedRows>(rows))
              : waiter(postgres::Outcome<SharedRows>(outcome.error()));
    const auto mine = entries_.find(key);
    --mine->second.in_flight;
    if (!mine->second.waiting.empty())
      send(mine);
    else if (mine->second.in_flight == 0)
      entries_.erase(mine);
  };
  postgres::Job job;
  job.statements.push_back(e.statement);
  job.deadline = e.deadline;
  job.clients = std::exchange(e.clients, {});
  job.done = Completion<Sets>(std::move(on_done), io_.get_executor());
  e.pool->submit(lane_, std::move(job));
}

}  // namespace shardplex::router
