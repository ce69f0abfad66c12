// A warning about a lasting state is logged when it is first found, not with every probe. Of very many
// different ones each may be logged again.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "router/log.hpp"

namespace shardplex::router {

class WarnOnce {
 public:
  void operator()(const std::string& warning) {
    constexpr std::size_t most_remembered = 1'000;
    if (logged_.size() >= most_remembered && !logged_.contains(warning)) logged_.clear();
    if (logged_.insert(warning).second) log_warning(warning);
  }

 private:
  std::set<std::string> logged_;
};

}  // namespace shardplex::router
