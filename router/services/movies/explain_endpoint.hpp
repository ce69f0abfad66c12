// What a read would do, for the admin port: nothing of it is done.
#pragma once

#include <string>

#include "router/http/answer.hpp"
#include "router/http/call.hpp"
#include "router/settings.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// The answer to GET /plan/table?… and /plan/table/key?…, with the fields that the read would have: its plan
/// as JSON, or the error that the read itself would be answered with. `snapshot` may be null; `key` is null
/// where there is none.
Result<Answer> explain_read(const Snapshot* snapshot, const Settings& settings, const Request& request,
                            const std::string& table, const std::string* key, std::string_view query);

}  // namespace shardplex::router
