#include "router/http/session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "router/log.hpp"
#include "router/version.hpp"

namespace shardplex::router {
namespace {

constexpr auto as_tuple = asio::as_tuple(use_awaitable);
constexpr std::size_t idle_buffer_bytes = 4096;  // kept by an idle connection
constexpr auto linger_time = std::chrono::seconds(2);
constexpr auto drain_grace = std::chrono::milliseconds(500);
constexpr std::size_t lingering_bytes = 4 * 1024 * 1024;

const std::string server_field = "shardplex/" + std::string(version);

Error over_limit(const char* message, std::size_t limit, const char* flag) {
  return Error{"SHARD400", message, "The limit is " + std::to_string(limit) + " bytes.",
               std::string("The operator sets it by ") + flag + ".", std::nullopt};
}

Error body_over_limit(const Limits& limits) {
  return over_limit("The request's body is too large", limits.body_bytes, "--max-body-bytes");
}

/// What is wrong with a request by its head alone.
std::optional<Error> head_refusal(const Request& request, const Limits& limits) {
  if (request.target().size() > limits.url_bytes) {
    auto error = over_limit("The URL is too long", limits.url_bytes, "--max-url-bytes");
    error.status = 414;
    return error;
  }
  // A body whose length is not understood would be taken for the next request.
  const auto encoding = request.find(http::field::transfer_encoding);
  if (encoding != request.end() && !boost::beast::iequals(encoding->value(), "chunked"))
    return Error{"PGRST100", "Transfer-Encoding is not understood", "It is not 'chunked'.", std::nullopt,
                 501};
  if (request.version() >= 11 && request.count(http::field::host) != 1)
    return Error{"PGRST100", "The request is not HTTP/1.1", "It has no Host field, or several.", std::nullopt,
                 400};
  return std::nullopt;
}

}  // namespace

/// The Exchange of one request on this session's socket.
class Session::Answer final : public Exchange {
 public:
  Answer(Session& session, Request r) : Exchange(std::move(r)), session_(session) {
    keep_alive_ = request.keep_alive();
    head_only_ = request.method() == http::verb::head;
  }

  bool streaming() const override { return streaming_; }

  Awaitable<bool> flush() override {
    session_.enter(Phase::writing);
    if (!streaming_) {
      const bool started = co_await start_stream();
      if (!started) co_return false;
    }
    if (!body.empty() && !head_only_) {
      boost::system::error_code ec;
      if (chunked_)
        co_await asio::async_write(session_.socket_, http::make_chunk(asio::buffer(body)),
                                   asio::redirect_error(use_awaitable, ec));
      else
        co_await asio::async_write(session_.socket_, asio::buffer(body),
                                   asio::redirect_error(use_awaitable, ec));
      if (ec) co_return false;
    }
    body.clear();
    session_.enter(Phase::serving);
    co_return true;
  }

  /// Sends what is left; false where the connection cannot serve another request.
  Awaitable<bool> finish() {
    if (session_.draining_) keep_alive_ = false;
    session_.enter(Phase::writing);
    if (!streaming_) {
      http::response<http::string_body> response(take_head());
      response.keep_alive(keep_alive_);
      if (head_only_ || status == 204 || status == 304) {
        if (head_only_ && !body.empty()) response.content_length(body.size());
        body.clear();
      } else {
        response.content_length(body.size());
      }
      response.body() = std::move(body);
      http::response_serializer<http::string_body> serializer(response);
      const auto [ec, n] = co_await http::async_write(session_.socket_, serializer, as_tuple);
      co_return !ec && keep_alive_;
    }
    if (broken) {
      // Without chunks the end of the connection is the end of the answer: a reset is the only way to say
      // that it is not.
      boost::system::error_code ignored;
      if (!chunked_) session_.socket_.set_option(asio::socket_base::linger(true, 0), ignored);
      if (!chunked_) session_.cut();
      co_return false;
    }
    if (!co_await flush()) co_return false;
    if (chunked_ && !head_only_) {
      session_.enter(Phase::writing);
      const auto [ec, n] = co_await asio::async_write(session_.socket_, http::make_chunk_last(), as_tuple);
      if (ec) co_return false;
    }
    co_return keep_alive_&& chunked_;
  }

 private:
  /// The head with what every answer carries.
  http::response_header<> take_head() {
    http::response_header<> head(std::move(fields));
    head.version(request.version());
    head.result(status);
    head.set(http::field::server, server_field);
    head.set(http::field::date, session_.http_date_);
    if (!body.empty() || streaming_)
      head.set(http::field::content_type, {content_type.data(), content_type.size()});
    return head;
  }

  Awaitable<bool> start_stream() {
    streaming_ = true;
    chunked_ = request.version() >= 11;
    if (session_.draining_ || !chunked_) keep_alive_ = false;
    http::response<http::empty_body> head(take_head());
    head.keep_alive(keep_alive_);
    if (chunked_) head.chunked(true);
    http::response_serializer<http::empty_body> serializer(head);
    const auto [ec, n] = co_await http::async_write_header(session_.socket_, serializer, as_tuple);
    co_return !ec;
  }

