// Runs several awaitables at once on one thread and awaits them all.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "postgres/asio.hpp"
#include "postgres/completion.hpp"

namespace shardplex::router {

/// The results in the order of the tasks. The first exception thrown by a task is rethrown after all have
/// ended. T has to be default-constructible. An empty `tasks` gives an empty vector.
template <class T>
Awaitable<std::vector<T>> all_of(Executor executor, std::vector<Awaitable<T>> tasks) {
  if (tasks.empty()) co_return std::vector<T>{};
  struct Gathering {
    std::vector<T> results;
    std::size_t left;
    std::exception_ptr failure;
    Completion<std::shared_ptr<Gathering>> done;
  };
  using Gathered = std::shared_ptr<Gathering>;
  // Only the tasks hold it while they run: `done` holds this coroutine, which must not hold it in turn, or
  // the two would outlive an event loop that is stopped under them.
  const auto gathering = co_await completion_of<Gathered>(executor, [&](Completion<Gathered> done) {
    const auto begun = std::make_shared<Gathering>();
    begun->results.resize(tasks.size());
    begun->left = tasks.size();
    begun->done = std::move(done);
    for (std::size_t i = 0; i < tasks.size(); ++i)
      asio::co_spawn(executor, std::move(tasks[i]), [begun, i](std::exception_ptr failure, T result) {
        if (failure && !begun->failure) begun->failure = failure;
        begun->results[i] = std::move(result);
        if (--begun->left == 0) begun->done(begun);
      });
  });
  if (gathering->failure) std::rethrow_exception(gathering->failure);
  co_return std::move(gathering->results);
}

/// all_of for tasks without a result.
inline Awaitable<void> all_done(Executor executor, std::vector<Awaitable<void>> tasks) {
  const auto with_result = [](Awaitable<void> task) -> Awaitable<bool> {
    co_await std::move(task);
    co_return true;
  };
  std::vector<Awaitable<bool>> wrapped;
  for (auto& task : tasks) wrapped.push_back(with_result(std::move(task)));
  co_await all_of(executor, std::move(wrapped));
}

}  // namespace shardplex::router
