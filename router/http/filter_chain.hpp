// What a request passes on its way to its handler.
#pragma once

#include <span>
#include <utility>

#include "postgres/asio.hpp"
#include "query/error.hpp"
#include "router/http/answer.hpp"

namespace shardplex::router {

/// Answers a request, of which `C` is all that its service knows about it.
template <class C>
using EndpointHandler = Awaitable<Result<Answer>> (*)(C&);

template <class C>
class Next;

/// Looks at a request, completes it or refuses it, and calls next(). One that only looks is a plain function
/// that returns next(), which costs nothing; one that waits for something, or looks at the answer, is a
/// coroutine.
template <class C>
using Filter = Awaitable<Result<Answer>> (*)(C&, Next<C>);

/// The rest of a chain: the filters that follow, then the handler.
template <class C>
class Next {
 public:
  Next(std::span<const Filter<C>> filters, EndpointHandler<C> handler)
      : filters_(filters), handler_(handler) {}

  Awaitable<Result<Answer>> operator()(C& request) const {
    if (filters_.empty()) return handler_(request);
    return filters_.front()(request, Next(filters_.subspan(1), handler_));
  }

 private:
  std::span<const Filter<C>> filters_;
  EndpointHandler<C> handler_;
};

/// How a filter that is no coroutine ends a request.
inline Awaitable<Result<Answer>> refuse(Error error) {
  co_return error;
}

}  // namespace shardplex::router
