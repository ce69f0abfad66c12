// What reads that are not strong may show of a row.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "tests/consistency/checker.hpp"
#include "tests/consistency/row_event.hpp"

namespace shardplex::consistency {

/// Any value that somebody has begun to write, and that had not been overwritten for longer than `staleness`.
/// No order of several such reads is required, nor one with strong reads: a replica may be behind its
/// primary, and may show a change a moment before the primary does, which makes it visible only after it has
/// sent it off.
class WeakReads {
 public:
  /// The changes and strong reads of one row, which have to outlive this.
  WeakReads(const std::vector<RowEvent>& events, Time staleness);

  /// nullopt: it is one that may be.
  std::optional<Fault> judge(const RowEvent& read, const Key& key, const History& history);

 private:
  struct Lifetime {
    Time begins = Time::max(), ends = Time::max();
    std::size_t ended_by = 0;  ///< the operation that has overwritten it
  };
  const Lifetime& lifetime_of(const Value& value);

  const std::vector<RowEvent>& events_;
  const std::vector<Settled> settled_;  // by event
  const Time staleness_;
  std::map<Value, Lifetime> lifetimes_;
};

}  // namespace shardplex::consistency
