#include "operations/shard/primary.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "operations/process/failure.hpp"
#include "operations/process/text.hpp"
#include "operations/shard/server.hpp"
#include "operations/shard/timelines.hpp"

namespace shardplex::operations {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds wait_for_first{5};
constexpr std::chrono::seconds wait_for_others{1};
constexpr const char* silent = "no answer in time";

/// Asks one server whether it is a primary, without ever waiting for it. libpq and not libpqxx, which cannot
/// give up on a server that says nothing.
class Inquiry {
 public:
  explicit Inquiry(const std::string& conninfo)
      : connection_(PQconnectStart(with_defaults(conninfo).c_str())) {
    if (PQstatus(connection_.get()) == CONNECTION_BAD) give_up();
  }

  bool is_open() const { return !is_primary_; }
  bool is_primary() const { return is_primary_.value_or(false); }
  /// Why it is not a primary.
  const std::string& reason() const { return reason_; }

  pollfd waits_for() const { return {PQsocket(connection_.get()), events_, 0}; }

  /// Goes on as far as the server lets it. To be called when what it waits for has happened.
  void go_on() {
    if (connected_)
      read_answer();
    else
      connect_further();
  }

 private:
  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };

  void give_up() { answer(false, one_line(PQerrorMessage(connection_.get()))); }

  void answer(bool is_primary, std::string reason) {
    is_primary_ = is_primary;
    reason_ = std::move(reason);
  }

  void connect_further() {
    const auto state = PQconnectPoll(connection_.get());
    events_ = state == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
    if (state == PGRES_POLLING_FAILED) return give_up();
    if (state != PGRES_POLLING_OK) return;
    connected_ = true;
    // The connection is a blocking one, but a statement this short fits in the socket's empty buffer.
    if (PQsendQuery(connection_.get(), "SELECT pg_is_in_recovery()") == 0) give_up();
  }

  void read_answer() {
    if (PQconsumeInput(connection_.get()) == 0) return give_up();
    if (PQisBusy(connection_.get()) != 0) return;
    const std::unique_ptr<PGresult, Clear> result(PQgetResult(connection_.get()));
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return give_up();
    if (std::string_view(PQgetvalue(result.get(), 0, 0)) == "t")
      answer(false, "a replica");
    else
      answer(true, "");
  }

  std::unique_ptr<PGconn, Close> connection_;
  short events_ = POLLOUT;
  bool connected_ = false;
  std::optional<bool> is_primary_;  // nullopt: no answer yet
  std::string reason_ = silent;
};

/// Asks on until all have answered, or time is up.
void await_answers(std::vector<Inquiry>& inquiries) {
  auto deadline = Clock::now() + wait_for_first;
  bool found = false;
  while (true) {
    if (!found && std::ranges::any_of(inquiries, &Inquiry::is_primary)) {
      found = true;
      deadline = std::min(deadline, Clock::now() + wait_for_others);
    }
    std::vector<Inquiry*> open;
    std::vector<pollfd> sockets;
    for (auto& inquiry : inquiries)
      if (inquiry.is_open()) {
        open.push_back(&inquiry);
        sockets.push_back(inquiry.waits_for());
      }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (open.empty() || left <= 0) return;
    if (poll(sockets.data(), sockets.size(), static_cast<int>(left)) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < open.size(); ++i)
      if (sockets[i].revents != 0) open[i]->go_on();
  }
}

struct Candidate {
  PrimaryFound found;
  ServerState state;
};

/// What a better candidate has more of: a database that says it is the shard, then the newest timeline.
auto rank(const Candidate& candidate) {
  return std::tuple(candidate.state.initialised, candidate.state.timeline);
}

/// Connects to a server that has said that it is a primary; a reason where it is not that of the shard.
std::optional<Candidate> examine(const ShardMap& map, const Shard& shard, const std::string& conninfo,
                                 Uninitialised uninitialised, std::string& reason) try {
  Candidate candidate{{connect(conninfo), conninfo, 0}, {}};
  pqxx::read_transaction transaction(*candidate.found.connection);
  candidate.state = read_server_state(transaction);
  candidate.found.timeline = candidate.state.timeline;
  if (candidate.state.in_recovery)
    reason = "a replica";
  else if (auto wrong = identity_problem(candidate.state, map, shard))
    reason = *std::move(wrong);
  else if (!candidate.state.initialised && uninitialised == Uninitialised::refused)
    reason = "not initialised (shardplex cluster init)";
  else
    return candidate;
  return std::nullopt;
} catch (const std::exception& error) {
  reason = reason_of(error);
  return std::nullopt;
}

