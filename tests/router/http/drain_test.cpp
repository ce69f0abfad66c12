// What a drain owes to the clients of a listener.
#include <doctest/doctest.h>

#include <boost/beast/http/error.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
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

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

/// Holds requests for /held, and answers others at once.
Handler holding(Gate& gate) {
  return [held = gate.handler()](Call& call) { return call.target() == "/held" ? held(call) : echo(call); };
}

/// A body whose end is held back until the gate is opened.
class HeldBack final : public BodyStream {
 public:
  HeldBack(Handler held, Call& call) : held_(std::move(held)), call_(call) {}

  Awaitable<Result<void>> next(std::string& part) override {
    if (!ended_) part = (co_await held_(call_)).body;
    ended_ = true;
    co_return Result<void>{};
  }

 private:
  Handler held_;
  Call& call_;
  bool ended_ = false;
};

/// Begins to answer requests for /held, and answers others at once.
Handler beginning(Gate& gate) {
  return [&gate](Call& call) -> Awaitable<Answer> {
    if (call.target() != "/held") return echo(call);
    return [](Gate& g, Call& c) -> Awaitable<Answer> {
      Answer answer;
      answer.body = "begun, ";
      answer.rest = std::make_unique<HeldBack>(g.handler(), c);
      co_return answer;
    }(gate, call);
  };
}

void drain(Loopback& server) {
  server.on_thread([](Listener& listener) { listener.drain(); });
}

}  // namespace

TEST_CASE("a drain lets the request in flight finish, and tells its client to close") {
  Gate gate;
  Loopback server(gate.handler());
  Client client(server);
  client.send(get_a);
  REQUIRE(gate.reached(server));
  server.on_thread([](Listener& listener) { listener.drain(); });
  CHECK_THROWS_AS(Client{server}, boost::system::system_error);
  gate.open(server);
  const auto answer = client.read();
  CHECK(answer.body() == "GET /a");
  CHECK_FALSE(answer.keep_alive());
  CHECK(client.ended());
}

TEST_CASE("a drain serves what is on its way to an idle connection, and closes one with nothing to say") {
  Loopback server(&echo);
  Client speaking(server), silent(server);
  for (auto* client : {&speaking, &silent}) {
    client->send(get_a);
    client->read();
  }
  server.on_thread([](Listener& listener) { listener.drain(); });
  speaking.send(get_a);
  CHECK_FALSE(speaking.read().keep_alive());
  REQUIRE(server.pass(2s, [&] { return silent.readable(); }));
  CHECK(silent.ended());
}

TEST_CASE("a drain answers all that has been pipelined, and says with the last answer that it is the last") {
  Gate gate;
  Loopback server(holding(gate));
  Client client(server);
  client.send(get("/held") + get("/b"));
  REQUIRE(gate.reached(server));
  client.send(get("/c"));  // in the kernel's buffer: nobody reads while a request is held
  drain(server);
  gate.open(server);
  for (const auto* body : {"GET /held", "GET /b", "GET /c"}) {
    CAPTURE(body);
    const auto answer = client.read();
    CHECK(answer.body() == body);
    CHECK(answer.keep_alive() == (std::string(body) != "GET /c"));
  }
  CHECK(client.ended());
}

TEST_CASE("a client that was told to go on just before a drain may ask once more") {
  Gate gate;
  Loopback server(beginning(gate));
  Client client(server);
  client.send(get("/held"));
  REQUIRE(gate.reached(server));  // the head has been sent
  drain(server);
  gate.open(server);
  const auto answer = client.read();
  CHECK(answer.keep_alive());
  CHECK(answer.body() == "begun, GET /held");
  client.send(get_a);
  CHECK_FALSE(client.read().keep_alive());
  CHECK(client.ended());
}

TEST_CASE("an answer that is cut when a drain's time is up is not taken for a whole one") {
  Gate gate;
  Loopback server(beginning(gate));
  Client chunked(server);
  chunked.send(get("/held"));
  REQUIRE(gate.reached(server));
  server.on_thread([](Listener& listener) { listener.abandon(); });
  CHECK(chunked.read_error() == http::error::partial_message);
  gate.open(server);

  Client by_end(server);
  by_end.send("GET /held HTTP/1.0\r\n\r\n");
  REQUIRE(gate.reached(server));
  server.on_thread([](Listener& listener) { listener.abandon(); });
  CHECK(by_end.read_error() == boost::system::errc::connection_reset);
  gate.open(server);
}

TEST_CASE("a client that goes on pipelining is told to close after some seconds") {
  Gate gate;
  Loopback server(holding(gate));
  Client client(server);
  client.send(get("/held") + get("/b"));
  REQUIRE(gate.reached(server));
  drain(server);
  std::this_thread::sleep_for(3s);
  gate.open(server);
  CHECK_FALSE(client.read().keep_alive());
  CHECK(client.ended());
}

TEST_CASE("a drain serves every connection that a client has made") {
  for (int i = 0; i < 2; ++i) {
    Loopback server(&echo);
    std::vector<std::unique_ptr<Client>> clients;
    std::thread drainer;
    try {
      for (int n = 0; n < 400; ++n) {
        clients.push_back(std::make_unique<Client>(server));
        if (n == 50) drainer = std::thread([&] { drain(server); });
      }
    } catch (const boost::system::system_error&) {
      // From here on they are refused.
    }
    drainer.join();
    for (const auto& client : clients) {
      client->send(get_a);
      CHECK_FALSE(client->read().keep_alive());
    }
  }
}

TEST_CASE("an announced drain goes on accepting, and tells everybody to go elsewhere") {
  Loopback server(&echo);
  Client idle(server);
  idle.send(get_a);
  CHECK(idle.read().keep_alive());
  server.on_thread([](Listener& listener) { listener.announce_drain(Clock::now() + 1h); });
  for (int i = 0; i < 2; ++i) {
    Client fresh(server);
    fresh.send(get_a);
    CHECK_FALSE(fresh.read().keep_alive());
    CHECK(fresh.ended());
  }
  server.on_thread([](Listener& listener) { listener.check_times(Clock::now() + 59min); });
  idle.send(get_a);
  const auto answer = idle.read();
  CHECK(answer.body() == "GET /a");
  CHECK_FALSE(answer.keep_alive());
}
