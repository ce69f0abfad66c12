// Which function a call means.
#pragma once

#include <string>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/error.hpp"
#include "query/grammar/accept.hpp"

namespace shardplex {

/// What a call says of the function that it means.
struct CallKey {
  std::string name;
  std::vector<std::string> arguments;  ///< their names, each once
  bool is_post = false;
  MediaKind content = MediaKind::json;  ///< of a POST: the body's
  std::string schema = "public";        ///< the catalogue's, for messages
};

/// The function of which a call gives all arguments that have no default, and no others; of a POST, where
/// there is none, the one whose only argument has no name and is of the body's type. As PostgREST finds it.
///
/// PGRST202 where there is none, with a hint where a name is nearly right; PGRST203 where there are several;
/// SHARD400 for a function that the map does not declare; SHARD503 for one that shards contradict each other
/// in. Lifetime: the result is the catalogue's.
Result<const Function*> find_function(const CallKey& key, const Catalogue& catalogue);

}  // namespace shardplex
