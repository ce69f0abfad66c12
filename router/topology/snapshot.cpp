#include "router/topology/snapshot.hpp"

#include "server_address/server_address.hpp"

namespace shardplex::router {

std::string address_of(const std::string& conninfo) {
  const auto address = server_address(conninfo);
  return address ? address->host + ":" + address->port : "?";
}

}  // namespace shardplex::router
