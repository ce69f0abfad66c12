#include "query/grammar/query.hpp"

namespace shardplex {

bool Filter::operator==(const Filter& other) const {
  const auto* mine = std::get_if<std::shared_ptr<const Logic>>(&node);
  const auto* theirs = std::get_if<std::shared_ptr<const Logic>>(&other.node);
  if (!mine || !theirs) return node == other.node;
  return *mine == *theirs || (*mine && *theirs && **mine == **theirs);
}

}  // namespace shardplex
