#include "router/execution/api_documents.hpp"

#include "router/version.hpp"

namespace shardplex::router {

std::shared_ptr<const std::string> ApiDocuments::find(const Snapshot& snapshot, ApiDialect dialect) {
  if (map_ != snapshot.map || catalogue_ != snapshot.catalogue) {
    map_ = snapshot.map;
    catalogue_ = snapshot.catalogue;
    by_dialect_ = {};
  }
  auto& document = by_dialect_[static_cast<std::size_t>(dialect)];
  if (!document)
    document = std::make_shared<const std::string>(api_document(*map_, *catalogue_, dialect, version));
  return document;
}

}  // namespace shardplex::router