  Session& session_;
  bool keep_alive_ = true, head_only_ = false, streaming_ = false, chunked_ = false;
};

Session::Session(TcpSocket socket, const Limits& limits, const Handler& handler, const std::string& http_date)
    : socket_(std::move(socket)), limits_(limits), handler_(handler), http_date_(http_date) {}

void Session::enter(Phase phase) {
  phase_ = phase;
  phase_began_ = Clock::now();
}

void Session::check_time(Clock::time_point now) {
  const auto limit = [this]() -> Clock::duration {
    switch (phase_) {
      case Phase::idle:
        return draining_ ? drain_grace : limits_.idle_timeout;
      case Phase::head:
        return limits_.header_timeout;
      case Phase::body:
        return limits_.body_timeout;
      case Phase::writing:
        return limits_.write_timeout;
      case Phase::lingering:
        return linger_time;
      case Phase::serving:
        break;  // the request's own deadline rules
    }
    return Clock::duration::max();
  }();
  if (now - phase_began_ < limit) return;
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

/// A request may be on its way to an idle connection: it is served if it comes within the grace, and told to
/// close.
void Session::drain() {
  draining_ = true;
  if (phase_ == Phase::idle) enter(Phase::idle);
}

void Session::cut() {
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

Awaitable<void> Session::run() {
  // gcc 12 miscompiles a co_await in a loop's condition.
  for (;;) {
    const bool more = co_await serve_one();
    if (!more || draining_) break;
    if (buffer_.size() == 0 && buffer_.capacity() > idle_buffer_bytes) buffer_ = {};
  }
  co_await linger();
}

/// Lets the client read what was sent last before the connection goes: closing with unread input would reset
/// it.
Awaitable<void> Session::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  if (timed_out_) co_return;
  enter(Phase::lingering);
  std::array<char, 4096> rest;
  for (std::size_t dropped = 0; dropped < lingering_bytes;) {
    const auto [ec, n] = co_await socket_.async_read_some(asio::buffer(rest), as_tuple);
    if (ec) break;
    dropped += n;
  }
}

Awaitable<void> Session::refuse(unsigned status, const Error& error) {
  Answer answer(*this, {});
  answer.request.version(11);
  answer.request.keep_alive(false);
  answer.fail(error);
  answer.status = status;
  answer.set("Connection", "close");
  draining_ = true;
  co_await answer.finish();
}

/// Reads one request into the parser; false where there is none, or where it has been refused.
Awaitable<bool> Session::read_request(Parser& parser) {
  enter(Phase::idle);
  if (buffer_.size() == 0) {
    // The first bytes are awaited apart, so that a connection with nothing to say is idle, not slow.
    auto space = buffer_.prepare(idle_buffer_bytes / 2);
    const auto [ec, n] = co_await socket_.async_read_some(space, as_tuple);
    if (ec) co_return false;
    buffer_.commit(n);
  }
  enter(Phase::head);
  if (const auto [ec, n] = co_await http::async_read_header(socket_, buffer_, parser, as_tuple); ec) {
    if (timed_out_) {
      timed_out_ = false;
      const Error error{"SHARD408", "The request's head did not arrive in time", std::nullopt, std::nullopt,
                        408};
      co_await refuse(408, error);
    } else if (ec == http::error::header_limit && parser.get().target().empty()) {
      co_await refuse(414, over_limit("The URL is too long", limits_.url_bytes, "--max-url-bytes"));
    } else if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
      co_await refuse(431, over_limit("The request's header fields are too large", limits_.header_bytes,
                                      "--max-header-bytes"));
    } else if (ec == http::error::body_limit) {  // Content-Length says so already
      co_await refuse(413, body_over_limit(limits_));
    } else if (ec.category() == make_error_code(http::error::bad_method).category() &&
               ec != http::error::end_of_stream && ec != http::error::partial_message) {
      const Error error{"PGRST100", "The request is not HTTP", ec.message(), std::nullopt, 400};
      co_await refuse(400, error);
    }
    co_return false;
  }
  if (const auto refusal = head_refusal(parser.get(), limits_)) {
    co_await refuse(static_cast<unsigned>(http_status(*refusal)), *refusal);
    co_return false;
  }
  if (parser.is_done()) co_return true;

  enter(Phase::body);
  if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [ec, n] = co_await asio::async_write(socket_, asio::buffer(go_on), as_tuple);
    if (ec) co_return false;
  }
  if (const auto [ec, n] = co_await http::async_read(socket_, buffer_, parser, as_tuple); ec) {
    if (timed_out_) {
      timed_out_ = false;
      const Error error{"SHARD408", "The request's body did not arrive in time", std::nullopt, std::nullopt,
                        408};
      co_await refuse(408, error);
    } else if (ec == http::error::body_limit) {
      co_await refuse(413, body_over_limit(limits_));
    } else if (ec.category() == make_error_code(http::error::bad_method).category() &&
               ec != http::error::end_of_stream && ec != http::error::partial_message) {
      const Error error{"PGRST102", "The request's body is not HTTP", ec.message(), std::nullopt, 400};
      co_await refuse(400, error);
    }
    co_return false;
  }
  co_return true;
}

Awaitable<bool> Session::serve_one() {
  std::optional<Parser> parser(std::in_place);
  parser->header_limit(static_cast<std::uint32_t>(limits_.header_bytes + limits_.url_bytes));
  parser->body_limit(limits_.body_bytes);
  if (!co_await read_request(*parser)) co_return false;

  Answer answer(*this, parser->release());
  parser.reset();
  enter(Phase::serving);
  std::exception_ptr failure;
  try {
    co_await handler_(answer);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      log_error("a request broke an invariant", {{"what", std::string_view(e.what())}});
    }
    if (answer.streaming())
      answer.broken = true;
    else
      answer.fail(Error{"XX000", "Internal error of the router", std::nullopt, std::nullopt, 500});
  }
  co_return co_await answer.finish();
}

}  // namespace shardplex::router
