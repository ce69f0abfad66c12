// What import check and import run share: --allow, and what an import changes or loses as JSON.
#pragma once

#include <boost/json.hpp>

#include "cli/options.hpp"
#include "operations/import/check.hpp"

namespace shardplex::cli {

/// --allow NAME[,NAME…]
void add_allow(CommandOptions& options);

/// The names given. Throws UsageError on one that is none.
AcceptedLosses accepted_losses(const GivenOptions& given);

/// [{"name": "views-left-behind", "text": …, "objects": […], "accepted": true}]
boost::json::array to_json(const std::vector<ImportLoss>& losses, const AcceptedLosses& accepted);

}  // namespace shardplex::cli
