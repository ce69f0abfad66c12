#include "router/execution/api_documents.hpp"

#include "router/version.hpp"

namespace shardplex::router {

std::shared_ptr<const std::string> ApiDocuments::find(const ExposedSchema& schema, ApiDialect dialect) {
  auto& known = by_schema_[schema.name];
  if (known.map != schema.map || known.catalogue != schema.catalogue)
    known = {schema.map, schema.catalogue, {}};
  auto& document = known.by_dialect[static_cast<std::size_t>(dialect)];
  if (!document)
    document =
        std::make_shared<const std::string>(api_document(*schema.map, *schema.catalogue, dialect, version));
  return document;
}

}  // namespace shardplex::router
