#include "router/http/listener.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "router/http/answer.hpp"
#include "router/http/answer_writer.hpp"
#include "router/http/request_tally.hpp"
#include "router/http/session_phase.hpp"
#include "router/log.hpp"

namespace shardplex::router {
namespace {

constexpr int backlog = 4096;
constexpr auto accept_pause = std::chrono::milliseconds(50);  // when the process is out of descriptors

Error too_many_connections() {
  return {"SHARD503", "Too many connections",
          "This worker has as many client connections as --max-connections allows.", std::nullopt,
          std::nullopt};
}

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

}  // namespace

asio::ip::tcp::endpoint endpoint_of(const std::string& address, std::uint16_t port) {
  boost::system::error_code ec;
  const auto parsed = asio::ip::make_address(address, ec);
  if (ec)
    throw std::runtime_error("'" + address +
                             "' is no numeric IP address; --address and --admin-address take one");
  return {parsed, port};
}

void bind_to(TcpAcceptor& acceptor, const asio::ip::tcp::endpoint& endpoint) {
  boost::system::error_code ec;
  acceptor.bind(endpoint, ec);
  if (!ec) return;
  std::ostringstream text;
  text << "cannot listen on " << endpoint << ": " << ec.message();
  if (ec == asio::error::address_in_use)
    text << "; end the program that listens there (ss -ltnp names it), or choose another port by --port or, "
            "for "
            "the admin port, --admin-port";
  else if (ec == asio::error::access_denied)
    text << "; choose a port from 1024 on by --port or --admin-port, or allow the program lower ones";
  else
    text << "; choose an address of this machine by --address or --admin-address";
  throw std::runtime_error(text.str());
}

Listener::Listener(asio::io_context& io, const Options& options, PortSettings settings)
    : io_(io), settings_(std::move(settings)), acceptor_(io) {
  const auto endpoint = endpoint_of(options.address, options.port);
  acceptor_.open(endpoint.protocol());
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  if (options.reuse_port) acceptor_.set_option(ReusePort(true));
  bind_to(acceptor_, endpoint);
  acceptor_.listen(backlog);
  port_ = acceptor_.local_endpoint().port();
}

void Listener::start() {
  asio::co_spawn(io_, accept(), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
}

Awaitable<void> Listener::accept() {
  for (;;) {
    auto [ec, socket] = co_await acceptor_.async_accept(io_, asio::as_tuple(use_awaitable));
    if (ec == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
    if (ec) {
      log_warning("accept failed", {{"reason", std::string_view(ec.message())}});
      asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer(io_, accept_pause);
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
      continue;
    }
    admit(std::move(socket));
  }
}

void Listener::admit(TcpSocket socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  auto* metrics = settings_.metrics;
  if (sessions_.size() >= settings_.limits.connections_per_worker) {
    if (metrics) metrics->connections_refused.add();
    asio::co_spawn(io_, turn_away(std::move(socket)),
                   [](std::exception_ptr) { /* the client is gone: nobody to tell */ });
    return;
  }
  const auto session = std::make_shared<Session>(std::move(socket), settings_);
  const auto place = sessions_.insert(sessions_.end(), session);
  if (metrics) metrics->connections.set(sessions_.size());
  asio::co_spawn(io_, session->run(), [this, place](std::exception_ptr failure) {
    sessions_.erase(place);
    if (settings_.metrics) settings_.metrics->connections.set(sessions_.size());
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      log_error("a session ended on an exception", {{"what", std::string_view(e.what())}});
    }
  });
  if (draining_) session->drain();
}

Awaitable<void> Listener::turn_away(TcpSocket socket) {
  PhaseClock clock;
  AnswerWriter writer(socket, clock, settings_.http_date);
  auto answer = to_answer(too_many_connections());
  count_refusal(settings_.metrics, http::verb::unknown, answer.status);
  co_await writer.write(std::move(answer), {}, nullptr);
  boost::system::error_code ignored;
  socket.shutdown(asio::socket_base::shutdown_both, ignored);
}

void Listener::drain() {
  if (draining_) return;
  draining_ = true;
  boost::system::error_code ec;
  acceptor_.non_blocking(true, ec);
  for (;;) {  // connections the kernel has completed would be reset if the socket just closed
    TcpSocket socket(io_);
    acceptor_.accept(socket, ec);
    if (ec) break;
    admit(std::move(socket));
  }
  acceptor_.close(ec);
  for (const auto& session : sessions_) session->drain();
}

void Listener::abandon() {
  for (const auto& session : sessions_) session->cut();
}

void Listener::check_times(Clock::time_point now) {
  for (const auto& session : sessions_) session->check_time(now);
}

}  // namespace shardplex::router
