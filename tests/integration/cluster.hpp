// Real clusters, routers and databases for tests, in temporary folders on free ports.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/shard_map.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/process.hpp"

namespace shardplex::integration {

/// A folder in /tmp that is removed when this goes and also when the test program dies in any way; PostgreSQL
/// servers that scripts/cluster has made in it are stopped first.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  /// Writes a file and returns its path.
  std::string write(const std::string& name, std::string_view text) const;

 private:
  std::string path_;
  int guard_pipe_ = -1;  // its end tells the guard process to clean up
  pid_t guard_pid_ = -1;
};

/// All bytes of the file; "" where it cannot be read.
std::string read_file(const std::string& path);

/// A connection to one server, for SQL past the router. Throws pqxx exceptions.
class Database {
 public:
  explicit Database(const std::string& conninfo) : connection_(conninfo) {}

  /// Each statement is its own transaction.
  pqxx::result run(const std::string& sql);
  /// The one value of a query; nullopt is null.
  std::optional<std::string> value(const std::string& sql);
  std::int64_t number(const std::string& sql);
  std::string quote(std::string_view text);
  pqxx::connection& connection() { return connection_; }

 private:
  pqxx::connection connection_;
};

struct ClusterOptions {
  int shards = 3;
  int replicas = 1;
  std::string map = "hash";  ///< or "genre"
  std::vector<std::string> settings{};
};

/// PostgreSQL servers made by scripts/cluster. Shards are alpha, beta, …; their replicas alpha-1, beta-1, ….
class Cluster {
 public:
  explicit Cluster(const ClusterOptions& options);

  const std::string& map_file() const { return map_file_; }
  const ShardMap& map() const { return *map_; }
  const std::vector<std::string>& shards() const { return shards_; }
  std::string conninfo(const std::string& server) const;

  /// Has the map say of these servers what `rest` says, from `groups:` or `tables:` on.
  void use_map(const std::string& rest);
  /// `shardplex cluster init` with the tables of the movies database.
  void initialise() const { initialise(map_file_); }
  /// The same with another map of these servers.
  void initialise(const std::string& map_file) const;
  /// `shardplex load` of one JSON object per line.
  void load(const std::string& table, std::string_view ndjson) const;
  /// Runs SQL on every primary.
  void run_everywhere(const std::string& sql) const;
  /// Waits until every replica has replayed what its primary has written so far.
  void wait_for_replicas() const;

  void kill(const std::string& server) const;   ///< kill -9 of all its processes
  void hang(const std::string& server) const;   ///< all its processes stop in their tracks
  void wake(const std::string& server) const;   ///< and go on
  void start(const std::string& server) const;  ///< returns when it accepts connections

  void stop(const std::string& server) const;             ///< in order
  void crash_and_start(const std::string& server) const;  ///< an immediate stop, then as start()
  void promote(const std::string& replica) const;         ///< returns when it is a primary
  /// Makes a server a replica of its shard's primary of now, from its rows; returns when it follows.
  void rejoin(const std::string& server) const;
  /// Makes one more shard, which the map does not have: its name, and the connection string of its primary.
  std::pair<std::string, std::string> add_shard();
  void remove_shard(const std::string& shard);  ///< one that add_shard() has made, with its data
  /// Where scripts/cluster keeps the server, its data and its log.
  std::string home(const std::string& server) const { return folder_.path() + '/' + server; }

  /// The name of the shard that the map places the row on.
  std::string shard_of(const std::string& table, std::int64_t key,
                       std::optional<std::string_view> list_value = std::nullopt) const;

 private:
  std::string script(const std::vector<std::string>& arguments) const;
  void read_ports();

  TemporaryFolder folder_;
  std::string map_file_;
  std::optional<ShardMap> map_;
  std::vector<std::string> shards_;
  std::map<std::string, std::uint16_t> ports_;
};

/// A running shardplexd on free ports.
class Router {
 public:
  struct Options {
    std::vector<std::string> arguments{};  ///< beside --map and the ports
    Process::Environment environment{};
    bool wait_until_ready = true;
    std::uint16_t port = 0, admin_port = 0;  ///< 0: free ones
  };
  explicit Router(const std::string& map_file) : Router(map_file, Options{}) {}
  Router(const std::string& map_file, const Options& options);
  /// Ends it by SIGTERM where it still runs. A router that does not end with status 0 (a sanitizer's finding,
  /// a crash) ends the whole test program with its log.
  ~Router();
  Router(const Router&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint16_t admin_port() const { return admin_port_; }
  Process& process() { return process_; }

  HttpResponse admin(std::string_view target) const;
  void wait_until_ready() const;
  /// Waits until /ready?strict answers `status`, and returns that answer.
  HttpResponse wait_for_ready_status(unsigned status) const;
  /// Kills it as if the power went.
  void kill();
  /// SIGTERM, and the exit status.
  int stop();

 private:
  Process process_;
  std::uint16_t port_ = 0, admin_port_ = 0;
  bool killed_ = false;
};

/// The built `shardplex` and `shardplexd`.
const std::string& shardplex_program();
const std::string& shardplexd_program();

/// Runs `shardplex` with these arguments to its end; with `crash_at` it kills itself where it comes to that
/// point (operations/process/crash_point.hpp).
Finished run_shardplex(const std::vector<std::string>& arguments, const std::string& crash_at = "");

/// Rows that scripts/make-movies prints, all invented: films, or with `arguments` others.
std::string make_movies(const std::vector<std::string>& arguments);

}  // namespace shardplex::integration
