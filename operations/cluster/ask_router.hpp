// A question to a router's admin port.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace shardplex::operations {

struct RouterReply {
  unsigned status = 0;
  std::string body;
};

/// GET `target` from the router whose admin port has this URL, http://host:port; `fields` are sent as they
/// are. Throws std::runtime_error with the reason where there is no answer within five seconds, or one of
/// more than 64 MiB.
RouterReply ask_router(const std::string& url, const std::string& target,
                       const std::vector<std::pair<std::string, std::string>>& fields = {});

}  // namespace shardplex::operations
