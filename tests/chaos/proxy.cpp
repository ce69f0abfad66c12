#include "tests/chaos/proxy.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <future>

namespace shardplex::chaos {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto until_looked_again = std::chrono::milliseconds(5);

tcp::endpoint local(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}

}  // namespace

struct Proxy::Way {
  explicit Way(asio::io_context& io)
      : client(io), server(io), timers{asio::steady_timer(io), asio::steady_timer(io)} {}

  /// As a network does that forgets a connection: with a reset. False: it had ended before.
  bool end() {
    bool was_open = false;
    for (auto* socket : {&client, &server}) {
      error_code ignored;
      if (!socket->is_open()) continue;
      was_open = true;
      socket->set_option(tcp::socket::linger(true, 0), ignored);
      socket->close(ignored);
    }
    return was_open;
  }

  Socket client, server;
  std::array<asio::steady_timer, 2> timers;          // by direction
  std::array<std::array<char, 16384>, 2> buffers{};  // the same
};

Proxy::Proxy(std::uint16_t server)
    : acceptor_(io_, local(0)), port_(acceptor_.local_endpoint().port()), server_(server) {
  accept();
  thread_ = std::thread([this] { io_.run(); });
}

Proxy::~Proxy() {
  io_.stop();
  thread_.join();
}

int Proxy::drop_connections() {
  std::promise<int> ended;
  asio::post(io_, [&] {
    int count = 0;
    for (const auto& known : ways_) {
      const auto way = known.lock();
      if (way && way->end()) ++count;
    }
    ways_.clear();
    ended.set_value(count);
  });
  return ended.get_future().get();
}

void Proxy::accept() {
  auto way = std::make_shared<Way>(io_);
  auto& client = way->client;
  acceptor_.async_accept(client, [this, way = std::move(way)](error_code failure) {
    if (failure) return;
    accept();
    way->server.async_connect(local(server_), [this, way](error_code refused) {
      if (refused) {
        way->end();
        return;
      }
      error_code ignored;
      way->client.set_option(tcp::no_delay(true), ignored);
      way->server.set_option(tcp::no_delay(true), ignored);
      std::erase_if(ways_, [](const auto& known) { return known.expired(); });
      ways_.push_back(way);
      pass_on(way, true);
      pass_on(way, false);
    });
  });
}

void Proxy::pass_on(const std::shared_ptr<Way>& way, bool to_server) {
  auto& from = to_server ? way->client : way->server;
  from.async_read_some(asio::buffer(way->buffers[to_server]),
                       [this, way, to_server](error_code failure, std::size_t size) {
                         // A silent network does not tell of an end either; whoever waits, waits on.
                         if (failure && !silent_) {
                           way->end();
                           return;
                         }
                         if (silent_) ++held_back_;
                         write_when_heard(way, to_server, failure ? 0 : size);
                       });
}

void Proxy::write_when_heard(const std::shared_ptr<Way>& way, bool to_server, std::size_t size) {
  if (silent_) {
    auto& timer = way->timers[to_server];
    timer.expires_after(until_looked_again);
    timer.async_wait([this, way, to_server, size](error_code) { write_when_heard(way, to_server, size); });
    return;
  }
  if (size == 0) {
    way->end();
    return;
  }
  asio::async_write(to_server ? way->server : way->client, asio::buffer(way->buffers[to_server].data(), size),
                    [this, way, to_server](error_code failure, std::size_t) {
                      if (failure)
                        way->end();
                      else
                        pass_on(way, to_server);
                    });
}

}  // namespace shardplex::chaos
