// A PostgreSQL server for tests, in a temporary folder on a free port of 127.0.0.1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shardplex::test {

struct ServerOptions {
  std::vector<std::string> configuration{};      ///< further lines of postgresql.conf
  std::vector<std::string> host_based_access{};  ///< lines of pg_hba.conf before "everybody is trusted"
  std::vector<std::string> initdb{"--locale=C.UTF-8"};  ///< further arguments of initdb
};

/// Runs as user postgres where the tests run as root. Stopped and removed when this goes, and also when the
/// test program dies in any way. Throws std::runtime_error where PostgreSQL cannot be started.
class Server {
 public:
  explicit Server(const ServerOptions& options = {});
  ~Server();
  Server(const Server&) = delete;

  /// As superuser postgres: "host=127.0.0.1 port=…".
  std::string conninfo(const std::string& database = "postgres") const;
  std::uint16_t port() const { return port_; }

  void start();  ///< returns when it accepts connections; precondition: it does not run
  void stop();   ///< disconnects everybody (pg_ctl's "fast")
  void kill();   ///< as if the power went (pg_ctl's "immediate")

  /// Restarts it as a standby that replays what it has and waits for more.
  void become_standby();

  /// Runs SQL by psql, stopping at the first error: throws.
  void run_sql(const std::string& sql, const std::string& database = "postgres") const;
  void run_sql_file(const std::string& path, const std::string& database = "postgres") const;

 private:
  bool try_start();
  void control(std::vector<std::string> arguments) const;

  std::string folder_;
  std::uint16_t port_ = 0;
  int guard_pipe_ = -1;  // its end tells the guard process to clean up
  int guard_pid_ = -1;
};

}  // namespace shardplex::test
