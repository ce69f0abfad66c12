// A listening socket and the sessions it has accepted, all on one thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "router/http/session.hpp"

namespace shardplex::router {

using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

/// Both throw std::runtime_error with the address, the port and what to do.
asio::ip::tcp::endpoint endpoint_of(const std::string& address, std::uint16_t port);
void bind_to(TcpAcceptor& acceptor, const asio::ip::tcp::endpoint& endpoint);

/// How long a drain waits for a request that is on its way to an idle connection.
inline constexpr auto drain_grace = std::chrono::milliseconds(2000);

/// Thread: that of its io_context.
class Listener {
 public:
  struct Options {
    std::string address;
    std::uint16_t port = 0;
    bool reuse_port =
        false;  ///< several listeners share the port, and the kernel spreads connections over them
  };
  /// Binds and listens; throws boost::system::system_error naming the address where that fails.
  Listener(asio::io_context& io, const Options& options, PortSettings settings);

  void start();
  std::uint16_t port() const { return port_; }

  /// Tells clients to go elsewhere by `Connection: close` on every answer, and goes on accepting. Connections
  /// that are idle at `idle_until` are closed.
  void announce_drain(Clock::time_point idle_until);
  /// Takes what waits in the backlog, stops accepting, and lets every session finish what it has begun. An
  /// idle connection is kept for drain_grace.
  void drain();
  bool empty() const { return sessions_.empty() && turned_away_.empty(); }
  /// Cuts every session.
  void abandon();
  void check_times(Clock::time_point now);

 private:
  Awaitable<void> accept();
  using Sessions = std::list<std::shared_ptr<Session>>;
  void admit(TcpSocket socket);
  void run(Sessions& list, const std::shared_ptr<Session>& session, Awaitable<void> life);
  void tell_connections();

  asio::io_context& io_;
  PortSettings settings_;
  TcpAcceptor acceptor_;
  std::uint16_t port_ = 0;
  Sessions sessions_;
  Sessions turned_away_;                         // those over the limit, until they have been told so
  std::optional<Clock::time_point> idle_until_;  // once a drain has been announced
  bool draining_ = false;
  std::uint64_t refused_before_ = 0;  // by the memory budget
};

}  // namespace shardplex::router
