#include "tests/chaos/proxy.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

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

  /// As a network does that forgets a connection: with a reset.
  void end() {
    for (auto* socket : {&client, &server}) {
      error_code ignored;
      if (!socket->is_open()) continue;
      socket->set_option(tcp::socket::linger(true, 0), ignored);
      socket->close(ignored);
    }
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

void Proxy::drop_connections() {
  asio::post(io_, [this] {
    for (const auto& known : ways_)
      if (const auto way = known.lock()) way->end();
    ways_.clear();
  });
}

void Proxy::accept() {
  auto way = std::make_shared<Way>(io_);
  auto& client = way->client;
  acceptor_.async_accept(client, [this, way = std::move(way)](error_code failure) {
    if (failure) return;
    accept();
    way->server.async_connect(local(server_), [this, way](error_code refused) {
      if (refused) return way->end();
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
                         if (failure && !silent_) return way->end();
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
  if (size == 0) return way->end();
  asio::async_write(to_server ? way->server : way->client, asio::buffer(way->buffers[to_server].data(), size),
                    [this, way, to_server](error_code failure, std::size_t) {
                      if (failure) return way->end();
                      pass_on(way, to_server);
                    });
}

}  // namespace shardplex::chaos
