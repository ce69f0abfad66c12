// Handlers for a Loopback, and what is asked of them.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <string>
#include <utility>

#include "router/http/session.hpp"
#include "tests/router/http/loopback.hpp"

namespace shardplex::tests {

inline const std::string get_a = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

/// Answers with what it was asked: "GET /a" and the body.
inline Awaitable<router::Answer> echo(router::Call& call) {
  router::Answer answer;
  answer.body = std::string(call.method_name()) + " " + std::string(call.target()) + call.request.body();
  co_return answer;
}

/// Holds requests until it is opened.
class Gate {
 public:
  router::Handler handler() {
    return [this](router::Call& call) -> Awaitable<router::Answer> {
      auto executor = co_await asio::this_coro::executor;
      asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer(executor,
                                                                                  Clock::time_point::max());
      timer_ = &timer;
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
      co_return co_await echo(call);
    };
  }
  bool reached(Loopback& server) {
    return soon([&] {
      bool there = false;
      server.on_thread([&](router::Listener&) { there = timer_ != nullptr; });
      return there;
    });
  }
  void open(Loopback& server) {
    server.on_thread([&](router::Listener&) { std::exchange(timer_, nullptr)->cancel(); });
  }

 private:
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>* timer_ =
      nullptr;  // of the server's thread
};

}  // namespace shardplex::tests
