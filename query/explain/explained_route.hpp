// Where a read goes, and why.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "query/plan/route.hpp"

namespace shardplex {

/// What each filter narrows the candidate slots to, in sentences; one that says that none does where that is
/// so. Precondition: not a reference table.
std::vector<std::string> reasons_of_route(const std::vector<Filter>& filters, const RoutedTable& routed);

/// "group catalog: slot 7 has no owner".
std::string fault_sentence(const RouteFault& fault);

/// `slots`: the candidates; nullopt for a reference table. `outcome` is where they are.
boost::json::object explained_route(const std::vector<Filter>& filters, const RoutedTable& routed,
                                    const std::optional<SlotSet>& slots, const RouteOrFault& outcome);

}  // namespace shardplex
