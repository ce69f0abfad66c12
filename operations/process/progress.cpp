#include "operations/process/progress.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace shardplex::operations {
namespace {

std::optional<double> fraction(const Advance& advance) {
  if (!advance.total_bytes || *advance.total_bytes == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(advance.bytes) / static_cast<double>(*advance.total_bytes));
}

}  // namespace

std::string minutes_and_seconds(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::ceil(seconds));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%llu:%02llu", static_cast<unsigned long long>(whole / 60),
                static_cast<unsigned long long>(whole % 60));
  return text.data();
}

std::string progress_text(const Advance& advance) {
  const double seconds = advance.elapsed.count();
  const double rate = seconds > 0 ? static_cast<double>(advance.rows) / seconds : 0;
  std::string text =
      with_thousands(advance.rows) + " rows  " + with_thousands(static_cast<std::uint64_t>(rate)) + " rows/s";
  const auto done = fraction(advance);
  if (!done) return text;
  text += "  " + std::to_string(static_cast<int>(*done * 100)) + "%";
  if (*done > 0) text += "  ETA " + minutes_and_seconds(seconds / *done * (1 - *done));
  return text;
}

std::string progress_bar(const Advance& advance, std::size_t width) {
  constexpr std::size_t cells = 24;
  const std::string text = progress_text(advance);
  const auto done = fraction(advance);
  if (!done || width < cells + 4 + text.size()) return text.substr(0, width);
  const auto full = static_cast<std::size_t>(*done * static_cast<double>(cells));
  return "[" + std::string(full, '#') + std::string(cells - full, '-') + "] " + text;
}

Progress::Progress(const Terminal& terminal, std::optional<std::uint64_t> total_bytes,
                   Clock::time_point start)
    : terminal_(terminal), total_bytes_(total_bytes), start_(start), last_(start) {}

void Progress::hide() {
  if (drawn_) terminal_.err << "\r\033[K" << std::flush;
  drawn_ = false;
}

void Progress::show(std::uint64_t rows, std::uint64_t bytes, Clock::time_point now) {
  if (now - last_ < (terminal_.err_is_tty ? tty_interval : pipe_interval)) return;
  last_ = now;
  const Advance advance{rows, bytes, total_bytes_, now - start_};
  if (terminal_.err_is_tty) {
    drawn_ = true;
    terminal_.err << '\r' << progress_bar(advance, terminal_.width - 1) << "\033[K" << std::flush;
  } else {
    terminal_.err << progress_text(advance) << std::endl;
  }
}

}  // namespace shardplex::operations
