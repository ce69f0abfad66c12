// Since when reads have found no server of a shard.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "postgres/asio.hpp"

namespace shardplex::router {

/// While connections are made anew and servers change their roles, a shard may be without a server to read
/// for some milliseconds. A read waits for one, but for a shard that has been without for long none does.
/// Thread: that of its worker.
class Outages {
 public:
  explicit Outages(std::chrono::milliseconds patience) : patience_(patience) {}

  std::chrono::milliseconds patience() const { return patience_; }

  /// A read found no server of the shard that answers. By when one has to be found: patience() after the
  /// first read that found none.
  Deadline found_none(const std::string& shard, Clock::time_point now) {
    auto& outage = outages_.try_emplace(shard, Outage{now, now}).first->second;
    if (is_another(outage, now)) outage.first = now;
    outage.last = now;
    return outage.first + patience_;
  }

  /// Whether reads have found no server of the shard for so long that none waits for one. This is one more.
  bool lasts(const std::string& shard, Clock::time_point now) {
    const auto found = outages_.find(shard);
    if (found == outages_.end() || is_another(found->second, now)) return false;
    if (now < found->second.first + patience_) return false;
    found->second.last = now;
    return true;
  }

  /// A server of the shard has answered, or may from now on.
  void end(const std::string& shard) {
    if (!outages_.empty()) outages_.erase(shard);
  }

 private:
  /// Nobody has asked for so long, and longer than one waits: whether that was the same outage is not known.
  static constexpr auto forgotten_after = std::chrono::minutes(1);

  struct Outage {
    Clock::time_point first, last;  // reads that found none
  };
  bool is_another(const Outage& outage, Clock::time_point now) const {
    return now - outage.last > std::max<Clock::duration>(forgotten_after, patience_);
  }

  const std::chrono::milliseconds patience_;
  std::map<std::string, Outage> outages_;  // by the shard's name
};

}  // namespace shardplex::router
