// Two clusters with the same rows: over several shards, and on one, whose database is the PostgreSQL that
// says what answers have to be.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/request_generator.hpp"
#include "tests/oracle/database_text.hpp"

namespace shardplex::oracle {

struct Answers {
  integration::HttpResponse over_shards, over_one;
};

/// Thread: the one that made it, since routers die with the thread that starts them.
class Site {
 public:
  explicit Site(int shards);

  /// For tests of what finds faults: SQL that every shard of the cluster over several runs at the end of
  /// set_up(), so that it has other rows than PostgreSQL.
  void plant(std::string sql) { planted_ = std::move(sql); }

  /// New databases, with routers in front of them; those of before are dropped. Throws where a program fails
  /// or PostgreSQL refuses.
  void set_up(const DatabaseText& text);
  /// Of the rows of set_up() these alone are there, by table: each is the texts of a primary key. Triggers of
  /// foreign keys do not run.
  void keep_rows(const std::vector<std::pair<std::string, std::vector<std::vector<std::string>>>>& keys);

  /// Before a write: keeps what restore() gives back, where it is not kept already.
  void copy_rows();
  /// After slots have moved: each shard has other rows now than it has kept. Not between keep_rows() and
  /// set_up().
  void forget_copies() { has_fresh_copies_ = false; }
  /// Gives a table the rows that set_up() or keep_rows() left it with. Triggers of foreign keys do not run.
  void restore(const std::string& table);

  /// Throws ConnectionFailure.
  Answers ask(const integration::ReadRequest& read);
  /// One router alone. Throws ConnectionFailure.
  integration::HttpResponse ask_over_shards(const std::string& method, const std::string& target,
                                            const integration::Headers& headers = {},
                                            const std::string& body = "");
  integration::HttpResponse ask_over_one(const std::string& method, const std::string& target,
                                         const integration::Headers& headers = {},
                                         const std::string& body = "");
  integration::Database& database() { return *database_; }

  /// The primaries of the cluster over several shards: connections for SQL past the router, whose statements
  /// end in time.
  std::vector<std::string> primaries() const;
  std::size_t shards() const { return many_.cluster.shards().size(); }

 private:
  /// One of the clusters, with its router.
  struct Side {
    // Compiling a query takes longer than all that it does with a few rows.
    explicit Side(int shards)
        : cluster({.shards = shards, .replicas = 0, .map = "hash", .settings = {"jit=off"}}) {}

    integration::Cluster cluster;
    std::unique_ptr<integration::Router> router;
    std::unique_ptr<integration::HttpClient> client;
  };

  std::string conninfo(const Side& side, const std::string& shard) const;
  void make_databases(Side& side, const DatabaseText& text);
  void start(Side& side, const DatabaseText& text, const std::string& map_file);
  void drop_databases(Side& side);
  /// The same as of routers, with bounds.
  std::string direct_conninfo(const Side& side, const std::string& shard) const;
  /// Runs it on every shard of both, over connections that stay: their settings do too.
  void run_everywhere(const std::string& sql);
  /// Fills a table from its copy.
  std::string filling(const std::string& table) const;

  integration::TemporaryFolder folder_;
  Side many_, one_;
  std::optional<integration::Database> database_;
  std::deque<integration::Database> everywhere_;  // all shards of both; empty: not connected yet
  std::string planted_;
  std::string name_;  // of the databases; "" there are none
  std::vector<TableText> tables_;
  bool has_copies_ = false;                  // tables for all rows, in the schema `all_rows` of each shard
  bool has_fresh_copies_ = false;            // with the rows that are there
  std::map<std::string, std::string> kept_;  // by table: a condition on its rows; absent: all are kept
  unsigned made_ = 0;
};

}  // namespace shardplex::oracle
