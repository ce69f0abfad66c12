// Starts a libpq connection with the session settings every answer depends on.
#pragma once

#include <libpq-fe.h>

#include "postgres/connection.hpp"

namespace shardplex::postgres {

/// PQconnectStartParams with what ConnectionSettings promises. What `conninfo` says of application_name and
/// tcp_user_timeout wins over us; its other `options` are kept. nullptr where conninfo is not one, or where
/// there is no memory: libpq's own message would quote parts of it, so there is none.
PGconn* start_session(const ConnectionSettings& settings);

}  // namespace shardplex::postgres
