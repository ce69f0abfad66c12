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

#include "router/http/backlog.hpp"
#include "router/log.hpp"

namespace shardplex::router {
namespace {

constexpr int backlog = 4096;
constexpr std::size_t most_turned_away = 16;  // at a time; others are closed without a word
constexpr auto longest_last_accepts =
    std::chrono::milliseconds(250);                           // the worker does nothing else meanwhile
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
    if (!ec) admit(std::move(socket));  // also where it came just before the drain
    if (ec == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
    if (ec) {
      log_warning("accept failed", {{"reason", std::string_view(ec.message())}});
      asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer(io_, accept_pause);
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
    }
  }
}

void Listener::admit(TcpSocket socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const bool full = sessions_.size() >= settings_.limits.connections_per_worker;
  if (full && settings_.metrics) settings_.metrics->connections_refused.add();
  if (full && turned_away_.size() >= most_turned_away) return;
  const auto session = std::make_shared<Session>(std::move(socket), settings_);
  if (full)
    run(turned_away_, session, session->turn_away(too_many_connections()));
  else
    run(sessions_, session, session->run());
  if (idle_until_) session->drain(*idle_until_);
}

void Listener::run(Sessions& list, const std::shared_ptr<Session>& session, Awaitable<void> life) {
  const auto place = list.insert(list.end(), session);
  tell_connections();
  asio::co_spawn(io_, std::move(life), [this, &list, place](std::exception_ptr failure) {
    list.erase(place);
    tell_connections();
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      log_error("a session ended on an exception", {{"what", std::string_view(e.what())}});
    }
  });
}

void Listener::tell_connections() {
  if (settings_.metrics) settings_.metrics->connections.set(sessions_.size());
}

void Listener::announce_drain(Clock::time_point idle_until) {
  idle_until_ = idle_until;
  for (const auto& session : sessions_) session->drain(idle_until);
}

void Listener::drain() {
  if (draining_) return;
  draining_ = true;
  announce_drain(Clock::now() + drain_grace);
  boost::system::error_code ec;
  acceptor_.non_blocking(true, ec);
  begin_no_more(acceptor_.native_handle());
  // Connections that the kernel has completed would be reset if the socket just closed. Where it goes on
  // completing some, others are reset.
  const auto until = Clock::now() + longest_last_accepts;
  while (Clock::now() < until) {
    TcpSocket socket(io_);
    acceptor_.accept(socket, ec);
    if (!ec)
      admit(std::move(socket));
    else if (ec != asio::error::would_block || !await_last_connection(acceptor_.native_handle()))
      break;
  }
  acceptor_.close(ec);
}

void Listener::abandon() {
  for (const auto& session : sessions_) session->cut();
  for (const auto& session : turned_away_) session->cut();
}

void Listener::check_times(Clock::time_point now) {
  bool pressed = false;
  if (settings_.memory) {
    const auto refused = settings_.memory->refused();
    pressed = std::exchange(refused_before_, refused) != refused;
  }
  for (const auto& session : sessions_) session->check_time(now, pressed);
  for (const auto& session : turned_away_) session->check_time(now, pressed);
}

}  // namespace shardplex::router
