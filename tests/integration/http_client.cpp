#include "tests/integration/http_client.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <limits>

#include "tests/integration/process.hpp"

namespace shardplex::integration {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

asio::ip::tcp::endpoint local(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}

/// Runs the one operation that has been begun to its end.
void run_operation(asio::io_context& io) {
  io.restart();
  io.run();
}

}  // namespace

struct HttpClient::Transport {
  asio::io_context io{1};
  std::unique_ptr<boost::beast::tcp_stream> stream;
  boost::beast::flat_buffer buffer;
};

struct RawConnection::Transport {
  asio::io_context io{1};
  boost::beast::tcp_stream stream{io};
};

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (boost::beast::iequals(known, name)) return value;
  return std::nullopt;
}

std::string HttpResponse::error_code() const {
  boost::system::error_code ec;
  const auto json = boost::json::parse(body, ec);
  if (ec || !json.is_object()) return "";
  const auto* code = json.as_object().if_contains("code");
  return code != nullptr && code->is_string() ? std::string(code->as_string()) : "";
}

HttpClient::HttpClient(std::uint16_t port, Repeats repeats)
    : port_(port), repeats_(repeats), transport_(std::make_unique<Transport>()) {}

HttpClient::~HttpClient() = default;

bool HttpClient::connected() const {
  return transport_->stream != nullptr;
}

void HttpClient::close() {
  transport_->stream.reset();
}

void HttpClient::connect() {
  auto& [io, stream, buffer] = *transport_;
  buffer.clear();
  stream = std::make_unique<boost::beast::tcp_stream>(io);
  stream->expires_after(patience);
  boost::system::error_code failure;
  stream->async_connect(local(port_), [&](boost::system::error_code ec) { failure = ec; });
  run_operation(io);
  if (!failure) {
    stream->socket().set_option(asio::ip::tcp::no_delay(true));
    return;
  }
  stream.reset();
  throw ConnectionFailure("cannot connect: " + failure.message(), false);
}

bool HttpClient::closed_by_server() {
  char byte = 0;
  const auto seen = ::recv(transport_->stream->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return seen == 0 || (seen < 0 && errno != EAGAIN);
}

HttpResponse HttpClient::request(std::string_view method, std::string_view target, const Headers& headers,
                                 std::string_view body) {
  if (connected() && closed_by_server()) close();
  const bool kept = connected();
  try {
    return exchange(method, target, headers, body);
  } catch (const ConnectionFailure& failure) {
    close();
    const bool may_repeat =
        repeats_ == Repeats::as_browsers_do && (method == "GET" || method == "HEAD" || method == "OPTIONS");
    if (!kept || !may_repeat || failure.began) throw;
  }
  return exchange(method, target, headers, body);
}

HttpResponse HttpClient::exchange(std::string_view method, std::string_view target, const Headers& headers,
                                  std::string_view body) {
  if (!connected()) connect();
  http::request<http::string_body> request;
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.version(11);
  request.set(http::field::host, "127.0.0.1");
  for (const auto& [name, value] : headers) request.insert(name, value);
  request.body() = body;
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") request.prepare_payload();

  auto& [io, stream, buffer] = *transport_;
  boost::system::error_code write_failure, failure;
  stream->expires_after(patience);
  http::async_write(*stream, request, [&](boost::system::error_code ec, std::size_t) { write_failure = ec; });
  run_operation(io);
  // An answer may have been given before the request was taken in whole: it is what counts.
  http::response_parser<http::string_body> parser;
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  parser.skip(method == "HEAD");
  http::async_read(*stream, buffer, parser, [&](boost::system::error_code ec, std::size_t) { failure = ec; });
  run_operation(io);
  if (failure) {
    const bool began = parser.got_some();
    close();
    throw ConnectionFailure(std::string(began ? "the answer was cut: " : "no answer came: ") +
                                (write_failure ? write_failure : failure).message(),
                            began);
  }
  HttpResponse response;
  response.chunked = parser.chunked();
  const bool keep_alive = parser.keep_alive();
  auto message = parser.release();
  response.status = message.result_int();
  for (const auto& field : message) response.headers.emplace_back(field.name_string(), field.value());
  response.body = std::move(message.body());
  if (!keep_alive) close();
  return response;
}

RawConnection::RawConnection(std::uint16_t port) : transport_(std::make_unique<Transport>()) {
  transport_->stream.socket().connect(local(port));
}

RawConnection::~RawConnection() = default;

void RawConnection::write(std::string_view bytes) {
  auto& [io, stream] = *transport_;
  boost::system::error_code failure;
  stream.expires_after(patience);
  asio::async_write(stream, asio::buffer(bytes),
                    [&](boost::system::error_code ec, std::size_t) { failure = ec; });
  run_operation(io);
  if (failure) throw ConnectionFailure("cannot write: " + failure.message(), false);
}

std::string RawConnection::read_to_end() {
  auto& [io, stream] = *transport_;
  std::string text;
  boost::system::error_code failure;
  stream.expires_after(patience);
  asio::async_read(stream, asio::dynamic_buffer(text),
                   [&](boost::system::error_code ec, std::size_t) { failure = ec; });
  run_operation(io);
  if (failure != asio::error::eof) throw ConnectionFailure("not closed: " + failure.message(), !text.empty());
  return text;
}

std::string RawConnection::read_until(std::string_view wanted) {
  auto& [io, stream] = *transport_;
  std::string text;
  while (text.find(wanted) == std::string::npos) {
    std::array<char, 4096> bytes;
    boost::system::error_code failure;
    std::size_t count = 0;
    stream.expires_after(patience);
    stream.async_read_some(asio::buffer(bytes), [&](boost::system::error_code ec, std::size_t n) {
      failure = ec;
      count = n;
    });
    run_operation(io);
    if (failure) throw ConnectionFailure("never came: " + std::string(wanted) + " in " + text, !text.empty());
    text.append(bytes.data(), count);
  }
  return text;
}

std::string RawConnection::read(std::size_t count) {
  auto& [io, stream] = *transport_;
  std::string bytes(count, '\0');
  boost::system::error_code failure;
  stream.expires_after(patience);
  asio::async_read(stream, asio::buffer(bytes),
                   [&](boost::system::error_code ec, std::size_t) { failure = ec; });
  run_operation(io);
  if (failure) throw ConnectionFailure("ended before its end: " + failure.message(), true);
  return bytes;
}

void RawConnection::shut_down_writing() {
  transport_->stream.socket().shutdown(asio::socket_base::shutdown_send);
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace shardplex::integration
