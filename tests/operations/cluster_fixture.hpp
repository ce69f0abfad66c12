// Real PostgreSQL clusters, made by scripts/cluster in temporary folders on free ports.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace shardplex::test {

/// Servers of one cluster. They are stopped and removed when this goes, and also when the test program dies.
class Cluster {
 public:
  /// `options`: further arguments of `scripts/cluster start`.
  explicit Cluster(const std::string& options);

  /// Empties every shard: no tables, no schema shardplex, no prepared transactions, no logical replication.
  void reset();

  /// The shard map of these servers.
  std::string map() const { return folder_ + "/map.yaml"; }
  const std::vector<std::string>& shards() const { return shards_; }
  std::string conninfo(const std::string& server) const;

  /// Runs SQL on a server and returns the first column, rows joined by line ends. Throws on errors.
  std::string sql(const std::string& server, const std::string& statements) const;

  /// `scripts/cluster VERB --dir … SERVER`: kill, stop-server, start-server.
  void control(const std::string& verb, const std::string& server) const;

 private:
  struct Close {
    void operator()(FILE* pipe) const { pclose(pipe); }
  };
  void drop_replication();

  std::string folder_;
  std::unique_ptr<FILE, Close> guard_;  // removes the cluster when this end of its pipe is closed
  std::vector<std::string> shards_;
  std::vector<std::pair<std::string, std::string>> ports_;  // server → port
};

/// The clusters that the tests share, each made when it is first used: two shards under hash, each with a
/// replica, and three under genre.
Cluster& hash_cluster();
Cluster& genre_cluster();

}  // namespace shardplex::test
