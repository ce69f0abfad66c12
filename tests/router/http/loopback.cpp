#include "tests/router/http/loopback.hpp"

#include <poll.h>
#include <prometheus/text_serializer.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <stdexcept>
#include <utility>

namespace shardplex::tests {

namespace http = router::http;
using namespace std::chrono_literals;

router::Limits small_limits() {
  router::Limits limits;
  limits.url_bytes = 100;
  limits.header_bytes = 1000;
  limits.body_bytes = 1000;
  limits.header_timeout = limits.body_timeout = limits.write_timeout = 10min;
  limits.idle_timeout = 24h;
  return limits;
}

Loopback::Loopback(router::Handler handler, router::Limits limits, MemoryBudget* memory,
                   router::AllowedOrigins origins)
    : limits_(std::move(limits)), origins_(std::move(origins)) {
  listener_ = std::make_unique<router::Listener>(
      io_, router::Listener::Options{"127.0.0.1", 0, false},
      router::PortSettings{limits_, std::move(handler), date_, &metrics_.worker(0), false, memory, &origins_,
                           true});
  listener_->start();
  thread_ = std::thread([this] { io_.run(); });
}

Loopback::~Loopback() {
  asio::post(io_, [this] {
    listener_->drain();
    listener_->abandon();
    io_.stop();
  });
  thread_.join();
}

void Loopback::on_thread(const std::function<void(router::Listener&)>& f) {
  std::promise<void> done;
  asio::post(io_, [&] {
    f(*listener_);
    done.set_value();
  });
  done.get_future().wait();
}

bool Loopback::pass(std::chrono::seconds time, const std::function<bool()>& done) {
  return soon([&] {
    on_thread([&](router::Listener& listener) { listener.check_times(Clock::now() + time); });
    return done();
  });
}

int Loopback::counted(std::string_view route, std::string_view method, unsigned status) const {
  const auto text = prometheus::TextSerializer().Serialize(metrics_.Collect());
  const auto line = "shardplex_http_requests_total{route=\"" + std::string(route) + "\",method=\"" +
                    std::string(method) + "\",code=\"" + std::to_string(status) + "\"} ";
  const auto at = text.find(line);
  return at == std::string::npos ? 0 : std::stoi(text.substr(at + line.size()));
}

bool soon(const std::function<bool()>& done) {
  const auto until = Clock::now() + 30s;
  while (!done()) {
    if (Clock::now() > until) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

Client::Client(const Loopback& server) {
  socket_.connect({asio::ip::address_v4::loopback(), server.port()});
}

void Client::finish(const bool& done) {
  io_.restart();
  io_.run_for(30s);
  if (done) return;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  io_.restart();
  io_.run();
  throw std::runtime_error("the server is silent");
}

void Client::send(std::string_view bytes) {
  bool done = false;
  boost::system::error_code failure;
  asio::async_write(socket_, asio::buffer(bytes), [&](boost::system::error_code ec, std::size_t) {
    failure = ec;
    done = true;
  });
  finish(done);
  if (failure) throw boost::system::system_error(failure);
}

void Client::half_close() {
  socket_.shutdown(asio::socket_base::shutdown_send);
}

Client::Response Client::read(bool to_head) {
  bool done = false;
  boost::system::error_code failure;
  http::response_parser<http::string_body> parser;
  parser.skip(to_head);
  parser.body_limit(std::uint64_t{1} << 30);
  http::async_read(socket_, buffer_, parser, [&](boost::system::error_code ec, std::size_t) {
    failure = ec;
    done = true;
  });
  finish(done);
  if (failure) throw boost::system::system_error(failure);
  return parser.release();
}

boost::system::error_code Client::read_error() {
  try {
    read();
  } catch (const boost::system::system_error& e) {
    return e.code();
  }
  return {};
}

std::string Client::read_bytes(std::size_t count) {
  bool done = false;
  boost::system::error_code failure;
  std::string bytes(count, '\0');
  asio::async_read(socket_, asio::buffer(bytes), [&](boost::system::error_code ec, std::size_t) {
    failure = ec;
    done = true;
  });
  finish(done);
  if (failure) throw boost::system::system_error(failure);
  return bytes;
}

bool Client::ended() {
  bool done = false, end = false;
  char byte = 0;
  if (buffer_.size() > 0) return false;
  socket_.async_read_some(asio::buffer(&byte, 1), [&](boost::system::error_code ec, std::size_t) {
    end = ec.failed();
    done = true;
  });
  finish(done);
  return end;
}

bool Client::readable() {
  pollfd descriptor{socket_.native_handle(), POLLIN, 0};
  return ::poll(&descriptor, 1, 0) > 0;
}

}  // namespace shardplex::tests
