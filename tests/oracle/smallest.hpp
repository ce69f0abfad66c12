// The least of something that still shows a fault.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace shardplex::oracle {

/// Leaves out as many elements as it can while `holds` is true of the rest: halves first, then ever fewer at
/// a time, until none can be left out alone. `holds(all)` has to be true. (Zeller and Hildebrandt,
/// "Simplifying and Isolating Failure-Inducing Input", 2002.)
template <class T>
std::vector<T> smallest(std::vector<T> all, const std::function<bool(const std::vector<T>&)>& holds) {
  for (auto size = std::max<std::size_t>(all.size() / 2, 1);; size = std::max<std::size_t>(size / 2, 1)) {
    bool left_out = false;
    for (auto end = all.size(); end > 0;) {
      const auto begin = end > size ? end - size : 0;
      std::vector<T> rest;
      for (std::size_t at = 0; at < all.size(); ++at)
        if (at < begin || at >= end) rest.push_back(all[at]);
      if (holds(rest)) {
        all = std::move(rest);
        left_out = true;
      }
      end = begin;
    }
    if (size == 1 && !left_out) return all;
  }
}

using Draws = std::vector<std::uint64_t>;

/// What is made of these draws still shows the fault: all that was drawn meanwhile, which may be less.
/// nullopt: it does not.
using StillFails = std::function<std::optional<Draws>(const Draws& draws)>;

/// Ever fewer and smaller draws, of which the fault is still made, until none of them can be left out or made
/// smaller alone, or `still_fails` says no for good. Zeros at the end are left out: they come by themselves.
Draws smallest_draws(Draws draws, const StillFails& still_fails);

}  // namespace shardplex::oracle
