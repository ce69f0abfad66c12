// Tells a session that a connection pooler lends for a transaction from one of the command line's own.
#pragma once

#include <pqxx/pqxx>
#include <string>

namespace shardplex::operations {

/// Throws std::runtime_error, with what is asked of the pooler, where the connection leads to one that lends
/// a session for a transaction only: settings and the locks of a mover would be those of whoever comes next.
/// Nothing is changed in the session. Asks once a process
/// and address, for a second or two at most. Precondition: no transaction is open.
void refuse_lent_session(pqxx::connection& connection, const std::string& conninfo);

}  // namespace shardplex::operations
