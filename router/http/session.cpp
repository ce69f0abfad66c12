#include "router/http/session.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "router/http/refusals.hpp"
#include "router/http/request_tally.hpp"
#include "router/log.hpp"

namespace shardplex::router {
namespace {

constexpr auto as_tuple = asio::as_tuple(use_awaitable);
constexpr std::size_t idle_buffer_bytes = 4096;  // kept by an idle connection
constexpr std::size_t lingering_bytes = 4 * 1024 * 1024;

Answer answer_to_exception(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    log_error("a request ended on an exception", {{"what", std::string_view(e.what())}});
  }
  return to_answer({"XX000", "Internal error of the router", std::nullopt, std::nullopt, 500});
}

}  // namespace

Session::Session(TcpSocket socket, const PortSettings& port)
    : socket_(std::move(socket)), port_(port), writer_(socket_, clock_, port.http_date) {}

void Session::check_time(Clock::time_point now) {
  if (now - clock_.began < time_limit(clock_.phase, draining_, port_.limits)) return;
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

/// A request may be on its way to an idle connection: it is served if it comes within the grace, and told to
/// close.
void Session::drain() {
  draining_ = true;
  if (clock_.phase == Phase::idle) clock_.enter(Phase::idle);
}

void Session::cut() {
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
  if (timed_out_ || !socket_.is_open()) co_return;
  clock_.enter(Phase::lingering);
  std::array<char, 4096> rest;
  for (std::size_t dropped = 0; dropped < lingering_bytes;) {
    const auto [ec, n] = co_await socket_.async_read_some(asio::buffer(rest), as_tuple);
    if (ec) break;
    dropped += n;
  }
}

Awaitable<bool> Session::serve_one() {
  std::optional<Parser> parser(std::in_place);
  parser->header_limit(static_cast<std::uint32_t>(port_.limits.header_bytes + port_.limits.url_bytes));
  parser->body_limit(port_.limits.body_bytes);
  if (!co_await read_request(*parser)) co_return false;

  Call call(parser->release());
  parser.reset();
  clock_.enter(Phase::serving);
  RequestTally tally(port_.metrics, port_.access_log, call);
  Answer answer;
  std::exception_ptr failure;
  try {
    answer = co_await port_.handler(call);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) answer = answer_to_exception(failure);
  const Framing framing{call.request.version(), call.request.method() == http::verb::head,
                        call.request.keep_alive() && !draining_};
  co_return co_await writer_.write(std::move(answer), framing, &tally);
}

/// Reads one request into the parser; false where there is none, or where it has been refused.
Awaitable<bool> Session::read_request(Parser& parser) {
  clock_.enter(Phase::idle);
  if (buffer_.size() == 0) {
    // The first bytes are awaited apart, so that a connection with nothing to say is idle, not slow.
    auto space = buffer_.prepare(idle_buffer_bytes / 2);
    const auto [ec, n] = co_await socket_.async_read_some(space, as_tuple);
    if (ec) co_return false;
    buffer_.commit(n);
  }
  clock_.enter(Phase::head);
  const auto [ec, n] = co_await http::async_read_header(socket_, buffer_, parser, as_tuple);
  const auto& request = parser.get();
  const auto refusal =
      ec ? head_failure(ec, std::exchange(timed_out_, false), !request.target().empty(), port_.limits)
         : head_refusal(request, port_.limits);
  if (refusal) co_await refuse(request.method(), *refusal);
  if (ec || refusal) co_return false;
  if (parser.is_done()) co_return true;
  co_return co_await read_body(parser);
}

Awaitable<bool> Session::read_body(Parser& parser) {
  clock_.enter(Phase::body);
  const auto& request = parser.get();
  if (boost::beast::iequals(request[http::field::expect], "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [ec, n] = co_await asio::async_write(socket_, asio::buffer(go_on), as_tuple);
    if (ec) co_return false;
  }
  const auto [ec, n] = co_await http::async_read(socket_, buffer_, parser, as_tuple);
  if (!ec) co_return true;
  if (const auto refusal = body_failure(ec, std::exchange(timed_out_, false), port_.limits))
    co_await refuse(request.method(), *refusal);
  co_return false;
}

/// Answers a request that has not been read whole: what follows on the connection cannot be understood.
Awaitable<void> Session::refuse(http::verb method, const Error& error) {
  draining_ = true;
  auto answer = to_answer(error);
  count_refusal(port_.metrics, method, answer.status);
  co_await writer_.write(std::move(answer), {}, nullptr);
}

}  // namespace shardplex::router
