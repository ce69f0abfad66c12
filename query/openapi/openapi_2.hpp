// The document in OpenAPI 2.0, as PostgREST has it.
#pragma once

#include <boost/json/object.hpp>
#include <vector>

#include "query/openapi/described_table.hpp"

namespace shardplex::openapi {

/// `info`: of document_parts.hpp. Formats are PostgreSQL's names of types, and definitions have the tables'
/// own names.
boost::json::object document_2(const std::vector<DescribedTable>& tables, boost::json::object info);

}  // namespace shardplex::openapi
