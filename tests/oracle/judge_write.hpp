// Whether a write does the same over several shards, over one, and in PostgreSQL.
#pragma once

#include "tests/oracle/any_request.hpp"
#include "tests/oracle/judge.hpp"
#include "tests/oracle/site.hpp"

namespace shardplex::oracle {

/// The site has its rows again when it returns. What shards refuse is not asked of one: that is all right,
/// where it changes nothing. `over_shards`: what they answered.
Judgement judge_write(Site& site, const Write& write, integration::HttpResponse& over_shards);

/// Asks, and judges, whatever it is. Throws ConnectionFailure.
Judgement judge_request(Site& site, const AnyRequest& request, integration::HttpResponse& over_shards);

}  // namespace shardplex::oracle
