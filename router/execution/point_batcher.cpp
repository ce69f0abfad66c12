#include "router/execution/point_batcher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "query/plan/sql.hpp"
#include "router/execution/row_values.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t batches_in_flight = 2;
constexpr std::size_t largest_batch = 256;
constexpr std::size_t counted_from = 16 * 1024;  // bytes of a row; smaller ones are not worth counting

/// Row `number` of what the statement of `kind` has given. A big row that many ask for is made for as many of
/// them as there is memory for.
PointOutcome point_row(const PointBatcher::Kind& kind, const postgres::ResultSet& rows, int number) {
  PointRow row{{}, Reservation(kind.pool->memory())};
  const auto short_of_memory = [] {
    return postgres::Failure{
        .kind = postgres::Failure::Kind::no_memory, .sent = true, .message = "the memory budget is spent"};
  };
  const auto most = row.memory.most();
  if (!append_row(row.json, kind.shape->row, rows, number, 1, most))
    return row.json.size() > most ? short_of_memory() : other_tables();
  if (row.json.size() >= counted_from && !row.memory.resize(row.json.size())) return short_of_memory();
  return std::optional(std::move(row));
}

}  // namespace

PointBatcher::PointBatcher(asio::io_context& io, WorkerMetrics& metrics) : io_(io), metrics_(metrics) {}
PointBatcher::~PointBatcher() = default;

Awaitable<PointOutcome> PointBatcher::read(Kind kind, std::string key, Deadline deadline) {
  return completion_of<PointOutcome>(io_.get_executor(), [this, kind = std::move(kind), key = std::move(key),
                                                          deadline](Completion<PointOutcome> done) mutable {
    const auto queue = queues_.try_emplace(std::move(kind)).first;
    auto& q = queue->second;
    q.deadline = q.waiting.empty() ? deadline : std::max(q.deadline, deadline);
    q.waiting.push_back({std::move(key), std::move(done)});
    schedule(queue);
  });
}

void PointBatcher::schedule(Queues::iterator queue) {
  auto& q = queue->second;
  if (q.scheduled || q.waiting.empty() || q.in_flight >= batches_in_flight) return;
  q.scheduled = true;
  // Behind the handlers that are ready now, so that their reads get into this batch.
  asio::post(io_, [this, queue] {
    queue->second.scheduled = false;
    send(queue);
  });
}

void PointBatcher::send(Queues::iterator queue) {
  auto& q = queue->second;
  std::vector<Waiter> batch;
  if (q.waiting.size() <= largest_batch) {
    batch = std::exchange(q.waiting, {});
  } else {
    const auto end = q.waiting.begin() + static_cast<std::ptrdiff_t>(largest_batch);
    batch.assign(std::make_move_iterator(q.waiting.begin()), std::make_move_iterator(end));
    q.waiting.erase(q.waiting.begin(), end);
  }
  send(queue, std::move(batch), q.deadline);
  schedule(queue);
}

void PointBatcher::send(Queues::iterator queue, std::vector<Waiter> batch, Deadline deadline) {
  auto& [kind, q] = *queue;
  std::vector<std::string> keys;
  keys.reserve(batch.size());
  for (const auto& waiter : batch) keys.push_back(waiter.key);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  metrics_.batch_size.observe(keys.size() * 1'000'000);

  Statement statement{kind.only_owned ? kind.shape->only_owned_sql : kind.shape->sql, {}};
  if (kind.epoch) statement.params.emplace_back(std::to_string(kind.epoch->value));
  statement.params.emplace_back(array_literal(keys));
  statement.time_zone = kind.time_zone;
  statement.search_path = kind.search_path;

  ++q.in_flight;
  using Sets = postgres::Outcome<std::vector<postgres::ResultSet>>;
  auto on_done = [this, queue, deadline, batch = std::move(batch)](Sets outcome) mutable {
    if (!outcome && outcome.error().kind == postgres::Failure::Kind::too_large && batch.size() > 1) {
      const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
      std::vector<Waiter> half(std::make_move_iterator(middle), std::make_move_iterator(batch.end()));
      batch.erase(middle, batch.end());
      send(queue, std::move(batch), deadline);
      send(queue, std::move(half), deadline);
    } else {
      answer(queue->first, batch, outcome);
    }
    --queue->second.in_flight;
    schedule(queue);
    if (queue->second.waiting.empty() && queue->second.in_flight == 0) queues_.erase(queue);
  };
  postgres::Job job;
  job.statements.push_back(std::move(statement));
  job.deadline = deadline;
  job.done = Completion<Sets>(std::move(on_done), io_.get_executor());
  kind.pool->submit(postgres::Lane::point, std::move(job));
}

void PointBatcher::answer(const Kind& kind, std::vector<Waiter>& waiters,
                          const postgres::Outcome<std::vector<postgres::ResultSet>>& outcome) {
  if (!outcome) {
    for (auto& waiter : waiters) waiter.done(PointOutcome(outcome.error()));
    return;
  }
  const auto& rows = outcome->front();
  if (!suits(rows, kind.shape->row, 1)) {
    for (auto& waiter : waiters) waiter.done(PointOutcome(other_tables()));
    return;
  }
  std::unordered_map<std::string_view, int> row_of;
  row_of.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) row_of.emplace(rows.bytes(row, 0), row);
  for (auto& waiter : waiters) {
    const auto found = row_of.find(waiter.key);
    waiter.done(found == row_of.end() ? PointOutcome(std::nullopt) : point_row(kind, rows, found->second));
  }
}

}  // namespace shardplex::router