/// What a server has noted of other shards' timelines; nothing where it cannot be asked soon.
std::vector<NotedTimeline> notes_of(const std::string& conninfo) try {
  pqxx::connection connection(with_defaults(conninfo) + " connect_timeout=2");
  pqxx::read_transaction transaction(connection);
  return read_noted_timelines(transaction);
} catch (const std::exception&) {
  return {};
}

/// Throws where another shard's servers know that this one has been replaced, though nobody who replaced it
/// is there to say so.
void require_not_replaced(const ShardMap& map, const Shard& shard, const PrimaryFound& found) {
  std::vector<std::string> others;
  for (const auto& other : map.shards()) {
    if (other.name == shard.name) continue;
    others.push_back(other.primary);
    others.insert(others.end(), other.replicas.begin(), other.replicas.end());
  }
  const auto notes = in_parallel(others.size(), [&](std::size_t i) { return notes_of(others[i]); });
  if (auto problem = replaced_problem(notes, shard.name, found.conninfo, found.timeline))
    throw CommandFailed(shard.name + ": " + *problem);
}

/// The primary as the shard's own servers tell it.
Candidate choose_primary(const ShardMap& map, const Shard& shard, Uninitialised uninitialised) {
  std::vector<std::string> servers{shard.primary};
  servers.insert(servers.end(), shard.replicas.begin(), shard.replicas.end());
  std::vector<Inquiry> inquiries;
  for (const auto& server : servers) inquiries.emplace_back(server);
  await_answers(inquiries);

  std::optional<Candidate> best;
  std::vector<std::string> reasons;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    std::string reason = inquiries[i].reason();
    std::optional<Candidate> candidate;
    if (inquiries[i].is_primary()) candidate = examine(map, shard, servers[i], uninitialised, reason);
    if (!candidate) {
      reasons.push_back(address_of(servers[i]) + ": " + reason);
    } else if (best && rank(*best) == rank(*candidate) &&
               best->state.database_identity != candidate->state.database_identity) {
      throw CommandFailed(shard.name + ": two servers are primaries on the same timeline: " +
                          address_of(best->found.conninfo) + " and " + address_of(servers[i]));
    } else if (!best || rank(*candidate) > rank(*best)) {
      best = std::move(candidate);
    }
  }
  if (!best) throw CommandFailed(shard.name + ": no primary was found: " + joined(reasons, {}, "; "));
  return *std::move(best);
}

/// Those that were replaced while nobody but the other shards remembers it, in sentences.
std::vector<std::string> replaced_ones(const ShardMap& map, const std::vector<PrimaryFound>& found) {
  const auto notes = in_parallel(found.size(), [&](std::size_t i) {
    pqxx::read_transaction transaction(*found[i].connection);
    return read_noted_timelines(transaction);
  });
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto& name = map.shards()[i].name;
    if (auto problem = replaced_problem(notes, name, found[i].conninfo, found[i].timeline))
      problems.push_back(name + ": " + *problem);
  }
  return problems;
}

}  // namespace

PrimaryFound find_primary(const ShardMap& map, const Shard& shard, Uninitialised uninitialised) {
  auto chosen = choose_primary(map, shard, uninitialised);
  // A database that nobody has been to yet has replaced nothing, and its name may have been another's.
  if (chosen.state.initialised) require_not_replaced(map, shard, chosen.found);
  return std::move(chosen.found);
}

std::vector<PrimaryFound> find_primaries(const ShardMap& map) {
  auto found = in_parallel(map.shards().size(), [&](std::size_t i) {
    return choose_primary(map, map.shards()[i], Uninitialised::refused).found;
  });
  if (auto problems = replaced_ones(map, found); !problems.empty()) throw CommandFailed(std::move(problems));
  return found;
}

}  // namespace shardplex::operations
