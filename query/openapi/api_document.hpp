// OpenAPI documents of what a catalogue serves. Pure: they are made of nothing but map and catalogue.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "query/catalogue/catalogue.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

enum class ApiDialect : std::uint8_t {
  openapi_2,  ///< 2.0 (Swagger), with the names and marks of PostgREST's document, which its clients look for
  openapi_3,  ///< 3.1
};

/// The document as JSON. `version` is the router's, which the document has as its own.
std::string api_document(const ShardMap& map, const Catalogue& catalogue, ApiDialect dialect,
                         std::string_view version);

}  // namespace shardplex
