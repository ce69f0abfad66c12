// Deadlines, clients that leave, and servers that hang.
#include <algorithm>

#include "postgres/canceller.hpp"
#include "postgres/connection.hpp"
#include "postgres/libpq_failures.hpp"

namespace shardplex::postgres {
namespace {

constexpr std::chrono::seconds overdue_limit{1};
constexpr std::chrono::milliseconds slow_after{20};    // nothing more is queued behind it
constexpr std::chrono::milliseconds stuck_after{100};  // what is queued behind it goes elsewhere

}  // namespace

void Connection::expire(Clock::time_point now) {
  for (PendingJob& pending : jobs_)
    if (pending.job.done && pending.job.deadline <= now)
      pending.job.done(Failure{.kind = Failure::Kind::deadline,
                               .sent = true,
                               .message = "no answer from " + server_name() + " before the deadline"});

  if (drop_abandoned()) return;
  if (!jobs_.empty() && now - front_since_ > stuck_after)
    if (auto jobs = displace(false); !jobs.empty()) events_.displaced(std::move(jobs));

  const bool awaits_rows = stream_ && !stream_->paused;
  if (std::exchange(finished_at_last_expire_, finished_) != finished_ || (jobs_.empty() && !awaits_rows))
    last_progress_ = now;
  if (jobs_.empty() || now - overdue_limit <= std::max(jobs_.front().job.deadline, last_progress_)) return;
  cancel_in_background(pg_);
  lose(lost(server_name() + " does not answer"));
}

Clock::duration Connection::stalled_for(Clock::time_point now) const {
  if (finished_ != finished_at_last_expire_) return Clock::duration::zero();
  return now - (jobs_.empty() ? last_progress_ : std::max(last_progress_, front_since_));
}

bool Connection::slow(Clock::time_point now) const {
  return !jobs_.empty() && now - front_since_ > slow_after;
}

// The answers that the server may still give here are discarded.
std::vector<Job> Connection::displace(bool again) {
  std::vector<Job> out;
  for (std::size_t i = 1; i < jobs_.size(); ++i) {
    Job& job = jobs_[i].job;
    if (job.repeatable && job.done && (again || !job.displaced))
      out.push_back({.statements = job.statements,
                     .deadline = job.deadline,
                     .done = std::move(job.done),
                     .clients = job.clients,
                     .repeatable = true,
                     .displaced = true});
  }
  return out;
}

// True where the connection was given up, because nobody is left who waits for it.
bool Connection::drop_abandoned() {
  const Failure abandoned{.kind = Failure::Kind::abandoned, .sent = true, .message = "the client has gone"};
  if (stream_ && stream_->events.client && stream_->events.client->gone) {
    give_up(abandoned);
    return true;
  }
  bool dropped = false, awaited = false;
  for (PendingJob& pending : jobs_) {
    if (pending.job.done && all_gone(pending.job.clients)) {
      pending.job.done(abandoned);
      dropped = true;
    }
    awaited |= static_cast<bool>(pending.job.done);
  }
  if (!dropped || awaited) return false;
  give_up(abandoned);
  return true;
}

// Ends what runs. Repeatable jobs behind it go elsewhere.
void Connection::give_up(const Failure& failure) {
  const auto self = shared_from_this();
  cancel_in_background(pg_);
  auto displaced = displace(true);
  if (!jobs_.empty() && jobs_.front().job.done) jobs_.front().job.done(failure);
  lose(failure);
  if (!displaced.empty()) events_.displaced(std::move(displaced));
}

}  // namespace shardplex::postgres
