#include "postgres/pool.hpp"

#include <algorithm>

namespace shardplex::postgres {
namespace {

constexpr std::array all_lanes{Lane::point, Lane::read, Lane::write, Lane::stream};
static_assert(all_lanes.size() == lane_count);

Failure unsent(Failure::Kind kind, std::string message) {
  return {.kind = kind, .sent = false, .message = std::move(message)};
}

}  // namespace

Pool::Pool(asio::io_context& io, PoolSettings settings) : io_(io), settings_(std::move(settings)) {}

Pool::~Pool() {
  const Failure closing = unsent(Failure::Kind::connect, "the pool is closed");
  for (Lane lane : all_lanes) {
    for (Member& member : lane_of(lane).members) member.connection->close();
    fail_waiting(lane, closing);
  }
}

// ---- Jobs

void Pool::submit(Lane lane, Job job) {
  Members& members = lane_of(lane);
  job.repeatable = lane != Lane::write;
  if (members.jobs.empty())
    if (Connection* connection = with_room(lane)) return connection->submit(std::move(job));
  if (auto failure = refusal(lane)) return job.done(std::move(*failure));
  members.jobs.push_back({std::move(job), Clock::now()});
  open_for_waiting(lane);
}

Awaitable<Outcome<std::vector<ResultSet>>> Pool::execute(Lane lane, std::vector<Statement> statements,
                                                         Deadline deadline, CallerPtr client, Commit commit,
                                                         std::string end) {
  using Results = Outcome<std::vector<ResultSet>>;
  co_return co_await completion_of<Results>(io_.get_executor(), [&](Completion<Results> done) {
    Job job{std::move(statements), deadline, std::move(done), only(std::move(client)), commit};
    job.end = std::move(end);
    submit(lane, std::move(job));
  });
}

Connection* Pool::with_room(Lane lane) {
  Connection* best = nullptr;
  for (const Member& member : lane_of(lane).members) {
    Connection& connection = *member.connection;
    if (member.taken || !connection.ready() || connection.outdated() ||
        connection.in_flight() >= settings_of(lane).depth)
      continue;
    if (connection.in_flight() > 0 && connection.slow(Clock::now())) continue;
    if (!best || connection.in_flight() < best->in_flight()) best = &connection;
  }
  return best;
}

std::optional<Failure> Pool::refusal(Lane lane) {
  const Members& members = lane_of(lane);
  const bool any_ready = std::ranges::any_of(members.members, [](auto& m) { return m.connection->ready(); });
  if (unreachable_ && !any_ready) return unreachable_;
  if (members.jobs.size() + members.takers.size() >= settings_.queue)
    return unsent(Failure::Kind::busy, "the queue for a connection is full");
  return std::nullopt;
}

// ---- Connections

void Pool::open_for_waiting(Lane lane) {
  const Members& members = lane_of(lane);
  if (unreachable_ || members.members.size() >= settings_of(lane).connections) return;
  const auto connecting =
      static_cast<std::size_t>(std::ranges::count_if(members.members, [](auto& m) { return !m.connected; }));
  if (connecting * settings_of(lane).depth < members.jobs.size() + members.takers.size()) open(lane);
}

void Pool::open(Lane lane) {
  ConnectionEvents events{
      .idle_or_ready = [this, lane] { on_room(lane); },
      .broken = [this, lane](const Failure& failure) { on_broken(lane, failure); },
      .displaced = [this, lane](std::vector<Job> jobs) { on_displaced(lane, std::move(jobs)); }};
  auto settings = settings_.connection;
  if (lane == Lane::stream) settings.statement_timeout = settings_.stream_statement_timeout;
  lane_of(lane).members.push_back({Connection::open(io_, settings, std::move(events))});
}

void Pool::on_room(Lane lane) {
  if (pulse_) pulse_->beat(Clock::now());
  Members& members = lane_of(lane);
  const bool was_unreachable = unreachable_.has_value();
  for (Member& member : members.members) {
    if (member.connected || !member.connection->ready()) continue;
    member.connected = true;
    ++members.connects;
    unreachable_.reset();
    backoff_ = std::chrono::milliseconds{0};
  }
  serve_waiting(lane);
  if (!was_unreachable || unreachable_) return;
  for (Lane other : all_lanes) open_for_waiting(other);
  if (reached_) reached_();
}

void Pool::on_broken(Lane lane, const Failure& failure) {
  Members& members = lane_of(lane);
  const bool tried_again =
      std::ranges::any_of(members.members, [](auto& m) { return m.connection->closed() && m.tries_again; });
  std::erase_if(members.members, [](auto& m) { return m.connection->closed(); });
  if (failure.kind == Failure::Kind::connect) {
    ++members.connect_failures;
    // Attempts that were under way together and fail together are one failure, not a row of them.
    if (!unreachable_ || tried_again) back_off(lane, failure);
  }
  // Nothing is opened for what waits, until an attempt has succeeded.
  if (unreachable_ && members.members.empty()) fail_waiting(lane, Failure(*unreachable_));
  open_for_waiting(lane);
}

void Pool::on_displaced(Lane lane, std::vector<Job> jobs) {
  for (Job& job : jobs) submit(lane, std::move(job));
}

void Pool::back_off(Lane lane, const Failure& failure) {
  unreachable_ = failure;
  unreachable_lane_ = lane;
  backoff_ = std::clamp(backoff_ * 2, settings_.backoff_min, settings_.backoff_max);
  // Between half and all of it, so that routers do not come back in step.
  std::uniform_int_distribution<std::int64_t> spread(backoff_.count() / 2, backoff_.count());
  retry_at_ = Clock::now() + std::chrono::milliseconds(spread(jitter_));
}

// ---- Waiting

void Pool::serve_waiting(Lane lane) {
  Members& members = lane_of(lane);
  while (!members.takers.empty()) {
    Member* member = idle_member(lane);
    if (!member) break;
    members.takers.front().done(lend(*member));
    members.takers.pop_front();
  }
  while (!members.jobs.empty()) {
    Connection* connection = with_room(lane);
    if (!connection) break;
    connection->submit(std::move(members.jobs.front().job));
    members.jobs.pop_front();
  }
  open_for_waiting(lane);
}

void Pool::fail_waiting(Lane lane, const Failure& failure) {
  Members& members = lane_of(lane);
  for (WaitingJob& waiting : std::exchange(members.jobs, {})) waiting.job.done(failure);
  for (WaitingTaker& waiting : std::exchange(members.takers, {})) waiting.done(failure);
}

void Pool::expire_waiting(Lane lane, Clock::time_point now) {
  const auto overdue = [&](Deadline deadline, Clock::time_point since) -> std::optional<Failure> {
    if (deadline <= now) return unsent(Failure::Kind::deadline, "no connection was free before the deadline");
    if (since + settings_.queue_wait <= now) return unsent(Failure::Kind::busy, "no connection became free");
    return std::nullopt;
  };
  Members& members = lane_of(lane);
  std::erase_if(members.jobs, [&](WaitingJob& waiting) {
    auto failure = overdue(waiting.job.deadline, waiting.since);
    if (all_gone(waiting.job.clients)) failure = unsent(Failure::Kind::abandoned, "the client has gone");
    if (failure) waiting.job.done(*failure);
    return failure.has_value();
  });
  std::erase_if(members.takers, [&](WaitingTaker& waiting) {
    auto failure = overdue(waiting.deadline, waiting.since);
    if (waiting.client && waiting.client->gone)
      failure = unsent(Failure::Kind::abandoned, "the client has gone");
    if (failure) waiting.done(*failure);
    return failure.has_value();
  });
}

void Pool::tick(Clock::time_point now) {
  for (Lane lane : all_lanes) {
    const auto members = lane_of(lane).members;  // a copy: expire() may break and so remove one
    for (const Member& member : members) member.connection->expire(now);
    for (Member& member : lane_of(lane).members)
      if (member.connection->stalled_for(now) == Clock::duration::zero()) member.known_slow = false;
    close_idle(lane, [](const Connection& connection) { return connection.outdated(); });
    expire_waiting(lane, now);
  }
  if (unreachable_ && now >= retry_at_) try_to_connect();
}

void Pool::try_to_connect() {
  const bool trying =
      std::ranges::any_of(lane_of(unreachable_lane_).members, [](auto& m) { return !m.connected; });
  if (trying) return;
  open(unreachable_lane_);
  lane_of(unreachable_lane_).members.back().tries_again = true;
}

void Pool::connect_again() {
  backoff_ = std::chrono::milliseconds{0};
  if (unreachable_) try_to_connect();
}

// ---- Servers and processes that hang

void Pool::give_up(const std::string& reason) {
  Failure failure = unsent(Failure::Kind::connect, reason);
  failure.silent = true;
  back_off(Lane::read, failure);
  replace_connections(reason);
  for (Lane lane : all_lanes) fail_waiting(lane, failure);
}

void Pool::replace_connections(const std::string& reason) {
  for (Lane lane : all_lanes) {
    const auto members = lane_of(lane).members;  // a copy: each removes itself
    for (const Member& member : members)
      if (member.connection->ready()) member.connection->abandon(reason);
  }
}

void Pool::replace_idle_connections() {
  for (Lane lane : all_lanes) close_idle(lane, [](const Connection&) { return true; });
}

template <class Condition>
void Pool::close_idle(Lane lane, Condition condition) {
  const auto closed = std::erase_if(lane_of(lane).members, [&](const Member& member) {
    const bool idle = !member.taken && member.connection->ready() && member.connection->in_flight() == 0;
    if (!idle || !condition(*member.connection)) return false;
    member.connection->close();
    return true;
  });
  if (closed > 0) open_for_waiting(lane);
}

std::vector<std::string> Pool::stalled(Clock::time_point now, Clock::duration at_least) const {
  std::vector<std::string> backends;
  for (const Members& members : lanes_)
    for (const Member& member : members.members)
      if (member.connection->ready() && !member.known_slow && member.connection->stalled_for(now) >= at_least)
        backends.push_back(member.connection->backend());
  return backends;
}

Lane Pool::lane_beside(const std::vector<std::string>& backends) const {
  for (Lane lane : {Lane::point, Lane::read}) {
    const auto& members = lanes_[static_cast<std::size_t>(lane)].members;
    const bool owes = std::ranges::any_of(members, [&](const Member& member) {
      return member.connection->ready() &&
             std::ranges::find(backends, member.connection->backend()) != backends.end();
    });
    if (!owes) return lane;
  }
  return Lane::write;
}

void Pool::judge(const std::string& backend, bool hangs) {
  for (Lane lane : all_lanes) {
    auto& members = lane_of(lane).members;
    const auto found = std::ranges::find_if(members, [&](const Member& member) {
      return member.connection->ready() && member.connection->backend() == backend;
    });
    if (found == members.end()) continue;
    found->known_slow = !hangs;
    const auto connection = found->connection;
    if (hangs) connection->abandon("a process of the server does not answer");
    return;
  }
}

// ---- Lending

Awaitable<Outcome<std::shared_ptr<Connection>>> Pool::take(Deadline deadline, CallerPtr client) {
  co_return co_await completion_of<Outcome<std::shared_ptr<Connection>>>(
      io_.get_executor(), [&](Taken done) { take(std::move(done), deadline, std::move(client)); });
}

void Pool::take(Taken done, Deadline deadline, CallerPtr client) {
  if (Member* member = idle_member(Lane::stream)) return done(lend(*member));
  if (auto failure = refusal(Lane::stream)) return done(std::move(*failure));
  lane_of(Lane::stream).takers.push_back({std::move(done), deadline, Clock::now(), std::move(client)});
  open_for_waiting(Lane::stream);
}

Pool::Member* Pool::idle_member(Lane lane) {
  auto& members = lane_of(lane).members;
  const auto idle = std::ranges::find_if(members, [](const Member& member) {
    return !member.taken && member.connection->ready() && !member.connection->outdated() &&
           member.connection->in_flight() == 0;
  });
  return idle == members.end() ? nullptr : &*idle;
}

std::shared_ptr<Connection> Pool::lend(Member& member) {
  member.taken = true;
  auto give_back = [connection = member.connection, pool = std::weak_ptr(alive_)](Connection*) {
    if (auto alive = pool.lock()) alive->take_back(connection.get());
  };
  return {member.connection.get(), std::move(give_back)};
}

void Pool::take_back(const Connection* connection) {
  auto& members = lane_of(Lane::stream).members;
  for (Member& member : members)
    if (member.connection.get() == connection) member.taken = false;
  std::erase_if(members, [](auto& m) { return m.connection->closed(); });
  serve_waiting(Lane::stream);
}

LaneState Pool::state(Lane lane) const {
  const Members& members = lanes_[static_cast<std::size_t>(lane)];
  LaneState state{.queued = members.jobs.size() + members.takers.size(),
                  .connects = members.connects,
                  .connect_failures = members.connect_failures};
  for (const Member& member : members.members) {
    ++(member.connection->ready() ? state.ready : state.connecting);
    state.in_flight += member.connection->in_flight() + (member.taken ? 1 : 0);
  }
  return state;
}

}  // namespace shardplex::postgres
