#include <doctest/doctest.h>

#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "router/http/session.hpp"
#include "tests/router/http/handlers.hpp"
#include "tests/router/http/loopback.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace shardplex::tests;
using namespace std::chrono_literals;

namespace {

/// A body of given parts; then the end, an error, or an exception.
class Parts final : public BodyStream {
 public:
  enum class End { well, error, exception };
  Parts(std::vector<std::string> parts, End end) : parts_(std::move(parts)), end_(end) {}

  Awaitable<Result<void>> next(std::string& part) override {
    if (next_ < parts_.size())
      part = parts_[next_++];
    else if (end_ == End::error)
      co_return Error{"SHARD503", "gone", std::nullopt, std::nullopt, std::nullopt};
    else if (end_ == End::exception)
      throw std::logic_error("impossible");
    co_return Result<void>{};
  }

 private:
  std::vector<std::string> parts_;
  std::size_t next_ = 0;
  End end_;
};

/// Answers "one" followed by "two" and "three" as a stream.
Handler streaming(Parts::End end) {
  return [end](Call&) -> Awaitable<Answer> {
    Answer answer;
    answer.body = "one";
    answer.rest = std::make_unique<Parts>(std::vector<std::string>{"two", "three"}, end);
    co_return answer;
  };
}

/// How many requests the durations are of.
std::uint64_t timed(Loopback& server) {
  std::uint64_t requests = 0;
  for (const auto& latency : server.metrics().latency)
    for (std::size_t i = 0; i <= latency_bounds.size(); ++i) requests += latency.bucket(i);
  return requests;
}

std::string field(const Client::Response& response, std::string_view name) {
  return std::string(response[std::string(name)]);
}

}  // namespace

TEST_CASE("pipelined requests are answered one after the other, in their order") {
  Loopback server(&echo);
  Client client(server);
  client.send(get_a + "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n!?" + get_a);
  CHECK(client.read().body() == "GET /a");
  CHECK(client.read().body() == "POST /b!?");
  CHECK(client.read().body() == "GET /a");
  CHECK(server.counted("other", "GET", 200) == 2);
  CHECK(server.counted("other", "POST", 200) == 1);
}

TEST_CASE("every answer says who gave it and when, and what its body is") {
  Loopback server(&echo);
  Client client(server);
  client.send(get_a);
  const auto answer = client.read();
  CHECK(field(answer, "Server").starts_with("shardplex/"));
  CHECK(field(answer, "Date") == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(field(answer, "Content-Type") == "application/json; charset=utf-8");
  CHECK(field(answer, "Content-Length") == "6");
}

TEST_CASE("a connection is kept until its client wants it closed") {
  Loopback server(&echo);
  Client client(server);
  for (int i = 0; i < 3; ++i) {
    client.send(get_a);
    CHECK(client.read().keep_alive());
  }
  client.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK_FALSE(client.read().keep_alive());
  CHECK(client.ended());
}

TEST_CASE("an HTTP/1.0 connection is closed after its answer, unless its client asks to keep it") {
  Loopback server(&echo);
  Client once(server), kept(server);
  once.send("GET /a HTTP/1.0\r\n\r\n");
  const auto answer = once.read();
  CHECK(answer.version() == 10);
  CHECK(answer.body() == "GET /a");
  CHECK(once.ended());
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(field(kept.read(), "Connection") == "keep-alive");
  }
}

TEST_CASE("HEAD is answered with the length of the body, and without the body") {
  Loopback server(&echo);
  Client client(server);
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + get_a);
  const auto head = client.read(true);
  CHECK(field(head, "Content-Length") == "7");
  CHECK(client.read().body() == "GET /a");
}

