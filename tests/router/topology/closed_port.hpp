// Servers that refuse connections.
#pragma once

#include <string>

namespace shardplex::router {

/// The connection string of the n-th of such servers, n from 1 to 6: ports of 127.0.0.1 that belong to no
/// service in use.
inline std::string closed_port_conninfo(int n) {
  return "host=127.0.0.1 dbname=movies port=" + std::to_string(n);
}

}  // namespace shardplex::router
