// What routers have counted, asked over HTTP.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <boost/url/parse.hpp>
#include <chrono>
#include <exception>
#include <optional>

#include "operations/cluster/slot_weights.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;

constexpr std::chrono::seconds timeout{5};
constexpr std::uint64_t max_body_bytes = 64 << 20;

struct Address {
  std::string host, port;
};

Address parse_address(const std::string& url) {
  const auto parsed = boost::urls::parse_uri(url);
  const bool plain = parsed && parsed->scheme() == "http" && !parsed->host().empty() &&
                     !parsed->has_query() && !parsed->has_fragment() &&
                     (parsed->encoded_path().empty() || parsed->encoded_path() == "/");
  if (!plain) throw std::runtime_error("http://host:port of the router's admin port is expected");
  return {parsed->host_address(), parsed->has_port() ? std::string(parsed->port()) : "80"};
}

asio::awaitable<std::string> get_load(Address address) {
  const auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  const auto endpoints = co_await resolver.async_resolve(address.host, address.port, asio::use_awaitable);
  beast::tcp_stream stream(executor);
  co_await stream.async_connect(endpoints, asio::use_awaitable);
  http::request<http::empty_body> request(http::verb::get, "/load", 11);
  request.set(http::field::host, address.host);
  request.keep_alive(false);
  co_await http::async_write(stream, request, asio::use_awaitable);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(max_body_bytes);
  co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
  if (parser.get().result() != http::status::ok)
    throw std::runtime_error("GET /load: status " + std::to_string(parser.get().result_int()));
  co_return std::move(parser.get().body());
}

/// The answer to GET /load; throws std::runtime_error with the reason where there is none in time.
std::string fetch_load(const std::string& url) {
  asio::io_context context(1);
  std::optional<std::string> body;
  std::exception_ptr failure;
  asio::co_spawn(context, get_load(parse_address(url)), [&](std::exception_ptr error, std::string text) {
    failure = error;
    body = std::move(text);
  });
  context.run_for(timeout);
  if (failure) std::rethrow_exception(failure);
  if (!body) throw std::runtime_error("no answer within " + std::to_string(timeout.count()) + " s");
  return *std::move(body);
}

/// The counts of a group, one per slot.
std::vector<std::uint64_t> read_counts(const json::value& answer, const Group& group) {
  const json::value* counts = nullptr;
  if (const auto* all = answer.if_object())
    if (const auto* groups = all->if_contains("groups"); groups != nullptr && groups->is_object())
      counts = groups->as_object().if_contains(group.name);
  if (counts == nullptr) throw std::runtime_error("its answer tells nothing of group " + group.name);
  const auto numbers = json::try_value_to<std::vector<std::uint64_t>>(*counts);
  if (!numbers || numbers->size() != group.slot_count)
    throw std::runtime_error("its answer has not one count for each of the " +
                             std::to_string(group.slot_count) + " slots of group " + group.name +
                             "; does it run with this map?");
  return *numbers;
}

struct RouterAnswer {
  SlotWeights counts;
  std::string problem;
};

RouterAnswer ask(const ShardMap& map, const std::string& url) try {
  const json::value answer = json::parse(fetch_load(url));
  RouterAnswer result;
  for (const Group& group : map.groups()) result.counts.push_back(read_counts(answer, group));
  return result;
} catch (const std::exception& error) {
  return {{}, "router " + url + ": " + one_line(error.what())};
}

}  // namespace

SlotWeights read_router_load(const ShardMap& map, std::span<const std::string> routers) {
  const auto answers = in_parallel(routers.size(), [&](std::size_t i) { return ask(map, routers[i]); });
  std::vector<std::string> problems;
  SlotWeights sum;
  for (const Group& group : map.groups()) sum.emplace_back(group.slot_count);
  for (const RouterAnswer& answer : answers) {
    if (!answer.problem.empty()) {
      problems.push_back(answer.problem);
      continue;
    }
    for (std::size_t g = 0; g < sum.size(); ++g)
      for (std::size_t slot = 0; slot < sum[g].size(); ++slot) sum[g][slot] += answer.counts[g][slot];
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  return sum;
}

}  // namespace shardplex::operations
