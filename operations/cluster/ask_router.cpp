#include "operations/cluster/ask_router.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/system/system_error.hpp>
#include <boost/url/parse.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>

namespace shardplex::operations {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using HttpQuestion = http::request<http::empty_body>;

constexpr std::chrono::seconds timeout{5};
constexpr std::uint64_t max_body_bytes = 64 << 20;

struct RouterAddress {
  std::string host, port;
};

RouterAddress parse_router_url(const std::string& url) {
  const auto parsed = boost::urls::parse_uri(url);
  const bool plain = parsed && parsed->scheme() == "http" && !parsed->host().empty() &&
                     !parsed->has_query() && !parsed->has_fragment() &&
                     (parsed->encoded_path().empty() || parsed->encoded_path() == "/");
  if (!plain) throw std::runtime_error("http://host:port of the router's admin port is expected");
  return {parsed->host_address(), parsed->has_port() ? std::string(parsed->port()) : "80"};
}

HttpQuestion question_of(const RouterAddress& address, const std::string& target,
                         const std::vector<std::pair<std::string, std::string>>& fields) {
  HttpQuestion question(http::verb::get, target, 11);
  for (const auto& [name, value] : fields) question.insert(name, value);
  question.set(http::field::host, address.host);
  question.keep_alive(false);
  return question;
}

asio::awaitable<RouterReply> exchange(RouterAddress address, HttpQuestion question) {
  const auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  const auto endpoints = co_await resolver.async_resolve(address.host, address.port, asio::use_awaitable);
  beast::tcp_stream stream(executor);
  co_await stream.async_connect(endpoints, asio::use_awaitable);
  co_await http::async_write(stream, question, asio::use_awaitable);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(max_body_bytes);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
  co_return RouterReply{parser.get().result_int(), std::move(parser.get().body())};
}

/// Boost's own text says in which of its files it was.
[[noreturn]] void rethrow_in_words(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error(error.code().message());
  }
}

}  // namespace

RouterReply ask_router(const std::string& url, const std::string& target,
                       const std::vector<std::pair<std::string, std::string>>& fields) {
  const auto address = parse_router_url(url);
  asio::io_context context(1);
  std::optional<RouterReply> reply;
  std::exception_ptr failure;
  asio::co_spawn(context, exchange(address, question_of(address, target, fields)),
                 [&](std::exception_ptr error, RouterReply got) {
                   failure = error;
                   reply = std::move(got);
                 });
  context.run_for(timeout);
  if (failure) rethrow_in_words(failure);
  if (!reply) throw std::runtime_error("no answer within " + std::to_string(timeout.count()) + " s");
  return *std::move(reply);
}

}  // namespace shardplex::operations
