// One client connection: reads requests, has them answered, writes the answers, keeps its time limits.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include "postgres/asio.hpp"
#include "router/http/exchange.hpp"
#include "router/settings.hpp"

namespace shardplex::router {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

/// Answers one request; what it throws is a broken invariant and becomes a 500.
using Handler = std::function<Awaitable<void>(Exchange&)>;

/// What happens after the head of one request is known; also called by tests.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// `server` is the Server field; `limits` and `handler` outlive the session.
  Session(TcpSocket socket, const Limits& limits, const Handler& handler, const std::string& http_date);

  /// Serves until the connection ends.
  Awaitable<void> run();

  /// Ends the session where it has been waiting too long for its client.
  void check_time(Clock::time_point now);

  /// Finish the request in flight, if any, and close; an idle session closes after a short grace.
  void drain();

  /// Closes the socket under whatever is going on.
  void cut();

 private:
  enum class Phase : std::uint8_t { idle, head, body, serving, writing, lingering };
  using Parser = http::request_parser<http::string_body>;
  class Answer;

  Awaitable<bool> serve_one();
  Awaitable<bool> read_request(Parser& parser);
  Awaitable<void> refuse(unsigned status, const Error& error);
  Awaitable<void> linger();
  void enter(Phase phase);

  TcpSocket socket_;
  const Limits& limits_;
  const Handler& handler_;
  const std::string& http_date_;
  boost::beast::flat_buffer buffer_;
  Phase phase_ = Phase::idle;
  Clock::time_point phase_began_ = Clock::now();
  bool timed_out_ = false, draining_ = false;
};

}  // namespace shardplex::router
