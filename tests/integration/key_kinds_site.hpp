// Tables whose shard keys are of every type that can be one, on three shards and on one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/process.hpp"

namespace shardplex::integration {

struct KeyKind {
  std::string table, type;
  std::vector<std::string> keys;   ///< values, some of them in several spellings
  std::vector<std::string> wrong;  ///< what is no value of the type
  std::string group = "all", order = "key";
};

const std::vector<KeyKind>& key_kinds();

/// A table (key, note) of each kind, and a router. On one shard they are reference tables, which are written
/// and read as one PostgreSQL has it; on three each has a view (note, key), called seen_TABLE.
class KeySite {
 public:
  /// Of three shards, and of one.
  static KeySite& shards();
  static KeySite& one();

  HttpResponse request(std::string_view method, const std::string& target, std::string_view body = {}) const;
  const Cluster& cluster() const { return cluster_; }

 private:
  explicit KeySite(int shard_count);

  Cluster cluster_;
  std::optional<Router> router_;
};

/// Both answer the same; false where they do not.
bool check_same(std::string_view method, const std::string& target, std::string_view body = {});
/// The shards are asked for `over_shards` instead.
bool check_same(std::string_view method, const std::string& over_shards, const std::string& target,
                std::string_view body);

std::string json_row(const std::string& key, const std::string& note);

}  // namespace shardplex::integration
