// One client connection: reads requests, has them answered, writes the answers, keeps its time limits.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "postgres/asio.hpp"
#include "postgres/caller.hpp"
#include "postgres/memory_budget.hpp"
#include "router/http/answer.hpp"
#include "router/http/answer_writer.hpp"
#include "router/http/call.hpp"
#include "router/http/cors.hpp"
#include "router/http/session_phase.hpp"
#include "router/metrics.hpp"
#include "router/settings.hpp"

namespace shardplex::router {

/// Answers one request, which outlives the answer's body; an exception that it throws is logged and
/// becomes a 500.
using Handler = std::function<Awaitable<Answer>(Call&)>;

/// What all sessions of a port have in common.
struct PortSettings {
  Limits limits;
  Handler handler;
  const std::string& http_date;      ///< the time as a Date field has it
  WorkerMetrics* metrics = nullptr;  ///< null: nothing is counted
  bool access_log = false;
  MemoryBudget* memory = nullptr;  ///< for requests and answers; null: no bound
  /// Whose pages may read what sessions say themselves, such as refusals; null: no pages'.
  const AllowedOrigins* origins = nullptr;
  bool compresses = false;                    ///< bodies, for clients that take them so
  std::chrono::milliseconds slow_request{0};  ///< such are logged; 0: none
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  /// `port` outlives the session.
  Session(TcpSocket socket, const PortSettings& port);

  /// Serves until the connection ends.
  Awaitable<void> run();

  /// Says that the connection is not wanted, and ends it. In the place of run().
  Awaitable<void> turn_away(Error why);

  /// Ends the session where it has been waiting too long for its client, and sees whether a client that waits
  /// is still there. `pressed`: memory is short, so those go that hold much of it and are slow.
  void check_time(Clock::time_point now, bool pressed = false);

  /// Answers what has been received, tells the client to close, and closes. A connection that is idle may be
  /// about to carry a request: it is closed at `idle_until`, if nothing has come by then.
  void drain(Clock::time_point idle_until);

  /// Closes the socket under whatever is going on.
  void cut();

 private:
  using Parser = http::request_parser<http::string_body>;

  Awaitable<bool> serve_one();
  Awaitable<bool> read_request(Parser& parser);
  Awaitable<bool> read_body(Parser& parser);
  Awaitable<boost::system::error_code> read_rest(Parser& parser, std::optional<Error>& refusal);
  Awaitable<Answer> answer_to(Call& call);
  bool has_left();
  Awaitable<void> refuse(const Request& request, const Error& error);
  Awaitable<void> refuse_unread(http::verb method, const Error& error);
  Awaitable<void> write_refusal(http::verb method, Answer answer);
  Answer own_answer(Answer answer, const Request& request) const;
  Awaitable<void> linger();
  bool overstays(Clock::time_point now, bool pressed);
  bool more_has_come();
  bool answers_its_last();

  TcpSocket socket_;
  const PortSettings& port_;
  PhaseClock clock_;
  AnswerWriter writer_;
  boost::beast::flat_buffer buffer_;
  Reservation memory_;  // for the request under way, then for its answer
  std::shared_ptr<Caller> client_ = std::make_shared<Caller>();
  bool timed_out_ = false;
  bool may_send_interim_ = false;  // once a request, and not within its answer
  bool knows_no_interim_ = false;  // the client of the request under way
  std::optional<Clock::time_point> drain_began_;
  Clock::time_point idle_until_ = Clock::time_point::max();  // while draining
};

}  // namespace shardplex::router
