// Everything a router can be told, from flags or from a file of the same names (--config).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "postgres/pool.hpp"
#include "query/grammar/parse.hpp"
#include "query/grammar/preferences.hpp"
#include "router/log.hpp"

namespace shardplex::router {

/// Bounds on one client's demands; a request over one is refused with an error that names it.
struct Limits {
  std::size_t url_bytes = 8 * 1024;             ///< 414
  std::size_t header_bytes = 16 * 1024;         ///< 431
  std::size_t body_bytes = 1024 * 1024;         ///< 413
  std::uint64_t rows = 0;                       ///< rows per answer; 0: no bound
  std::size_t body_rows = 10'000;               ///< of one POST; 413
  std::size_t connections_per_worker = 10'000;  ///< 503 beyond
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds write_timeout{
      60'000};  ///< in which a client has to take write_rate bytes a second
  std::size_t write_rate = 32 * 1024;
  std::vector<std::string> hosts;  ///< that Host may name, in lower case, with or without a port; none: any
  ParseLimits parse;
};

struct Settings {
  std::string map_file;
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0: any free one, which the log names
  std::string admin_address = "127.0.0.1";
  std::uint16_t admin_port = 9090;
  std::size_t workers = 0;                            ///< 0: one per core
  std::chrono::milliseconds request_timeout{30'000};  ///< until an answer begins; then, for each part of it
  std::chrono::milliseconds stream_timeout{600'000};  ///< from the beginning of a streamed answer to its end
  std::chrono::milliseconds drain_delay{0};           ///< between unready and refusing connections
  std::chrono::milliseconds drain_timeout{30'000};    ///< then, how long SIGTERM waits for requests in flight
  std::chrono::milliseconds poll_interval{250};       ///< between two probes of a server
  std::chrono::milliseconds max_replica_lag{5'000};   ///< a replica further behind is passed over
  std::chrono::milliseconds read_patience{300};       ///< in which a shard without a server has to find one
  bool confirm_primary =
      true;  ///< its writes and strong reads wait for the word of the shard's other servers
  std::size_t stream_window_bytes = 1024 * 1024;  ///< rows held per shard while a big answer streams
  std::size_t big_answers = 4;                    ///< per worker: that stream at a time
  std::size_t memory_budget_bytes =
      128 * 1024 * 1024;  ///< bodies, rows and answers of all requests under way
  Limits limits;
  postgres::PoolSettings pool;
  LogLevel log_level = LogLevel::info;
  bool access_log = false;
  bool aggregates = true;                                      ///< clients may ask for them
  bool plans = false;                                          ///< clients may ask for PostgreSQL's
  TransactionEnds transaction_ends = TransactionEnds::commit;  ///< that clients may ask for
  bool compression = true;                                     ///< of answers, for clients that take them so
  std::vector<std::string> cors_allowed_origins;               ///< in lower case; empty: all
  std::chrono::milliseconds slow_request{0};   ///< requests that take as long are logged; 0: none
  std::vector<std::string> schemas{"public"};  ///< that clients may name; the first where they name none
};

/// What main() should do: run with settings, or print a text and exit.
struct Exit {
  int code;
  std::string text;  ///< for stdout where code is 0, for stderr otherwise
};
std::variant<Settings, Exit> read_settings(int argc, const char* const* argv);

}  // namespace shardplex::router
