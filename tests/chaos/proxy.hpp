// A way to a server that can be broken.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <list>
#include <memory>
#include <thread>

namespace shardplex::chaos {

/// Passes connections to a free port of 127.0.0.1 on to a server's, on a thread of its own. It stands in for
/// the network between a router and the server.
class Proxy {
 public:
  explicit Proxy(std::uint16_t server);
  ~Proxy();
  Proxy(const Proxy&) = delete;

  std::uint16_t port() const { return port_; }
  /// All connections that there are end; new ones are passed on.
  void drop_connections();
  /// While it is silent, nothing that is sent arrives, either way, and no connection ends: packets are lost.
  /// What was sent meanwhile arrives afterwards.
  void be_silent(bool silent) { silent_ = silent; }

 private:
  using Socket = boost::asio::ip::tcp::socket;
  struct Way;

  void accept();
  void pass_on(const std::shared_ptr<Way>& way, bool to_server);
  void write_when_heard(const std::shared_ptr<Way>& way, bool to_server, std::size_t size);

  boost::asio::io_context io_{1};
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_, server_;
  std::atomic<bool> silent_{false};
  std::list<std::weak_ptr<Way>> ways_;
  std::thread thread_;
};

}  // namespace shardplex::chaos
