// The documents about what is served that this worker has made, so that each is made once for a catalogue,
// and is in memory once however many clients take it.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>

#include "query/openapi/api_document.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// Thread: its worker's. Forgets what it has made of a schema when its map or catalogue change.
class ApiDocuments {
 public:
  /// api_document() of the schema. Precondition: it has a catalogue.
  std::shared_ptr<const std::string> find(const ExposedSchema& schema, ApiDialect dialect);

 private:
  struct OfSchema {
    std::shared_ptr<const ShardMap> map;
    std::shared_ptr<const Catalogue> catalogue;
    std::array<std::shared_ptr<const std::string>, 2> by_dialect;
  };
  std::map<std::string, OfSchema> by_schema_;  // those of the settings, so a few
};

}  // namespace shardplex::router
