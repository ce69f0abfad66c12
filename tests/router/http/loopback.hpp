// A listener with given limits and handler on a port of this machine, and a client that says exactly what it
// is told to.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "router/http/listener.hpp"
#include "router/metrics.hpp"

namespace shardplex::tests {

/// Small limits of size, times that pass only where Loopback::pass() makes them.
router::Limits small_limits();

class Loopback {
 public:
  explicit Loopback(router::Handler handler, router::Limits limits = small_limits(),
                    MemoryBudget* memory = nullptr, router::AllowedOrigins origins = {});
  ~Loopback();

  std::uint16_t port() const { return listener_->port(); }
  asio::io_context& io() { return io_; }

  /// Runs f on the listener's thread and waits for it.
  void on_thread(const std::function<void(router::Listener&)>& f);
  /// As if so much time had passed for every connection, now and again, until `done`; false where that does
  /// not come in five seconds.
  bool pass(std::chrono::seconds time, const std::function<bool()>& done);

  /// Requests counted, such as ("other", "GET", 414).
  int counted(std::string_view route, std::string_view method, unsigned status) const;
  router::WorkerMetrics& metrics() { return metrics_.worker(0); }

 private:
  router::Limits limits_;
  router::AllowedOrigins origins_;
  router::Metrics metrics_{1};
  std::string date_ = "Sun, 06 Nov 1994 08:49:37 GMT";
  asio::io_context io_{1};
  std::unique_ptr<router::Listener> listener_;
  std::thread thread_;
};

/// Waits until `done`, asking often; false where that does not come in five seconds.
bool soon(const std::function<bool()>& done);

/// Every call ends in five seconds.
class Client {
 public:
  using Response = router::http::response<router::http::string_body>;

  explicit Client(const Loopback& server);

  void send(std::string_view bytes);
  /// Says that nothing more will be sent.
  void half_close();
  /// Reads one answer; throws boost::system::system_error where there is none, or where it ends too early.
  Response read(bool to_head = false);
  /// The same, as the error; success where the answer is whole.
  boost::system::error_code read_error();
  /// Reads so many bytes as they are.
  std::string read_bytes(std::size_t count);
  /// True where the server has closed the connection, with nothing more to read.
  bool ended();
  /// Something is here to be read, or the end.
  bool readable();

 private:
  /// Runs until the operation that was begun has called its handler; throws where it does not.
  void finish(const bool& done);

  asio::io_context io_{1};
  asio::ip::tcp::socket socket_{io_};
  boost::beast::flat_buffer buffer_;
};

}  // namespace shardplex::tests
