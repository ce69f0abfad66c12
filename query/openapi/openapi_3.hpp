// The document in OpenAPI 3.1.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>
#include <vector>

#include "query/openapi/described_table.hpp"

namespace shardplex::openapi {

/// `info`: of document_parts.hpp.
boost::json::object document_3(const std::vector<DescribedTable>& tables, boost::json::object info);

/// The schema of a column's values, null included where it may be.
boost::json::object schema_3(const Column& column);

/// A name among a document's components, which has few characters (OpenAPI 3.1, section 4.8.7): others
/// become ".XX". No two names have one.
std::string component_name(std::string_view name);

}  // namespace shardplex::openapi
