// Which indexes no server uses. Pure.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "query/advice/advice.hpp"
#include "query/advice/shared_index.hpp"
#include "query/advice/survey.hpp"

namespace shardplex {

/// What advice against indexes goes by. Lifetime: refers to all of it.
struct IndexUseRules {
  const AdviceBounds& bounds;
  const std::set<std::pair<std::string, std::string>>& asked;  ///< columns that requests ask by, by table
  const IndexNames& kept;  ///< indexes that are to serve what others served
};

/// As advise_indexes() says. `named`: those that are advised against already; more are added.
Advised advise_unused(const Survey& survey, const IndexUseRules& rules, IndexNames& named);

}  // namespace shardplex
