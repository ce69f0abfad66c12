#include "router/topology/snapshot.hpp"

#include <libpq-fe.h>

namespace shardplex::router {

std::string address_of(const std::string& conninfo) {
  std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(conninfo.c_str(), nullptr), &PQconninfoFree);
  if (!options) return "?";
  std::string host = "localhost", port = "5432";
  for (const auto* o = options.get(); o->keyword != nullptr; ++o) {
    if (o->val == nullptr || *o->val == '\0') continue;
    const std::string_view keyword = o->keyword;
    if (keyword == "host" || keyword == "hostaddr") host = o->val;
    if (keyword == "port") port = o->val;
  }
  return host + ":" + port;
}

}  // namespace shardplex::router
