#include "router/http/exchange.hpp"

#include <boost/assert.hpp>

namespace shardplex::router {

void Exchange::fail(const Error& error) {
  BOOST_ASSERT(!streaming());
  status = static_cast<unsigned>(http_status(error));
  content_type = "application/json; charset=utf-8";
  body = to_json(error);
  fields.clear();
  if (status == 503) set("Retry-After", "1");
}

}  // namespace shardplex::router
