// A warning about a lasting state is logged when it is first found, not with every probe.
#pragma once

#include <set>
#include <string>

#include "router/log.hpp"

namespace shardplex::router {

class WarnOnce {
 public:
  void operator()(const std::string& warning) {
    if (logged_.insert(warning).second) log_warning(warning);
  }

 private:
  std::set<std::string> logged_;
};

}  // namespace shardplex::router
