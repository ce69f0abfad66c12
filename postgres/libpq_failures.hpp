// What libpq says went wrong, as failures.
#pragma once

#include <libpq-fe.h>

#include <optional>
#include <string>
#include <vector>

#include "postgres/failure.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::postgres {

/// Failure::lost: sent, and nobody knows what became of it.
Failure lost(std::string message);
/// Failure::connect: nothing was sent.
Failure not_connected(std::string message);
/// The error that PostgreSQL gives in place of a result.
Failure statement_failure(const PGresult* result);

/// The server ends the connection after an error of this severity.
bool ends_connection(const PGresult* result);
/// The server does not know the prepared statement any more, or knows it with other columns than it has now.
bool is_stale(const PGresult* result);

/// What libpq could not carry: it would cut a text at its first NUL. The codes are those that PostgreSQL
/// uses.
std::optional<Failure> unsendable(const Statement& statement);
std::optional<Failure> unsendable(const std::vector<Statement>& statements);  ///< the first of them

/// libpq's last complaint without the address that it begins with, and without the hints on further lines.
std::string reason_of(const PGconn* pg);

}  // namespace shardplex::postgres
