#include "tests/integration/http_client.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
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

}  // namespace

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

void HttpClient::run_operation() {
  io_.restart();
  io_.run();
}

void HttpClient::connect() {
  buffer_.clear();
  stream_ = std::make_unique<boost::beast::tcp_stream>(io_);
  stream_->expires_after(patience);
  boost::system::error_code failure;
  stream_->async_connect(local(port_), [&](boost::system::error_code ec) { failure = ec; });
  run_operation();
  if (!failure) {
    stream_->socket().set_option(asio::ip::tcp::no_delay(true));
    return;
  }
  stream_.reset();
  throw ConnectionFailure("cannot connect: " + failure.message(), false);
}

bool HttpClient::closed_by_server() {
  char byte = 0;
  const auto seen = ::recv(stream_->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
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

  boost::system::error_code write_failure, failure;
  stream_->expires_after(patience);
  http::async_write(*stream_, request,
                    [&](boost::system::error_code ec, std::size_t) { write_failure = ec; });
  run_operation();
  // An answer may have been given before the request was taken in whole: it is what counts.
  http::response_parser<http::string_body> parser;
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  parser.skip(method == "HEAD");
  http::async_read(*stream_, buffer_, parser,
                   [&](boost::system::error_code ec, std::size_t) { failure = ec; });
  run_operation();
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

RawConnection::RawConnection(std::uint16_t port) {
  stream_.socket().connect(local(port));
}

void RawConnection::write(std::string_view bytes) {
  boost::system::error_code failure;
  stream_.expires_after(patience);
  asio::async_write(stream_, asio::buffer(bytes),
                    [&](boost::system::error_code ec, std::size_t) { failure = ec; });
  io_.restart();
  io_.run();
  if (failure) throw ConnectionFailure("cannot write: " + failure.message(), false);
}

std::string RawConnection::read_to_end() {
  std::string text;
  boost::system::error_code failure;
  stream_.expires_after(patience);
  asio::async_read(stream_, asio::dynamic_buffer(text),
                   [&](boost::system::error_code ec, std::size_t) { failure = ec; });
  io_.restart();
  io_.run();
  if (failure != asio::error::eof) throw ConnectionFailure("not closed: " + failure.message(), !text.empty());
  return text;
}

std::string RawConnection::read_until(std::string_view wanted) {
  std::string text;
  while (text.find(wanted) == std::string::npos) {
    std::array<char, 4096> bytes;
    boost::system::error_code failure;
    std::size_t count = 0;
    stream_.expires_after(patience);
    stream_.async_read_some(asio::buffer(bytes), [&](boost::system::error_code ec, std::size_t n) {
      failure = ec;
      count = n;
    });
    io_.restart();
    io_.run();
    if (failure) throw ConnectionFailure("never came: " + std::string(wanted) + " in " + text, !text.empty());
    text.append(bytes.data(), count);
  }
  return text;
}

void RawConnection::shut_down_writing() {
  stream_.socket().shutdown(asio::socket_base::shutdown_send);
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
