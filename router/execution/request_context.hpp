// One request's dealings with the shards. Knows nothing of HTTP.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "postgres/asio.hpp"
#include "query/plan/sql.hpp"
#include "router/execution/worker.hpp"

namespace shardplex::router {

enum class Consistency : std::uint8_t {
  any,     ///< a replica that is not behind will do
  strong,  ///< primaries only
};

/// How long an answer may take that has begun to be sent.
struct StreamTime {
  Deadline end;                    ///< of all of it
  std::chrono::milliseconds each;  ///< of each wait, for a shard or for the client

  /// Of a wait that begins now.
  Deadline next() const { return std::min(Clock::now() + each, end); }
};

/// That of an answer which begins now.
inline StreamTime stream_time(const Settings& settings) {
  return {Clock::now() + settings.stream_timeout, settings.request_timeout};
}

/// The shards that an answer does without, because its client allows that and no server of theirs answers.
struct PartialAnswer {
  bool allowed = false;
  /// Those without a server in the try that is under way; of several, those that are waited for the shortest.
  std::vector<ShardId> unserved = {};
  Deadline unserved_until = Deadline::max();  ///< by when these have to get one; min(): that is over
  std::set<ShardId> given_up = {};            ///< this request asks them no more
  std::set<std::string> missing = {};         ///< names of those whose rows the answer lacks, by the last try

  void begin_try() {
    unserved.clear();
    unserved_until = Deadline::max();
    missing.clear();
  }
  /// The shard has no server, and has to have one by then.
  void found_unserved(ShardId shard, Deadline until, Clock::time_point now) {
    if (until <= now) until = Deadline::min();
    if (until > unserved_until) return;
    if (until < unserved_until) unserved.clear();
    unserved_until = until;
    unserved.push_back(shard);
  }
};

/// response.headers and response.status as a function has set them, unread; "" where it has not.
struct SetByFunction {
  std::string headers, status;
};

/// What a request may use, and what it tells the client about how it was answered.
struct RequestContext {
  RequestContext(Worker& w, Deadline d, CallerPtr c = nullptr)
      : worker(w), deadline(d), client(std::move(c)), planned_with(w.view()) {}

  Worker& worker;
  Deadline deadline;
  std::optional<StreamTime> streaming;  ///< set once the answer has begun: begin_wait() sets the deadline
  CallerPtr client;                     ///< null: nobody who might leave
  ViewPtr planned_with;                 ///< holds the map and catalogue that the request's plan points into
  Consistency consistency = Consistency::any;
  std::optional<std::string> time_zone;                     ///< of all its statements (Statement::time_zone)
  std::optional<std::string> search_path;                   ///< as well (Statement::search_path)
  std::shared_ptr<const RequestSettings> request_settings;  ///< as well, of a call (Statement::request)
  int asked_again = 0;  ///< times, over new connections, after all servers had failed
  /// By when a shard that has no server for this read has to have one.
  std::optional<Deadline> served_by;
  bool plan_outdated = false;      ///< map or tables were read again under way: the request has to start over
  bool tables_read_again = false;  ///< this request has had them read again, as they seemed to have changed
  std::vector<std::string> asked;  ///< names of the servers that answered, in the order of their shards
  PartialAnswer partial = {};
  SetByFunction set_by_function = {};  ///< by the call of a volatile function
  std::uint64_t parse_us = 0, plan_us = 0, shards_us = 0, merge_us = 0;

  /// Has the statement run as this request's.
  void apply_settings(Statement& statement) const {
    statement.time_zone = time_zone;
    statement.search_path = search_path;
    statement.request = request_settings;
  }

  /// Shards are about to be asked once more. Of an answer that has begun, each time has a deadline of its
  /// own.
  void begin_wait() {
    if (!streaming) return;
    deadline = streaming->next();
    served_by.reset();
    asked_again = 0;
  }

  /// Adds the time since the last call (or the start) to a stage's.
  void stage_done(std::uint64_t& stage_us) {
    const auto now = Clock::now();
    stage_us += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now - stage_began).count());
    stage_began = now;
  }
  Clock::time_point stage_began = Clock::now();
};

/// Counts a request on each of its slots, for /load. One that asks for more than 16 of them is not counted:
/// it weighs on all shards alike, wherever slots are.
void count_load(const RequestContext& context, GroupId group, const SlotSet& slots);

}  // namespace shardplex::router
