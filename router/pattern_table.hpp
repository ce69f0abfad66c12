// What requests of each shape have cost on one worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/patterns/heaviest.hpp"
#include "query/patterns/pattern_report.hpp"
#include "router/count.hpp"

namespace shardplex::router {

/// Keeps the shapes on which most time goes, at most `most` of them, and counts what the others cost
/// together. Thread: its worker's, but for report(). A request whose shape is kept takes no lock and
/// allocates nothing.
class PatternTable {
 public:
  static constexpr std::size_t most = 500;

  explicit PatternTable(std::size_t capacity = most);

  /// By what a request is counted when it has been answered.
  struct Ticket {
    std::optional<Heaviest::Place> place;  ///< where its shape was kept when it was found
    std::string text;                      ///< the shape, where it was not; "" for what has none
  };

  /// Where to write a shape for find(); empty, and only for one shape at a time.
  std::string& sheet();
  Ticket find(std::string_view shape) const;

  /// What one request has cost.
  struct Answered {
    std::uint64_t microseconds = 0;
    bool failed = false;     ///< its status is 400 or more
    std::size_t shards = 0;  ///< servers that answered
    std::uint64_t rows = 0;
    std::optional<std::uint64_t> rows_read = std::nullopt;
    std::uint64_t bytes = 0;
  };
  /// A shape that has left the table since it was found is counted among the others.
  void count(Ticket ticket, const Answered& answered);

  /// The shape; "" where it has left the table. Lifetime: that of the ticket, and until the next count().
  std::string_view text_of(const Ticket& ticket) const;

  /// Any thread.
  PatternReport report() const;

  /// What is counted of requests without a shape: those that no endpoint took.
  static constexpr std::string_view no_endpoint = "(no endpoint)";

 private:
  struct Counters {
    Count calls, errors, time_us, shards, scatters, rows, rows_read, not_known, bytes;
    std::array<Count, latency_buckets> latency;

    void add(const Answered& answered);
    void move_to(Counters& sum);  // and become 0
    PatternCounts read() const;
  };
  Heaviest::Place take_in(std::string text);

  mutable std::mutex mutex_;  // held to take a shape in and to report, never to count one that is kept
  Heaviest shapes_;
  std::vector<std::unique_ptr<Counters>> counters_;  // by slot; made when the slot is first used
  Counters other_;
  std::string sheet_;
};

}  // namespace shardplex::router
