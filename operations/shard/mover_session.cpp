#include "operations/shard/mover_session.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include "operations/shard/mover.hpp"

namespace shardplex::operations {

MoverSession::MoverSession(std::unique_ptr<pqxx::connection> connection)
    : connection_(std::move(connection)),
      socket_(::dup(connection_->sock())),
      life_([this](const std::stop_token& stop) { live(stop); }) {}

MoverSession::~MoverSession() {
  life_.request_stop();
  if (ended_.get_future().wait_for(std::chrono::seconds(1)) != std::future_status::ready && socket_ >= 0)
    ::shutdown(socket_, SHUT_RDWR);
  life_.join();
  if (socket_ >= 0) ::close(socket_);
}

void MoverSession::live(const std::stop_token& stop) {
  try {
    show_life(stop);
    // Said, and not left to the end of the connection, which servers notice a little later.
    pqxx::nontransaction(*connection_)
        .exec(std::string("SELECT pg_advisory_unlock(") + mover_lock_arguments + ")");
  } catch (const std::exception&) {
    // Lost with its connection. Whoever needs the shard next finds out, and takes the lock anew.
  }
  ended_.set_value();
}

/// A session that says something is one whose process runs: a stopped one is found by its silence.
void MoverSession::show_life(const std::stop_token& stop) {
  std::mutex waiting;
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    std::unique_lock lock(waiting);
    wake.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
    if (!stop.stop_requested()) pqxx::nontransaction(*connection_).exec("SELECT 1");
  }
}

}  // namespace shardplex::operations
