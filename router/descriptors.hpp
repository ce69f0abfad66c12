// How the process's file descriptors are shared out.
#pragma once

#include <cstddef>

#include "query/error.hpp"
#include "router/settings.hpp"

namespace shardplex::router {

inline constexpr std::size_t admin_connections = 100;

/// How many client connections a worker may have, so that connections to `servers` servers, the admin port
/// and files still find descriptors: as many as --max-connections, or fewer where `descriptors`
/// (RLIMIT_NOFILE) does not suffice. An error where hardly any is left. Pure.
Result<std::size_t> client_connections(std::size_t descriptors, std::size_t workers, std::size_t servers,
                                       const Settings& settings);

}  // namespace shardplex::router
