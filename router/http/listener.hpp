// A listening socket and the sessions it has accepted, all on one thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "router/http/session.hpp"

namespace shardplex::router {

using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

/// Both throw std::runtime_error with the address, the port and what to do.
asio::ip::tcp::endpoint endpoint_of(const std::string& address, std::uint16_t port);
void bind_to(TcpAcceptor& acceptor, const asio::ip::tcp::endpoint& endpoint);

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

  /// Takes what waits in the backlog, stops accepting, and lets every session finish what it has begun.
  void drain();
  bool empty() const { return sessions_.empty(); }
  /// Cuts every session.
  void abandon();
  void check_times(Clock::time_point now);

 private:
  Awaitable<void> accept();
  void admit(TcpSocket socket);
  Awaitable<void> turn_away(TcpSocket socket);

  asio::io_context& io_;
  PortSettings settings_;
  TcpAcceptor acceptor_;
  std::uint16_t port_ = 0;
  std::list<std::shared_ptr<Session>> sessions_;
  bool draining_ = false;
};

}  // namespace shardplex::router
