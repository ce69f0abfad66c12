// What one client can make a listener hold, and what web pages can make it do.
#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "postgres/memory_budget.hpp"
#include "router/http/session.hpp"
#include "tests/router/http/handlers.hpp"
#include "tests/router/http/loopback.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace shardplex::tests;
using namespace std::chrono_literals;

namespace {

const std::string chunked_post = "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string post(const std::string& fields) {
  return "POST /a HTTP/1.1\r\nHost: x\r\n" + fields + "Content-Length: 2\r\n\r\n[]";
}

unsigned status_of(Loopback& server, const std::string& request) {
  Client client(server);
  client.send(request);
  return client.read().result_int();
}

}  // namespace

TEST_CASE("an endless chunk extension, endless trailers and chunks that are mostly framing are 413") {
  std::string framing;
  for (int i = 0; i < 900; ++i) framing += "1;x=y\r\nx\r\n";
  for (const auto& rest : {"1;" + std::string(20'000, 'x'), "0\r\n" + std::string(20'000, 'T'),
                           "0\r\nT: " + std::string(20'000, 'x') + "\r\n", framing}) {
    Loopback server(&echo);
    Client client(server);
    client.send(chunked_post + rest);
    const auto answer = client.read();
    CHECK(answer.result_int() == 413);
    CHECK_FALSE(answer.keep_alive());
    CHECK(server.counted("other", "POST", 413) == 1);
  }
}

TEST_CASE("chunk extensions and trailers of a modest size are no matter") {
  Loopback server(&echo);
  Client client(server);
  client.send(chunked_post + "2;a=b\r\nab\r\n0;c\r\nT: x\r\n\r\n" + get_a);
  CHECK(client.read().body() == "POST /aab");
  CHECK(client.read().body() == "GET /a");
}

TEST_CASE("a body that the memory budget has no room for is 503, and small requests go on") {
  auto limits = small_limits();
  limits.body_bytes = 1'000'000;
  MemoryBudget memory(100'000);
  Loopback server(&echo, limits, &memory);
  for (const auto* request : {"Content-Length: 200000", "Transfer-Encoding: chunked"}) {
    CAPTURE(request);
    Client client(server);
    const std::string head = "POST /a HTTP/1.1\r\nHost: x\r\n" + std::string(request) + "\r\n\r\n";
    client.send(head + (head.find("chunked") == head.npos ? "" : "30d40\r\n") + std::string(200'000, 'x') +
                (head.find("chunked") == head.npos ? "" : "\r\n0\r\n\r\n"));
    CHECK(client.read().result_int() == 503);
  }
  CHECK(status_of(server, get_a) == 200);
  CHECK(memory.refused() == 2);
  CHECK(soon([&] { return memory.used() == 0; }));
}

TEST_CASE("an answer that the memory budget has no room for is 503") {
  MemoryBudget memory(100'000);
  Loopback server(
      [](Call&) -> Awaitable<Answer> {
        Answer answer;
        answer.body = std::string(200'000, 'x');
        co_return answer;
      },
      small_limits(), &memory);
  Client client(server);
  client.send(get_a);
  const auto answer = client.read();
  CHECK(answer.result_int() == 503);
  CHECK(answer.body().find("SHARD503") != std::string::npos);
  CHECK(answer.keep_alive());
  CHECK(memory.used() == 0);

  // What was written has been written, however large the answer.
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  const auto written = client.read();
  CHECK(written.result_int() == 200);
  CHECK(written.body().size() == 200'000);
}

TEST_CASE("an answer is counted while it is sent, and no longer") {
  MemoryBudget memory(100'000'000);
  const std::size_t size = 50'000'000;  // more than the kernel takes
  Loopback server(
      [](Call&) -> Awaitable<Answer> {
        Answer answer;
        answer.body = std::string(size, 'x');
        co_return answer;
      },
      small_limits(), &memory);
  Client client(server);
  client.send(get_a);
  CHECK(soon([&] { return memory.used() >= size; }));
  CHECK(client.read().body().size() == size);
  CHECK(soon([&] { return memory.used() == 0; }));
}

TEST_CASE("a client that does not take its answer is cut, and so is one that is slow where memory is short") {
  MemoryBudget memory(100'000'000);
  const auto big = [](Call&) -> Awaitable<Answer> {
    Answer answer;
    answer.body = std::string(50'000'000, 'x');
    co_return answer;
  };
  Loopback server(big, small_limits(), &memory);
  Client slow(server);
  slow.send(get_a);
  REQUIRE(soon([&] { return memory.used() > 0; }));
  server.on_thread([](Listener& listener) { listener.check_times(Clock::now() + 9min); });
  CHECK(memory.used() > 0);
  SUBCASE("by its time") {
    CHECK(server.pass(11min, [&] { return memory.used() == 0; }));
  }
  SUBCASE("for want of memory") {
    CHECK_FALSE(memory.take(90'000'000));
    CHECK(server.pass(3s, [&] {
      (void)memory.take(90'000'000);
      return memory.used() != 50'000'000;
    }));
  }
  CHECK(slow.read_error().failed());
}

TEST_CASE("whoever waits for an answer is known to have left") {
  for (const std::string version : {"1.1", "1.0"}) {
    CAPTURE(version);
    Gate gate;
    std::vector<CallerPtr> clients;
    auto held = gate.handler();
    Loopback server([&](Call& call) {
      clients.push_back(call.client);
      return held(call);
    });
    auto client = std::make_unique<Client>(server);
    client->send("GET /a HTTP/" + version + "\r\nHost: x\r\n\r\n");
    REQUIRE(gate.reached(server));
    const auto gone = [&] {
      bool is_gone = false;
      server.on_thread([&](Listener&) { is_gone = clients.front()->gone; });
      return is_gone;
    };
    server.on_thread([](Listener& listener) { listener.check_times(Clock::now() + 1s); });
    CHECK_FALSE(gone());
    client.reset();
    CHECK(server.pass(1s, gone));
    gate.open(server);
  }
}

TEST_CASE(
    "a client that has only said that it sends nothing further gets its answer, and is waited for where it "
    "can "
    "be asked") {
  for (const std::string version : {"1.1", "1.0"}) {
    CAPTURE(version);
    Gate gate;
    std::vector<CallerPtr> clients;
    auto held = gate.handler();
    Loopback server([&](Call& call) {
      clients.push_back(call.client);
      return held(call);
    });
    Client client(server);
    client.send("GET /a HTTP/" + version + "\r\nHost: x\r\n\r\n");
    client.half_close();
    REQUIRE(gate.reached(server));
    for (int i = 0; i < 3; ++i) {
      bool is_gone = true;
      server.on_thread([&](Listener& listener) {
        listener.check_times(Clock::now() + 1s);
        is_gone = clients.front()->gone;
      });
      CHECK(is_gone == (version == "1.0"));
    }
    gate.open(server);
    if (version == "1.1") CHECK(client.read().result_int() == 100);
    CHECK(client.read().body() == "GET /a");
    CHECK(client.ended());
  }
}

namespace {

/// One part that is larger than a connection holds.
class OnePart : public BodyStream {
 public:
  static constexpr std::size_t size = 50'000'000;
  Awaitable<Result<void>> next(std::string& part) override {
    if (!std::exchange(given_, true)) part.assign(size, 'x');
    co_return Result<void>{};
  }

 private:
  bool given_ = false;
};

}  // namespace

TEST_CASE("a client that takes its answer slowly but surely gets all of it, however large its parts are") {
  auto limits = small_limits();
  limits.write_timeout = 300ms;
  limits.write_rate = 100'000;
  Loopback server(
      [](Call&) -> Awaitable<Answer> {
        Answer answer;
        answer.rest = std::make_unique<OnePart>();
        co_return answer;
      },
      limits);
  Client client(server);
  client.send(get_a);
  for (int i = 0; i < 10; ++i) {
    client.read_bytes(1'000'000);
    std::this_thread::sleep_for(100ms);
    server.on_thread([](Listener& listener) { listener.check_times(Clock::now()); });
  }
  CHECK(client.read_bytes(OnePart::size - 10'000'000).size() == OnePart::size - 10'000'000);
}

namespace {

/// One of which something is held until it has been sent.
class HeldPart final : public OnePart {
 public:
  Clock::duration patience() const override { return 1min; }
};

}  // namespace

TEST_CASE("a client that takes nothing of what is held for it is cut before one that is only slow would be") {
  Loopback server([](Call&) -> Awaitable<Answer> {
    Answer answer;
    answer.rest = std::make_unique<HeldPart>();
    co_return answer;
  });
  Client client(server);
  client.send(get_a);
  REQUIRE(soon([&] { return client.readable(); }));
  server.on_thread([](Listener& listener) { listener.check_times(Clock::now() + 20s); });
  CHECK(server.metrics().connections.get() == 1);
  CHECK(server.pass(70s, [&] { return server.metrics().connections.get() == 0; }));
  CHECK(client.read_error().failed());
}

TEST_CASE("a host that is not allowed is 421, in whichever place the request names it") {
  auto limits = small_limits();
  limits.hosts = {"api.example", "other.example:81", "[::1]"};
  Loopback server(&echo, limits);
  const auto get = [&](const std::string& target, const std::string& host) {
    return status_of(server,
                     "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
  };
  CHECK(get("/a", "api.example") == 200);
  CHECK(get("/a", "API.Example:8080") == 200);
  CHECK(get("/a", "other.example:81") == 200);
  CHECK(get("/a", "[::1]:8080") == 200);
  CHECK(get("http://api.example/a", "evil.example") == 200);
  CHECK(get("/a", "other.example") == 421);
  CHECK(get("/a", "other.example:82") == 421);
  CHECK(get("/a", "api.example.evil.example") == 421);
  CHECK(get("http://evil.example/a", "api.example") == 421);
}

TEST_CASE("a write from a web page says what its body is; others need not") {
  Loopback server(&echo);
  CHECK(status_of(server, post("")) == 200);
  CHECK(status_of(server, post("Origin: http://evil.example\r\n")) == 415);
  CHECK(status_of(server, post("Sec-Fetch-Site: cross-site\r\n")) == 415);
  CHECK(status_of(server, post("Origin: null\r\nContent-Type: application/json\r\n")) == 200);
  CHECK(status_of(server, "GET /a HTTP/1.1\r\nHost: x\r\nOrigin: http://evil.example\r\n\r\n") == 200);
}

TEST_CASE("a web page can read also what it is refused before any handler is reached") {
  const auto failing = [](Call& call) -> Awaitable<Answer> {
    if (call.target() == "/fails") throw std::runtime_error("impossible");
    return echo(call);
  };
  MemoryBudget memory(100'000);
  auto limits = small_limits();
  limits.body_bytes = 50'000;
  const std::string origin = "Host: x\r\nOrigin: https://shop.example\r\n";
  const std::pair<unsigned, std::string> refused[] = {
      {413, "POST /a HTTP/1.1\r\n" + origin + "Content-Length: 1000000\r\n\r\n"},
      {413, "POST /a HTTP/1.1\r\n" + origin +
                "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                std::string(20'000, 'x')},
      {431, "GET /a HTTP/1.1\r\n" + origin + "X: " + std::string(40'000, 'x')},
      {414, "GET /" + std::string(150, 'a') + " HTTP/1.1\r\n" + origin + "\r\n"},
      {501, "POST /a HTTP/1.1\r\n" + origin + "Transfer-Encoding: gzip\r\n\r\n"},
      {415, "POST /a HTTP/1.1\r\n" + origin + "Content-Length: 2\r\n\r\n[]"},
      {503, "POST /a HTTP/1.1\r\n" + origin +
                "Content-Type: application/json\r\nContent-Length: 40000\r\n\r\n" + std::string(40'000, 'x')},
      {500, "GET /fails HTTP/1.1\r\n" + origin + "\r\n"}};
  for (const auto& [status, request] : refused) {
    CAPTURE(request.substr(0, 100));
    Loopback server(failing, limits, &memory, {"https://shop.example"});
    Client client(server);
    client.send(request);
    const auto answer = client.read();
    CHECK(answer.result_int() == status);
    CHECK(std::string(answer["Access-Control-Allow-Origin"]) == "https://shop.example");
    CHECK(std::string(answer["Vary"]) == "Origin");
  }
}
