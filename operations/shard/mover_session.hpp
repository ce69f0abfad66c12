// A session of the mover on one shard, which holds its lock there and shows that it lives.
#pragma once

#include <future>
#include <memory>
#include <pqxx/pqxx>
#include <stop_token>
#include <thread>

namespace shardplex::operations {

/// Says something once a second, on a thread of its own: a server that hangs makes the mover silent on that
/// shard alone.
class MoverSession {
 public:
  /// The connection holds the lock.
  explicit MoverSession(std::unique_ptr<pqxx::connection> connection);
  /// Gives the lock back. A server that hangs is waited for no longer than a second; the end of the
  /// connection does the same.
  ~MoverSession();
  MoverSession(const MoverSession&) = delete;

 private:
  void live(const std::stop_token& stop);
  void show_life(const std::stop_token& stop);

  std::unique_ptr<pqxx::connection> connection_;  // of the thread
  const int socket_;  // another descriptor of its socket, to hang up while the thread waits for an answer
  std::promise<void> ended_;
  std::jthread life_;  // last: it uses the others
};

}  // namespace shardplex::operations
