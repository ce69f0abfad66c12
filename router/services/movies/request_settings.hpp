// What functions are told of the request that calls them.
#pragma once

#include <memory>

#include "query/plan/sql.hpp"
#include "router/http/call.hpp"

namespace shardplex::router {

/// The request's method, path, headers and cookies. Of several headers, or cookies, of one name the last
/// counts, as in PostgREST. Source: "Transaction-Scoped Settings" in PostgREST's reference of transactions.
std::shared_ptr<const RequestSettings> request_settings(const Call& call);

}  // namespace shardplex::router
