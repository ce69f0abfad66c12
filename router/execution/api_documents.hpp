// The documents about what is served that this worker has made, so that each is made once for a catalogue,
// and is in memory once however many clients take it.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "query/openapi/api_document.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// Thread: its worker's. Forgets everything when map or catalogue change.
class ApiDocuments {
 public:
  /// api_document() of the snapshot. Precondition: it has a catalogue.
  std::shared_ptr<const std::string> find(const Snapshot& snapshot, ApiDialect dialect);

 private:
  std::shared_ptr<const ShardMap> map_;
  std::shared_ptr<const Catalogue> catalogue_;
  std::array<std::shared_ptr<const std::string>, 2> by_dialect_;
};

}  // namespace shardplex::router
