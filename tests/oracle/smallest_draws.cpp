#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "tests/oracle/smallest.hpp"

namespace shardplex::oracle {
namespace {

Draws without_zeros_behind(Draws draws) {
  while (!draws.empty() && draws.back() == 0) draws.pop_back();
  return draws;
}

/// Of two, the one with fewer draws, then the one with the first smaller one.
bool is_smaller(const Draws& one, const Draws& other) {
  return one.size() != other.size() ? one.size() < other.size() : one < other;
}

class DrawShrinker {
 public:
  DrawShrinker(Draws draws, const StillFails& still_fails)
      : best_(without_zeros_behind(std::move(draws))), still_fails_(still_fails) {}

  Draws run() {
    for (bool better = true; better;) {
      better = false;
      better |= leave_out();
      better |= put_zeros();
      better |= lower();
    }
    return std::move(best_);
  }

 private:
  bool take(Draws candidate) {
    candidate = without_zeros_behind(std::move(candidate));
    if (!is_smaller(candidate, best_)) return false;
    auto drawn = still_fails_(candidate);
    if (!drawn) return false;
    auto used = without_zeros_behind(std::move(*drawn));
    best_ = is_smaller(used, candidate) ? std::move(used) : std::move(candidate);
    return true;
  }

  static Draws erased(const Draws& draws, std::size_t first, std::size_t count) {
    auto rest = draws;
    const auto from = rest.begin() + static_cast<std::ptrdiff_t>(first);
    rest.erase(from, from + static_cast<std::ptrdiff_t>(std::min(count, draws.size() - first)));
    return rest;
  }

  /// Draws beside each other, which often make one thing.
  bool leave_out() {
    static constexpr std::array<std::size_t, 13> counts{64, 32, 16, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1};
    constexpr std::size_t many = 12;
    bool better = false;
    for (const auto count : counts)
      for (std::size_t at = 0; at < best_.size();)
        if (take(erased(best_, at, count)))
          better = true;
        else
          at += count > many ? count / 2 : 1;
    return better;
  }

  bool put_zeros() {
    bool better = false;
    for (std::size_t at = 0; at < best_.size(); ++at) {
      if (best_[at] == 0) continue;
      auto candidate = best_;
      candidate[at] = 0;
      better |= take(std::move(candidate));
    }
    return better;
  }

  bool lower() {
    bool better = false;
    for (std::size_t at = 0; at < best_.size(); ++at) {
      // Halves, then ones.
      for (bool lowered = true; lowered && at < best_.size() && best_[at] > 1;) {
        auto candidate = best_;
        candidate[at] /= 2;
        lowered = take(std::move(candidate));
        better |= lowered;
      }
      for (bool lowered = true; lowered && at < best_.size() && best_[at] > 0;) {
        auto candidate = best_;
        --candidate[at];
        lowered = take(std::move(candidate));
        better |= lowered;
      }
    }
    return better;
  }

  Draws best_;
  const StillFails& still_fails_;
};

}  // namespace

Draws smallest_draws(Draws draws, const StillFails& still_fails) {
  return DrawShrinker(std::move(draws), still_fails).run();
}

}  // namespace shardplex::oracle
