// Which query pattern a request belongs to.
#pragma once

#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// Writes the pattern into the call's record, when the endpoint has answered with `outcome`. Of a request
/// that was refused for what it names or how it is written, the pattern is its place and the code: what it
/// names may be anything.
void note_pattern(TableRequest& request, const Result<Answer>& outcome);

}  // namespace shardplex::router
