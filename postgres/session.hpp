// Starts a session: a libpq connection, and the settings every answer depends on.
#pragma once

#include <libpq-fe.h>

#include <optional>
#include <string>
#include <string_view>

#include "postgres/connection.hpp"
#include "postgres/failure.hpp"
#include "postgres/result_set.hpp"
#include "shard_schema/session_settings.hpp"

namespace shardplex::postgres {

/// PQconnectStartParams with what ConnectionSettings says of the client. What `conninfo` says of
/// application_name and tcp_user_timeout wins over us. nullptr where conninfo is not one, or where there is
/// no memory: libpq's own message would quote parts of it, so there is none.
PGconn* start_connection(const ConnectionSettings& settings);

/// The first statement of a session: sets what ConnectionSettings promises, and the agreed settings where
/// they are known. Its answer is read by opened_session().
Statement session_statement(const ConnectionSettings& settings, const std::optional<AgreedValues>& agreed);

struct OpenedSession {
  AgreedValues own;     ///< the agreed settings, as the session had them before
  std::string backend;  ///< the same for two sessions of a server only where they are one
};
Outcome<OpenedSession> opened_session(const ResultSet& answer);

}  // namespace shardplex::postgres
