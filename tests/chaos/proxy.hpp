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
  /// All connections that there are end; new ones are passed on. Returns when they have ended: how many.
  int drop_connections();
  /// While it is silent, nothing that is sent arrives, either way, and no connection ends: packets are lost.
  /// What was sent meanwhile arrives afterwards.
  void be_silent(bool silent) {
    if (silent) held_back_ = 0;
    silent_ = silent;
  }
  /// How many pieces of what was sent have come since it was last told to be silent, and had to wait.
  int held_back() const { return held_back_; }

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
  std::atomic<int> held_back_{0};
  std::list<std::weak_ptr<Way>> ways_;
  std::thread thread_;
};

}  // namespace shardplex::chaos
