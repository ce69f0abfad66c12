// What generators draw, and can draw again.
#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

namespace shardplex::integration {

/// Draws from a seed, and writes down what it has drawn; or draws what it is given, and 0 behind the end of
/// that. So what was made of some draws can be made smaller, by fewer and smaller ones: 0 is the first of
/// several, and `false`.
class Random {
 public:
  using result_type = std::uint64_t;

  /// Far more was drawn than is given: of nothing but zeros a generator may never find what it looks for.
  struct Endless : std::runtime_error {
    Endless() : std::runtime_error("a generator draws without end") {}
  };

  explicit Random(std::uint64_t seed) : engine_(seed) {}
  explicit Random(std::vector<std::uint64_t> draws) : given_(std::move(draws)), is_given_(true) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return keep(next()); }

  /// A number less than `bound`, which is not 0.
  std::uint64_t below(std::uint64_t bound) { return keep(next() % bound); }

  /// True in `percent` of 100 cases.
  bool chance(unsigned percent) {
    const auto number = next();
    const bool happens = is_given_ ? percent >= 100 || (percent > 0 && number != 0) : number % 100 < percent;
    return keep(happens ? 1 : 0) != 0;
  }

  /// All that was drawn so far, as small as it can be written.
  const std::vector<std::uint64_t>& drawn() const { return drawn_; }

 private:
  friend class Times;
  static constexpr std::size_t most_behind_the_end = 5'000;

  std::uint64_t next() {
    if (!is_given_) return engine_();
    const auto at = drawn_.size();
    if (at < given_.size()) return given_[at];
    if (at - given_.size() > most_behind_the_end) throw Endless();
    return 0;
  }

  std::uint64_t keep(std::uint64_t number) {
    drawn_.push_back(number);
    return number;
  }

  std::mt19937_64 engine_;
  std::vector<std::uint64_t> given_, drawn_;
  bool is_given_ = false;
};

/// How often something is done: `least` times, and by chance some times more, less than `bound`, which is not
/// 0. What is written down says before each of these whether there is one more: so whatever is drawn for one
/// of them can be left out.
class Times {
 public:
  Times(Random& random, std::uint64_t least, std::uint64_t bound)
      : random_(random), least_(least), bound_(bound) {
    if (bound > 1 && !random.is_given_) more_ = random.engine_() % bound;
  }

  /// Whether it is done once more.
  bool next() {
    const auto behind_least = done_ < least_ ? 0 : done_ - least_;
    const bool is_chance = done_ >= least_ && behind_least + 1 < bound_;
    bool goes_on = done_ < least_;
    if (is_chance)
      goes_on = random_.keep((random_.is_given_ ? random_.next() != 0 : behind_least < more_) ? 1 : 0) != 0;
    done_ += goes_on ? 1 : 0;
    return goes_on;
  }

 private:
  Random& random_;
  std::uint64_t least_, bound_, more_ = 0, done_ = 0;
};

template <class T>
const T& pick(Random& random, const std::vector<T>& from) {
  return from[random.below(from.size())];
}

inline bool chance(Random& random, unsigned percent) {
  return random.chance(percent);
}

/// In any order. Draws of 0 leave it as it is.
template <class T>
void shuffle(std::vector<T>& values, Random& random) {
  for (auto left = values.size(); left > 1; --left)
    std::swap(values[left - 1], values[left - 1 - random.below(left)]);
}

}  // namespace shardplex::integration
