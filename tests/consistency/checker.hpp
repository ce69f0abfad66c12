// Whether a history is one that a store without faults could have given.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/consistency/history.hpp"

namespace shardplex::consistency {

enum class FaultKind : std::uint8_t {
  failed_request,      ///< its outcome is not ok, and it was not allowed to fail
  doubled_row,         ///< twice in one answer
  row_on_two_shards,   ///< the same, at two places
  phantom_row,         ///< nobody has inserted it, or not into this group
  phantom_value,       ///< nobody has written it
  lost_write,          ///< acknowledged, and never seen
  vanished_write,      ///< acknowledged and seen, and gone from some time on
  resurrected_row,     ///< there after an acknowledged remove
  own_write_unseen,    ///< by a later strong read of the same client
  non_monotonic_read,  ///< a client's strong read is older than its own one before
  stale_read,          ///< older than what had been acknowledged, where nothing above says it better
  cas_on_wrong_value,  ///< compare_and_set took place where the value had been overwritten
  cas_twice,           ///< the same, and another one has overwritten this very value
  cas_refused,         ///< compare_and_set did not take place where the value was the expected one
  unexplained,         ///< no order of what was done to a row gives the answers, and nothing above says why
  undecided            ///< no order was found within Rules::search_limit
};
std::string_view to_string(FaultKind kind);

struct Fault {
  FaultKind kind;
  std::string what;  ///< a sentence
  std::vector<std::size_t>
      operations;  ///< indexes into the history: the wrong answer, then what proves it wrong, by time
};

struct Rules {
  /// How old the answers of reads and lists that are not strong may be.
  Time staleness = std::chrono::hours(24);
  /// Operations for which an outcome other than ok is no fault by itself; empty: none.
  std::function<bool(const Operation&)> may_fail;
  /// States looked at for one row before the search is given up.
  std::size_t search_limit = 1'000'000;
};

/// At most one fault per row is found beside those of single operations: what follows a wrong answer proves
/// nothing.
struct Verdict {
  std::vector<Fault> faults;
  std::size_t operations = 0, rows = 0;  ///< how much was looked at

  bool is_clean() const { return faults.empty(); }
};

/// Every row by itself is linearizable for strong operations: what is acknowledged is seen by all that begins
/// later, until it is overwritten or removed. A change whose outcome is unknown may take place at any later
/// time, once. Reads that are not strong are held to less: see weak_reads.hpp. Across rows nothing is
/// required but that no answer has a row twice. Throws std::invalid_argument where it is no history: an
/// operation that completes before its invocation, a row inserted into two groups.
Verdict check(const History& history, const Rules& rules = {});

/// For people: each fault with its operations; of many alike only the first, and of very many only some.
std::string to_string(const Verdict& verdict, const History& history);

}  // namespace shardplex::consistency
