// Rows as Features of GeoJSON (RFC 7946, section 3.2).
#pragma once

#include <string>
#include <string_view>

#include "query/error.hpp"

namespace shardplex {

/// Appends `row`, a JSON object whose first member is a geometry, as the Feature that PostGIS's
/// ST_AsGeoJSON(record) writes: the other members are its properties, values byte for byte. SHARD503, with
/// part of it appended, for what is no such object.
Result<void> append_feature(std::string& out, std::string_view row);

}  // namespace shardplex
