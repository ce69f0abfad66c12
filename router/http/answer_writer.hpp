// From an Answer to a head and a body on the wire.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/message.hpp>
#include <string>
#include <string_view>

#include "postgres/asio.hpp"
#include "router/http/answer.hpp"
#include "router/http/call.hpp"
#include "router/http/request_tally.hpp"
#include "router/http/session_phase.hpp"

namespace shardplex::router {

using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

/// How an answer is framed, as its request and the connection want it.
struct Framing {
  unsigned version = 11;  ///< 10: a body of unknown length ends with the connection; 11: it is sent in chunks
  bool head_only = false;
  bool keep_alive = false;
};

/// Lifetime: that of what it is given.
class AnswerWriter {
 public:
  AnswerWriter(TcpSocket& socket, PhaseClock& clock, const Limits& limits, const std::string& http_date)
      : socket_(socket), clock_(clock), limits_(limits), http_date_(http_date) {}

  /// Sends the whole answer, pulling `answer.rest` part by part; false where the connection cannot serve
  /// another request. A stream that breaks is cut, so that nobody takes the part for the whole. `tally`: null
  /// where the answer has been counted.
  Awaitable<bool> write(Answer answer, Framing framing, RequestTally* tally);

 private:
  http::response_header<> head_of(Answer& answer, const Framing& framing, bool has_body) const;
  Awaitable<bool> write_streamed(Answer& answer, Framing framing, RequestTally* tally);
  Awaitable<bool> write_head(Answer& answer, const Framing& framing);
  Awaitable<bool> write_parts(Answer& answer, bool chunked, RequestTally* tally);
  Awaitable<bool> write_slices(std::string_view body, bool chunked);
  void reset();

  TcpSocket& socket_;
  PhaseClock& clock_;
  const Limits& limits_;
  const std::string& http_date_;
};

}  // namespace shardplex::router
