#include "router/execution/insert_batcher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <iterator>
#include <utility>

#include "shard_schema/functions.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t transactions_in_flight = 4;
constexpr std::size_t largest_transaction = 16;
constexpr auto slow_after = std::chrono::milliseconds(50);

/// For the rest of the transaction: a lock that is not had in this time is an error.
Statement limit_lock_waits() {
  return {"SELECT set_config('lock_timeout', $1, true)", {"50ms"}};
}

}  // namespace

Statement begin_write(const std::string& group, Epoch epoch) {
  return {begin_write_sql, {group, std::to_string(epoch.value)}};
}

Awaitable<InsertBatcher::Outcome> InsertBatcher::run(Kind kind, Statement statement, Deadline deadline,
                                                     CallerPtr client) {
  return completion_of<Outcome>(
      io_.get_executor(), [this, kind = std::move(kind), statement = std::move(statement), deadline,
                           client = std::move(client)](Completion<Outcome> done) mutable {
        const auto queue = queues_.try_emplace(std::move(kind)).first;
        queue->second.waiting.push_back({std::move(statement), deadline, std::move(done), std::move(client)});
        schedule(queue);
      });
}

bool InsertBatcher::may_send(const Queue& queue) const {
  if (queue.in_flight.size() < transactions_in_flight) return true;
  const auto recent = queue.in_flight.lower_bound(Clock::now() - slow_after);
  return static_cast<std::size_t>(std::distance(recent, queue.in_flight.end())) < transactions_in_flight;
}

void InsertBatcher::tick() {
  for (auto queue = queues_.begin(); queue != queues_.end(); ++queue) schedule(queue);
}

void InsertBatcher::schedule(Queues::iterator queue) {
  auto& q = queue->second;
  if (q.scheduled || q.waiting.empty() || !may_send(q)) return;
  q.scheduled = true;
  // Behind the handlers that are ready now, so that their inserts get into this transaction.
  asio::post(io_, [this, queue] {
    auto& waiting = queue->second.waiting;
    queue->second.scheduled = false;
    const auto count = std::min(waiting.size(), largest_transaction);
    const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<Insert> batch(std::make_move_iterator(waiting.begin()), std::make_move_iterator(end));
    waiting.erase(waiting.begin(), end);
    send(queue, std::move(batch));
    schedule(queue);
  });
}

void InsertBatcher::send(Queues::iterator queue, std::vector<Insert> batch) {
  const auto sent = queue->second.in_flight.insert(Clock::now());
  postgres::Job job;
  job.statements.reserve(batch.size() + 2);
  job.statements.push_back(begin_write(queue->first.group, queue->first.epoch));
  if (batch.size() > 1) job.statements.push_back(limit_lock_waits());
  job.deadline = batch.front().deadline;
  for (const auto& insert : batch) {
    job.statements.push_back(insert.statement);
    job.deadline = std::max(job.deadline, insert.deadline);
    if (insert.client) job.clients.push_back(insert.client);
  }
  const auto& pool = queue->first.pool;
  auto on_done = [this, queue, sent, batch = std::move(batch)](Outcome outcome) mutable {
    queue->second.in_flight.erase(sent);
    answer(queue, batch, std::move(outcome));
    schedule(queue);
    if (queue->second.waiting.empty() && queue->second.in_flight.empty()) queues_.erase(queue);
  };
  job.done = Completion<Outcome>(std::move(on_done), io_.get_executor());
  pool->submit(postgres::Lane::write, std::move(job));
}

void InsertBatcher::answer(Queues::iterator queue, std::vector<Insert>& batch, Outcome outcome) {
  if (outcome) {
    const auto first = outcome->size() - batch.size();  // behind what every transaction begins with
    for (std::size_t i = 0; i < batch.size(); ++i) {
      std::vector<postgres::ResultSet> own;
      own.push_back(std::move((*outcome)[first + i]));
      batch[i].done(Outcome(std::move(own)));
    }
    return;
  }
  const auto failure = outcome.error();
  if (failure.kind == postgres::Failure::Kind::statement && batch.size() > 1) {
    for (auto& insert : batch) {
      std::vector<Insert> alone;
      alone.push_back(std::move(insert));
      send(queue, std::move(alone));
    }
    return;
  }
  for (auto& insert : batch) insert.done(Outcome(failure));
}

}  // namespace shardplex::router
