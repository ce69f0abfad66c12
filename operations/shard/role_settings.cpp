#include "operations/shard/role_settings.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>

namespace shardplex::operations {
namespace {

// How long a statement may take and how it is worked out, and what is logged of it. None of them changes what
// a statement that succeeds answers or stores, or how safely.
constexpr std::string_view tuning[]{"client_connection_check_interval",
                                    "cpu_index_tuple_cost",
                                    "cpu_operator_cost",
                                    "cpu_tuple_cost",
                                    "cursor_tuple_fraction",
                                    "deadlock_timeout",
                                    "default_statistics_target",
                                    "effective_cache_size",
                                    "effective_io_concurrency",
                                    "from_collapse_limit",
                                    "hash_mem_multiplier",
                                    "idle_in_transaction_session_timeout",
                                    "idle_session_timeout",
                                    "jit",
                                    "join_collapse_limit",
                                    "lock_timeout",
                                    "logical_decoding_work_mem",
                                    "maintenance_io_concurrency",
                                    "maintenance_work_mem",
                                    "max_parallel_maintenance_workers",
                                    "max_parallel_workers",
                                    "max_parallel_workers_per_gather",
                                    "min_parallel_index_scan_size",
                                    "min_parallel_table_scan_size",
                                    "parallel_leader_participation",
                                    "parallel_setup_cost",
                                    "parallel_tuple_cost",
                                    "plan_cache_mode",
                                    "random_page_cost",
                                    "seq_page_cost",
                                    "statement_timeout",
                                    "temp_buffers",
                                    "temp_file_limit",
                                    "work_mem"};
constexpr std::string_view tuning_prefixes[]{"enable_", "geqo", "jit_", "log_", "tcp_", "track_"};

// Whatever else a role is set to may be a secret: extensions and applications keep passwords and keys there.
constexpr std::string_view answering[]{"bytea_output",
                                       "datestyle",
                                       "default_text_search_config",
                                       "default_transaction_isolation",
                                       "default_transaction_read_only",
                                       "extra_float_digits",
                                       "intervalstyle",
                                       "lc_messages",
                                       "lc_monetary",
                                       "lc_numeric",
                                       "lc_time",
                                       "role",
                                       "search_path",
                                       "standard_conforming_strings",
                                       "synchronous_commit",
                                       "timezone"};

std::string lower_name(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

}  // namespace

bool only_tunes(const std::string& setting) {
  const auto name = lower_name(setting);
  if (name.find('.') != std::string::npos) return false;  // an extension's or an application's own
  return std::ranges::find(tuning, name) != std::end(tuning) ||
         std::ranges::any_of(tuning_prefixes,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool holds_no_secret(const std::string& setting) {
  return only_tunes(setting) || std::ranges::find(answering, lower_name(setting)) != std::end(answering);
}

}  // namespace shardplex::operations
