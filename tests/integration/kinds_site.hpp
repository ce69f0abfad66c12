// Clusters with tables that have no primary key, and with views: over three shards, and on one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"

namespace shardplex::integration {

/// The tables movies, ratings and genres; `events` of the group by movie_id, and the reference table `tones`,
/// neither with a primary key; and the views of kinds_site.cpp.
class KindsSite {
 public:
  explicit KindsSite(int shards);

  const Cluster& cluster() const { return cluster_; }
  const Router& router() const { return *router_; }
  HttpResponse get(const std::string& target, const Headers& headers = {}) const {
    return HttpClient(router_->port()).get(target, headers);
  }
  HttpResponse send(const std::string& method, const std::string& target, const std::string& body,
                    const Headers& headers = {}) const;

  /// Three shards, and one PostgreSQL with the same rows.
  static KindsSite& shards();
  static KindsSite& one();

 private:
  Cluster cluster_;
  std::optional<Router> router_;
};

/// Hands slots of the group `catalog` from one shard to another and leaves their rows behind, as a mover does
/// that dies before it removes them.
void hand_over_leaving_rows(const Cluster& cluster, const std::vector<int>& slots, const std::string& from,
                            const std::string& to);

}  // namespace shardplex::integration
