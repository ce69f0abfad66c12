#include "postgres/canceller.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace shardplex::postgres {
namespace {

constexpr std::size_t threads_per_server = 2;
constexpr std::size_t most_waiting = 64;  // for one server

struct CancelDeleter {
  void operator()(PGcancel* cancel) const noexcept { PQfreeCancel(cancel); }
};
using Cancel = std::unique_ptr<PGcancel, CancelDeleter>;

class Canceller {
 public:
  void add(const std::string& server, Cancel cancel) {
    const std::lock_guard lock(mutex_);
    auto& queue = queues_[server];
    if (queue.waiting.size() >= most_waiting) return;
    queue.waiting.push_back(std::move(cancel));
    if (queue.threads >= threads_per_server) return;
    try {
      // It may never come back from PQcancel(), so nobody waits for it.
      std::thread([this, server] { work(server); }).detach();
      ++queue.threads;
    } catch (const std::system_error&) {
      // No thread is to be had now. What waits goes with the next one.
    }
  }

 private:
  struct Queue {
    std::deque<Cancel> waiting;
    std::size_t threads = 0;
  };

  void work(const std::string& server) {
    for (;;) {
      const auto cancel = next(server);
      if (!cancel) return;
      std::array<char, 256> error;  // a cancel may fail: statement_timeout then ends the statement
      PQcancel(cancel.get(), error.data(), static_cast<int>(error.size()));
    }
  }

  /// Null where there is none: the thread that asked has then left the queue.
  Cancel next(const std::string& server) {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(server);
    auto& queue = found->second;
    if (queue.waiting.empty()) {
      if (--queue.threads == 0) queues_.erase(found);
      return nullptr;
    }
    auto cancel = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    return cancel;
  }

  std::mutex mutex_;
  std::map<std::string, Queue> queues_;  // by host and port; one lives while it has threads or cancels
};

}  // namespace

void cancel_in_background(PGconn* pg) {
  // Never destroyed: a thread may still be in PQcancel() when the process ends.
  static auto& canceller = *new Canceller;
  Cancel cancel(PQgetCancel(pg));
  if (!cancel) return;
  const auto or_empty = [](const char* text) { return std::string(text ? text : ""); };
  canceller.add(or_empty(PQhost(pg)) + ':' + or_empty(PQport(pg)), std::move(cancel));
}

}  // namespace shardplex::postgres
