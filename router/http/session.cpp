#include "router/http/session.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

#include "postgres/failure.hpp"
#include "router/http/compress.hpp"
#include "router/http/refusals.hpp"
#include "router/http/request_tally.hpp"
#include "router/log.hpp"

namespace shardplex::router {
namespace {

constexpr auto as_tuple = asio::as_tuple(use_awaitable);
constexpr std::size_t idle_buffer_bytes = 4096;  // kept by an idle connection
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t lingering_bytes = 4 * 1024 * 1024;
constexpr std::size_t counted_from = 16 * 1024;
constexpr std::size_t body_copies = 4;  // as text, as parsed, as parameters, and in libpq's buffer
constexpr auto missed_after = std::chrono::milliseconds(100);  // a request that takes longer is worth a look
constexpr auto patience_pressed = std::chrono::seconds(2);
constexpr std::size_t much_memory = 16 * 1024;
constexpr auto longest_pipeline = std::chrono::seconds(3);  // that a drain waits for

/// The most bytes of a connection that are read and not yet parsed: a head, or one of the lines between the
/// chunks of a body, or all its trailers.
std::size_t most_buffered(const Limits& limits) {
  return std::max<std::size_t>(limits.header_bytes + limits.url_bytes, idle_buffer_bytes) + idle_buffer_bytes;
}

/// Counts what a request holds where it is worth counting; false where the budget has no room for it.
bool hold(Reservation& memory, std::size_t bytes) {
  return memory.resize(bytes < counted_from ? 0 : bytes);
}

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
    : socket_(std::move(socket)),
      port_(port),
      writer_(socket_, clock_, port.limits, port.http_date),
      buffer_(most_buffered(port.limits)),
      memory_(port.memory) {}

void Session::check_time(Clock::time_point now, bool pressed) {
  if (clock_.phase == Phase::serving && now - clock_.began >= missed_after && !client_->gone)
    client_->gone = has_left();
  if (!overstays(now, pressed)) return;
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

bool Session::overstays(Clock::time_point now, bool pressed) {
  const auto waiting = now - clock_.began;
  if (clock_.phase == Phase::idle && now >= idle_until_) return !more_has_come();
  if (clock_.phase == Phase::writing && clock_.is_over(now, port_.limits)) return true;
  // A head is counted here, since it is not seen while it comes in.
  if (clock_.phase == Phase::head && buffer_.capacity() > idle_buffer_bytes &&
      !memory_.resize(buffer_.capacity()))
    return true;
  const bool waits_for_client =
      clock_.phase == Phase::writing || clock_.phase == Phase::body || clock_.phase == Phase::head;
  if (pressed && waits_for_client && waiting >= patience_pressed && memory_.bytes() >= much_memory)
    return true;
  return waiting >= time_limit(clock_.phase, port_.limits);
}

/// Nobody waits for an answer any more. A client that has closed its side may have gone, or have said no more
/// than that it sends nothing further. Its kernel tells which, when something is sent: an interim answer,
/// which clients of HTTP/1.1 expect at any time. Others know none, and are taken to have gone.
bool Session::has_left() {
  pollfd descriptor{socket_.native_handle(), POLLRDHUP, 0};
  if (::poll(&descriptor, 1, 0) <= 0) return false;
  if ((descriptor.revents & (POLLHUP | POLLERR)) != 0 || knows_no_interim_) return true;
  if (!std::exchange(may_send_interim_, false)) return false;
  const auto sent = ::send(socket_.native_handle(), go_on.data(), go_on.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  // The answer would be read as the rest of what was sent in part.
  const bool in_part = sent > 0 && static_cast<std::size_t>(sent) < go_on.size();
  if (in_part) cut();
  return in_part;
}

void Session::drain(Clock::time_point idle_until) {
  if (!drain_began_) drain_began_ = Clock::now();
  idle_until_ = idle_until;
}

/// Bytes of a further request are here, read or still with the kernel.
bool Session::more_has_come() {
  boost::system::error_code ec;
  return buffer_.size() > 0 || (socket_.available(ec) > 0 && !ec);
}

/// Whether the next answer has to say that it is the last. A client that is told so may take every request
/// behind it as not served (RFC 9112, section 9.6): what it has pipelined is answered first, but not for
/// ever.
bool Session::answers_its_last() {
  if (!drain_began_) return false;
  return !more_has_come() || Clock::now() - *drain_began_ >= longest_pipeline;
}

void Session::cut() {
  boost::system::error_code ignored;
  // To HTTP/1.0 the end of the connection is the end of a streamed answer: a reset says that it is not.
  const bool amid_answer = clock_.phase == Phase::writing || clock_.phase == Phase::serving;
  if (amid_answer && knows_no_interim_) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

Awaitable<void> Session::run() {
  // gcc 12 miscompiles a co_await in a loop's condition.
  for (;;) {
    const bool more = co_await serve_one();
    if (!more) break;
    memory_.resize(0);
    if (buffer_.size() == 0 && buffer_.capacity() > idle_buffer_bytes) buffer_.shrink_to_fit();
  }
  co_await linger();
}

Awaitable<void> Session::turn_away(Error why) {
  co_await refuse_unread(http::verb::unknown, why);
  co_await linger();
}

/// Lets the client read what was sent last before the connection goes: closing with unread input would reset
/// it.
Awaitable<void> Session::linger() {
  const bool does_not_read = clock_.phase == Phase::writing && timed_out_;
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  if (does_not_read || !socket_.is_open()) co_return;
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

  Call call(parser->release(), client_);
  parser.reset();
  clock_.enter(Phase::serving);
  RequestTally tally(port_.metrics, {port_.access_log, port_.slow_request}, call);
  knows_no_interim_ = call.request.version() < 11;
  may_send_interim_ = !knows_no_interim_;
  auto answer = co_await answer_to(call);
  may_send_interim_ = false;
  if (port_.compresses) compress(answer, call.header(http::field::accept_encoding), port_.memory);
  const Framing framing{call.request.version(), call.request.method() == http::verb::head,
                        call.request.keep_alive() && !answers_its_last()};
  co_return co_await writer_.write(std::move(answer), framing, &tally);
}

/// The handler's answer, or that there is no memory for it.
Awaitable<Answer> Session::answer_to(Call& call) {
  if (!hold(memory_, body_copies * call.request.body().size()))
    co_return own_answer(to_answer(postgres::out_of_memory()), call.request);
  Answer answer;
  std::exception_ptr failure;
  try {
    answer = co_await port_.handler(call);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) co_return own_answer(answer_to_exception(failure), call.request);
  call.request.body() = {};
  // What was written has been written, and its client has to be told so.
  const bool repeatable =
      call.request.method() == http::verb::get || call.request.method() == http::verb::head;
  const auto bytes = answer.body.size() < counted_from ? 0 : answer.body.size();
  if (!repeatable) memory_.resize_anyway(bytes);
  if (repeatable && !memory_.resize(bytes))
    co_return own_answer(to_answer(postgres::out_of_memory()), call.request);
  co_return answer;
}

/// Reads one request into the parser; false where there is none, or where it has been refused.
Awaitable<bool> Session::read_request(Parser& parser) {
  clock_.enter(Phase::idle);
  if (buffer_.size() == 0) {
    // The first bytes are awaited apart, so that a connection with nothing to say is idle, not slow.
    auto space = buffer_.prepare(idle_buffer_bytes / 2);
    auto [ec, n] = co_await socket_.async_read_some(space, as_tuple);
    // A request may have come just as the time was up.
    if (ec && std::exchange(timed_out_, false) && more_has_come())
      std::tie(ec, n) = co_await socket_.async_read_some(space, as_tuple);
    if (ec) co_return false;
    buffer_.commit(n);
  }
  clock_.enter(Phase::head);
  const auto [ec, n] = co_await http::async_read_header(socket_, buffer_, parser, as_tuple);
  const auto& request = parser.get();
  const auto refusal =
      ec ? head_failure(ec, std::exchange(timed_out_, false), !request.target().empty(), port_.limits)
         : head_refusal(request, port_.limits);
  const bool has_fields = parser.is_header_done() || request.count(http::field::origin) > 0;
  if (refusal && has_fields) co_await refuse(request, *refusal);
  if (refusal && !has_fields) co_await refuse_unread(request.method(), *refusal);
  if (ec || refusal) co_return false;
  if (parser.is_done()) co_return true;
  co_return co_await read_body(parser);
}

Awaitable<bool> Session::read_body(Parser& parser) {
  clock_.enter(Phase::body);
  const auto& request = parser.get();
  if (boost::beast::iequals(request[http::field::expect], "100-continue")) {
    const auto [ec, n] = co_await asio::async_write(socket_, asio::buffer(go_on), as_tuple);
    if (ec) co_return false;
  }
  std::optional<Error> refusal;
  const auto ec = co_await read_rest(parser, refusal);
  if (!ec && !refusal) co_return true;
  if (!refusal) refusal = body_failure(ec, std::exchange(timed_out_, false), port_.limits);
  if (refusal) co_await refuse(request, *refusal);
  co_return false;
}

/// Reads to the body's end, and looks after each read at what it takes on the wire and in memory.
Awaitable<boost::system::error_code> Session::read_rest(Parser& parser, std::optional<Error>& refusal) {
  std::size_t wire_bytes = 0;
  for (;;) {
    const auto [ec, n] = co_await http::async_read_some(socket_, buffer_, parser, as_tuple);
    if (ec || parser.is_done()) co_return ec;
    wire_bytes += n;
    if (wire_bytes > most_wire_bytes(port_.limits)) refusal = wasteful_body(port_.limits);
    if (!hold(memory_, parser.get().body().size())) refusal = postgres::out_of_memory();
    if (refusal) co_return ec;
  }
}

/// What is not the handler's: pages can read it as they could read that.
Answer Session::own_answer(Answer answer, const Request& request) const {
  if (port_.origins) allow_reading(answer, request, *port_.origins);
  return answer;
}

/// Answers a request that has not been read whole: what follows on the connection cannot be understood.
Awaitable<void> Session::refuse(const Request& request, const Error& error) {
  co_await write_refusal(request.method(), own_answer(to_answer(error), request));
}

/// The same where the request's head has not been read.
Awaitable<void> Session::refuse_unread(http::verb method, const Error& error) {
  const auto head = buffer_.data();
  auto answer = to_answer(error);
  if (port_.origins)
    allow_reading_unread(answer, {static_cast<const char*>(head.data()), head.size()}, *port_.origins);
  co_await write_refusal(method, std::move(answer));
}

Awaitable<void> Session::write_refusal(http::verb method, Answer answer) {
  count_refusal(port_.metrics, method, answer.status);
  co_await writer_.write(std::move(answer), {}, nullptr);
}

}  // namespace shardplex::router