TEST_CASE("content that is empty has a type and a length, for HEAD too, and what is no content has no type") {
  for (const bool is_content : {true, false}) {
    CAPTURE(is_content);
    Loopback server([is_content](Call&) -> Awaitable<Answer> {
      Answer answer;
      answer.is_content = is_content;
      co_return answer;
    });
    Client client(server);
    client.send(get_a + "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto get = client.read(), head = client.read(true);
    CHECK(field(get, "Content-Length") == "0");
    CHECK(field(head, "Content-Length") == (is_content ? "0" : ""));
    for (const auto& answer : {get, head})
      CHECK(field(answer, "Content-Type") == (is_content ? "application/json; charset=utf-8" : ""));
  }
}

TEST_CASE("204 and 304 have neither a body nor a length") {
  for (const unsigned status : {204u, 304u}) {
    CAPTURE(status);
    Loopback server([status](Call&) -> Awaitable<Answer> {
      Answer answer;
      answer.status = status;
      answer.is_content = true;
      co_return answer;
    });
    Client client(server);
    client.send(get_a + get_a);
    for (int i = 0; i < 2; ++i) {
      const auto answer = client.read();
      CHECK(answer.result_int() == status);
      CHECK(answer.count("Content-Length") == 0);
      CHECK(answer.count("Content-Type") == 0);
    }
  }
}

TEST_CASE("204 and 304 have no body, though a handler has made one") {
  for (const unsigned status : {204u, 304u}) {
    CAPTURE(status);
    Loopback server([status](Call& call) -> Awaitable<Answer> {
      Answer answer;
      answer.status = status;
      answer.body = std::string(100'000, 'x');
      if (call.target() == "/streamed")
        answer.rest = std::make_unique<Parts>(std::vector<std::string>{"two"}, Parts::End::well);
      co_return answer;
    });
    Client client(server);
    for (const std::string target : {"/whole", "/streamed", "/whole"}) {
      client.send("GET " + target + " HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
      const auto answer = client.read();
      CHECK(answer.result_int() == status);
      for (const char* name : {"Content-Length", "Transfer-Encoding", "Content-Encoding", "Content-Type"})
        CHECK(answer.count(name) == 0);
    }
  }
}

TEST_CASE("an answer has the text of its status that it says") {
  Loopback server([](Call&) -> Awaitable<Answer> {
    Answer answer;
    answer.status = 419;
    answer.reason = "Page Expired";
    co_return answer;
  });
  Client client(server);
  client.send(get_a);
  const auto answer = client.read();
  CHECK(answer.result_int() == 419);
  CHECK(std::string(answer.reason()) == "Page Expired");
}

TEST_CASE("a head that is slow to arrive is 408, and counted") {
  Loopback server(&echo);
  Client client(server);
  client.send("GET /a HT");
  REQUIRE(server.pass(11min, [&] { return client.readable(); }));
  const auto answer = client.read();
  CHECK(answer.result_int() == 408);
  CHECK_FALSE(answer.keep_alive());
  CHECK(answer.body().find("SHARD408") != std::string::npos);
  CHECK(client.ended());
  CHECK(server.counted("other", "other", 408) == 1);
}

TEST_CASE("a body that is slow to arrive is 408, and counted by its method") {
  Loopback server(&echo);
  Client client(server);
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  REQUIRE(server.pass(11min, [&] { return client.readable(); }));
  CHECK(client.read().result_int() == 408);
  CHECK(server.counted("other", "POST", 408) == 1);
}

TEST_CASE("durations are those of requests that were read whole") {
  Loopback server(&echo);
  Client served(server), refused(server);
  served.send(get_a);
  served.read();
  refused.send("GET /a HTTP/1.1\r\n\r\n");
  CHECK(refused.read().result_int() == 400);
  CHECK(server.counted("other", "GET", 400) == 1);
  CHECK(timed(server) == 1);
}

TEST_CASE("a connection that says nothing for too long is closed without a word") {
  Loopback server(&echo);
  Client client(server);
  client.send(get_a);
  client.read();
  REQUIRE(server.pass(25h, [&] { return client.readable(); }));
  CHECK(client.ended());
  CHECK(server.counted("other", "other", 408) == 0);
}

TEST_CASE(
    "what cannot be served by its head or size is refused by name, counted, and the connection closed") {
  struct Row {
    std::string what;
    std::string request;
    unsigned status;
    const char* code;
    const char* method;  ///< as counted
  };
  const std::string host = "Host: x\r\n";
  const std::vector<Row> rows{
      {"announced body", "POST /a HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n", 413, "SHARD400",
       "POST"},
      {"chunked body",
       "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') +
           "\r\n0\r\n\r\n",
       413, "SHARD400", "POST"},
      {"long URL", "GET /" + std::string(100, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414, "SHARD400", "GET"},
      {"endless URL", "GET /" + std::string(5000, 'a'), 414, "SHARD400", "other"},
      {"big field", "GET /a HTTP/1.1\r\n" + host + "X: " + std::string(2000, 'a') + "\r\n\r\n", 431,
       "SHARD400", "GET"},
      {"fields that the room for a long URL would hold",
       "GET /a HTTP/1.1\r\n" + host + "X: " + std::string(990, 'a') + "\r\n\r\n", 431, "SHARD400", "GET"},
      {"no HTTP", "hello, is this thing on?\r\n\r\n", 400, "PGRST100", "other"},
      {"no Host", "GET /a HTTP/1.1\r\n\r\n", 400, "PGRST100", "GET"},
      {"two Hosts", "GET /a HTTP/1.1\r\n" + host + "Host: y\r\n\r\n", 400, "PGRST100", "GET"},
      {"length and chunks",
       "POST /a HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
           get_a,
       400, "PGRST100", "POST"},
      {"chunks and length",
       "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" +
           get_a,
       400, "PGRST100", "POST"},
      {"two lengths", "POST /a HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
       "PGRST100", "POST"},
      {"unknown encoding", "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n" + get_a, 501,
       "PGRST100", "POST"},
      {"broken chunk", "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400,
       "PGRST102", "POST"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Loopback server(&echo);
    Client client(server);
    client.send(row.request);
    const auto answer = client.read();
    CHECK(answer.result_int() == row.status);
    CHECK(answer.body().find(row.code) != std::string::npos);
    CHECK_FALSE(answer.keep_alive());
    CHECK(client.ended());
    CHECK(server.counted("other", row.method, row.status) == 1);
    CHECK(server.counted("other", "GET", 200) == 0);
  }
}

TEST_CASE("a client that expects to be told to go on is told so") {
  Loopback server(&echo);
  Client client(server);
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  CHECK(client.read_bytes(go_on.size()) == go_on);
  client.send("ab");
  CHECK(client.read().body() == "POST /aab");
}

TEST_CASE("a client that expects to go on with too big a body is refused instead") {
  Loopback server(&echo);
  Client client(server);
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.read().result_int() == 413);
}

TEST_CASE("a stream is sent in chunks, and the connection serves on") {
  Loopback server(streaming(Parts::End::well));
  Client client(server);
  client.send(get_a + get_a);
  for (int i = 0; i < 2; ++i) {
    const auto answer = client.read();
    CHECK(answer.chunked());
    CHECK(answer.keep_alive());
    CHECK(answer.body() == "onetwothree");
  }
  CHECK(server.counted("other", "GET", 200) == 2);
}

TEST_CASE("a stream to HTTP/1.0 ends with the connection") {
  Loopback server(streaming(Parts::End::well));
  Client client(server);
  client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto answer = client.read();
  CHECK_FALSE(answer.chunked());
  CHECK(answer.need_eof());
  CHECK(answer.body() == "onetwothree");
}

TEST_CASE("HEAD of a stream is its head alone") {
  Loopback server(streaming(Parts::End::exception));
  Client client(server);
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.read(true).chunked());
  CHECK(server.counted("other", "HEAD", 200) == 1);
}

TEST_CASE("a stream that breaks is cut, so that the part is not taken for the whole") {
  for (const auto end : {Parts::End::error, Parts::End::exception}) {
    Loopback server(streaming(end));
    Client chunked(server), by_end(server);
    chunked.send(get_a);
    CHECK(chunked.read_error() == http::error::partial_message);
    by_end.send("GET /a HTTP/1.0\r\n\r\n");
    CHECK(by_end.read_error() == boost::system::errc::connection_reset);
    CHECK(server.counted("other", "GET", 200) == 2);
    CHECK(server.metrics().requests_in_flight.get() == 0);
  }
}

TEST_CASE("who has an answer finds it in the pattern of its request, with all its bytes") {
  auto stream = streaming(Parts::End::well);
  Loopback server([&](Call& call) -> Awaitable<Answer> {
    call.record.rows = 3;
    call.record.asked = {"alpha", "beta"};
    if (call.target() == "/stream") return stream(call);
    return echo(call);
  });
  const auto counted = [&] {
    const auto report = server.metrics().patterns.report();
    return report.patterns.empty() ? PatternCounts() : report.patterns.front().counts;
  };
  Client client(server);
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read();
  CHECK(counted().calls == 1);
  CHECK(counted().bytes == 11);
  CHECK(counted().rows == 3);
  CHECK(counted().scatters == 1);
  client.send(get_a);
  client.read();
  CHECK(counted().calls == 2);
  CHECK(counted().bytes == 11 + 6);
  for (const std::string target : {"/a", "/stream"}) {
    client.send("HEAD " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    client.read(true);
  }
  CHECK(counted().calls == 4);
  CHECK(counted().bytes == 11 + 6);
  CHECK(counted().errors == 0);
}

TEST_CASE("a handler that throws gives 500, is counted, and the connection serves on") {
  Loopback server([](Call& call) -> Awaitable<Answer> {
    if (call.target() == "/a") throw std::logic_error("impossible");
    return echo(call);
  });
  Client client(server);
  client.send(get_a + "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = client.read();
  CHECK(answer.result_int() == 500);
  CHECK(answer.body().find("XX000") != std::string::npos);
  CHECK(answer.body().find("impossible") == std::string::npos);
  CHECK(client.read().body() == "GET /b");
  CHECK(server.counted("other", "GET", 500) == 1);
  CHECK(server.metrics().patterns.report().patterns.front().counts.errors == 1);
  CHECK(server.metrics().requests_in_flight.get() == 0);
}

TEST_CASE("a request is in flight until it is answered, and counted by what its path names") {
  Gate gate;
  auto held = gate.handler();
  Loopback server([&](Call& call) {
    call.route = RouteLabel::row;
    return held(call);
  });
  Client client(server);
  client.send(get_a);
  REQUIRE(gate.reached(server));
  CHECK(server.metrics().requests_in_flight.get() == 1);
  gate.open(server);
  client.read();
  CHECK(server.metrics().requests_in_flight.get() == 0);
  CHECK(server.counted("row", "GET", 200) == 1);
}

TEST_CASE("connections over the limit are turned away with 503") {
  auto limits = small_limits();
  limits.connections_per_worker = 1;
  Loopback server(&echo, limits);
  Client first(server);
  first.send(get_a);
  first.read();
  Client second(server);
  const auto answer = second.read();
  CHECK(answer.result_int() == 503);
  CHECK(field(answer, "Retry-After") == "1");
  CHECK(field(answer, "Server").starts_with("shardplex/"));
  CHECK_FALSE(answer.keep_alive());
  CHECK(server.metrics().connections_refused.get() == 1);
  CHECK(server.counted("other", "other", 503) == 1);
  first.send(get_a);
  CHECK(first.read().result_int() == 200);
}
