// Aggregates in two steps: each shard aggregates its own rows, and what comes of that is aggregated again.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/value_type.hpp"

namespace shardplex {

/// The result is the one that all rows together give, and of the same type, for every aggregate here: sums
/// and counts of parts add up, the least of the least is the least, and an average is the sum divided by the
/// count, by the division that PostgreSQL's own avg() ends with. Sums of float4 and float8 depend on the
/// order in which they are added up, as they do on one server.
struct PartialAggregate {
  /// A value of a shard's group.
  struct State {
    std::string sql;  ///< sum(p.a0)
    ValueType type;
    /// True over p where the values were of the type that was planned for; "": whatever they were.
    std::string as_planned;
  };
  std::vector<State> states;
  std::string final;  ///< over the states of one group, which are p.s0, p.s1, … from `first_state` on
};

/// `argument` is SQL over a row p ("p.a0"), or "*" for count(). Errors, where there are no such states: 42883
/// in PostgreSQL's words where there is no such aggregate, SHARD400 where that is not known.
Result<PartialAggregate> partial_aggregate(AggregateFunction function, const std::string& argument,
                                           const ValueType& type, std::size_t first_state);

}  // namespace shardplex
