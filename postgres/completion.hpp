// A type-erased, move-only, call-once completion handler (Boost 1.81 has none), and the way to await one.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "postgres/asio.hpp"

namespace shardplex {

/// Call it exactly once, on the thread of its io_context; the handler runs later, from the event loop, never
/// inside the call. Destroying it uncalled (at shutdown) destroys the handler.
template <class T>
class Completion {
 public:
  Completion() = default;

  template <class Handler>
  Completion(Handler handler, Executor executor)
      : target_(std::make_unique<Target<Handler>>(std::move(handler), executor)) {}

  explicit operator bool() const { return target_ != nullptr; }

  void operator()(T value) {
    auto target = std::move(target_);
    target->complete(std::move(value));
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void complete(T value) = 0;
  };
  template <class Handler>
  struct Target final : Base {
    Target(Handler h, Executor e) : handler(std::move(h)), executor(e) {}
    void complete(T value) override {
      asio::post(executor,
                 [h = std::move(handler), v = std::move(value)]() mutable { std::move(h)(std::move(v)); });
    }
    Handler handler;
    Executor executor;
  };
  std::unique_ptr<Base> target_;
};

/// An awaitable of the T that `start(Completion<T>)` will produce; `start` runs when it is awaited:
///   co_await completion_of<T>(executor, [&](Completion<T> done) { pool.submit(job, std::move(done)); });
template <class T, class Start>
Awaitable<T> completion_of(Executor executor, Start start) {
  return asio::async_initiate<const asio::use_awaitable_t<Executor>, void(T)>(
      [executor](auto handler, Start begin) { begin(Completion<T>(std::move(handler), executor)); },
      use_awaitable, std::move(start));
}

}  // namespace shardplex
