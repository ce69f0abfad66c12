// How far a long command has come: one line redrawn on a tty, a plain line every few seconds in a pipe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "operations/process/terminal.hpp"

namespace shardplex::operations {

/// How far a load has come.
struct Advance {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;                   ///< of the input, read so far
  std::optional<std::uint64_t> total_bytes;  ///< nullopt: the input is a pipe
  std::chrono::duration<double> elapsed{0};
};

/// "1:05", rounded up.
std::string minutes_and_seconds(double seconds);

/// "1,200,000 rows  212,000 rows/s  48%  ETA 0:07"; without percent and ETA where the total is not known.
std::string progress_text(const Advance& advance);

/// The text with a bar in front where the total is known: "[#####-----] …", at most `width` columns.
std::string progress_bar(const Advance& advance, std::size_t width);

/// Thread: one.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds tty_interval{100};
  static constexpr std::chrono::milliseconds pipe_interval{3000};

  Progress(const Terminal& terminal, std::optional<std::uint64_t> total_bytes, Clock::time_point start);
  ~Progress() { hide(); }

  /// May be called as often as one likes; draws when it is time to.
  void show(std::uint64_t rows, std::uint64_t bytes, Clock::time_point now);
  /// Clears the bar, so that something else can be written; the next show() draws it again.
  void hide();

 private:
  const Terminal& terminal_;
  std::optional<std::uint64_t> total_bytes_;
  Clock::time_point start_;
  Clock::time_point last_;
  bool drawn_ = false;
};

}  // namespace shardplex::operations
