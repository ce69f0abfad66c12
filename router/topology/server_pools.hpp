// The control thread's connections: one pool per server, as long as anybody watches it.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "postgres/asio.hpp"
#include "postgres/pool.hpp"

namespace shardplex::router {

/// Thread: that of its io_context.
class ServerPools {
 public:
  /// Each pool has one connection per lane; the rest is as in `settings`.
  ServerPools(asio::io_context& io, postgres::PoolSettings settings);

  /// Pools keep their deadlines by being ticked; begins with that.
  void start();

  /// Someone watches the server from now on; each hold() needs its release(), and the last one closes the
  /// connections.
  void hold(const std::string& conninfo);
  void release(const std::string& conninfo);

  /// Precondition: the server is held.
  postgres::Pool& at(const std::string& conninfo);

  /// Null where nobody watches the server.
  postgres::Pool* find(const std::string& conninfo);

  /// What sessions know of each other, those of the workers included.
  postgres::Sessions& sessions() const { return *settings_.connection.sessions; }

  std::size_t size() const { return servers_.size(); }

 private:
  struct Held {
    std::unique_ptr<postgres::Pool> pool;
    std::size_t holders = 0;
  };

  asio::io_context& io_;
  const postgres::PoolSettings settings_;
  std::map<std::string, Held> servers_;  // by connection string
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> ticker_;
};

}  // namespace shardplex::router
