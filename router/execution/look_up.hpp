// Carrying out what a plan looks up on other shards.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "query/engine/lookup_join.hpp"
#include "query/plan/lookup.hpp"
#include "router/execution/request_context.hpp"

namespace shardplex::router {

/// The lookups of one batch of a request's rows, with those below them. Lifetime: refers to the context.
class BatchLookups {
 public:
  /// So many lookups may be made for a batch, each with a statement a shard; for one row, more are refused
  /// (SHARD400).
  static constexpr std::size_t most_lookups = 256;

  /// `asked`: gets every lookup that is made.
  BatchLookups(RequestContext& context, std::set<const Lookup*>& asked) : context_(context), asked_(asked) {}

  /// Pushes into each of the join's needed_lookups() the rows that its keys find, and finishes it; or fails
  /// it, where it is too much for its size. `lookups` are those of the join's plan. Some are made at a time.
  /// `memory` is kept to what the join takes; where there is no more, the join fails.
  Awaitable<void> feed(LookupJoin& join, const std::vector<Lookup>& lookups, Reservation& memory);

  /// Has a shard check the values of those lookups, at any depth, for which no row has asked: PostgreSQL
  /// alone would have found fault with them, whatever rows there are.
  Awaitable<Result<void>> check_unasked(const std::vector<Lookup>& lookups);

 private:
  using Push = std::function<bool(Row)>;  // false: no more rows are of use
  /// Why rows could not be looked up; nullopt where they were.
  struct Failure {
    Error error;
    bool of_size = false;  // fewer keys may do
  };
  using Failed = std::optional<Failure>;
  Awaitable<void> feed_one(LookupJoin& join, std::size_t input, const Lookup& lookup, Reservation& memory);
  Awaitable<Failed> rows(const Lookup& lookup, const LookupKeys& keys, const Push& push);
  Awaitable<Failed> rows_through_junction(const Lookup& lookup, const LookupKeys& keys, const Push& push);
  Awaitable<Failed> rows_of_keys(const Lookup& lookup, const LookupKeys& keys, std::size_t first,
                                 std::size_t end, const Push& push);

  RequestContext& context_;
  std::set<const Lookup*>& asked_;
  std::size_t lookups_ = 0;
};

}  // namespace shardplex::router
