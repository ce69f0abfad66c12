// Whether what happened to one register can be put in an order: linearizability.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/consistency/history.hpp"

namespace shardplex::consistency {

/// What a step needs of the register and makes of it.
struct Step {
  enum class Needs : std::uint8_t { equal, different };  ///< from `operand`

  Time invoked{0};
  Time completed{0};  ///< Time::max(): it may take place at any time after `invoked`, or never
  Needs needs = Needs::equal;
  bool changes = false;  ///< false: it only looks
  Value operand;
  Value makes;  ///< what it changes the register to

  bool fits(const Value& value) const { return (value == operand) == (needs == Needs::equal); }
  bool may_be_missing() const { return completed == Time::max(); }
};

struct Ordering {
  enum class Found : std::uint8_t { order, no_order, undecided } found = Found::order;
  /// no_order: the step, by its index, that fits in nowhere before it completes, although all that complete
  /// before it do.
  std::size_t misfit = 0;
};

/// Looks for an order in which each step takes place at one moment between its invocation and its completion,
/// from a register without a row. Gives up as undecided after `limit` states have been looked at.
///
/// "Just-in-time linearization" of G. Lowe, Testing for Linearizability (2016): goes through invocations and
/// completions in the order of time with all states that the register can be in, and puts a change in its
/// place only when a completion demands it.
Ordering find_order(const std::vector<Step>& steps, std::size_t limit);

}  // namespace shardplex::consistency
