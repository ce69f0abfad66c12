#include "query/openapi/api_document.hpp"

#include <boost/json/serialize.hpp>

#include "query/openapi/document_parts.hpp"
#include "query/openapi/openapi_2.hpp"
#include "query/openapi/openapi_3.hpp"

namespace shardplex {

std::string api_document(const ShardMap& map, const Catalogue& catalogue, ApiDialect dialect,
                         std::string_view version) {
  const auto tables = described_tables(map, catalogue);
  auto info = openapi::info(map, version);
  return boost::json::serialize(dialect == ApiDialect::openapi_2
                                    ? openapi::document_2(tables, std::move(info))
                                    : openapi::document_3(tables, std::move(info)));
}

}  // namespace shardplex
