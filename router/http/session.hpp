// One client connection: reads requests, has them answered, writes the answers, keeps its time limits.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <string>

#include "postgres/asio.hpp"
#include "router/http/answer.hpp"
#include "router/http/answer_writer.hpp"
#include "router/http/call.hpp"
#include "router/http/session_phase.hpp"
#include "router/metrics.hpp"
#include "router/settings.hpp"

namespace shardplex::router {

/// Answers one request, which outlives the answer's body; an exception that it throws is logged and
/// becomes a 500.
using Handler = std::function<Awaitable<Answer>(Call&)>;

/// What all sessions of a port have in common.
struct PortSettings {
  const Limits& limits;
  Handler handler;
  const std::string& http_date;      ///< the time as a Date field has it
  WorkerMetrics* metrics = nullptr;  ///< null: nothing is counted
  bool access_log = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  /// `port` outlives the session.
  Session(TcpSocket socket, const PortSettings& port);

  /// Serves until the connection ends.
  Awaitable<void> run();

  /// Ends the session where it has been waiting too long for its client.
  void check_time(Clock::time_point now);

  /// Finish the request in flight, if any, and close; an idle session closes after a short grace.
  void drain();

  /// Closes the socket under whatever is going on.
  void cut();

 private:
  using Parser = http::request_parser<http::string_body>;

  Awaitable<bool> serve_one();
  Awaitable<bool> read_request(Parser& parser);
  Awaitable<bool> read_body(Parser& parser);
  Awaitable<void> refuse(http::verb method, const Error& error);
  Awaitable<void> linger();

  TcpSocket socket_;
  const PortSettings& port_;
  PhaseClock clock_;
  AnswerWriter writer_;
  boost::beast::flat_buffer buffer_;
  bool timed_out_ = false, draining_ = false;
};

}  // namespace shardplex::router
