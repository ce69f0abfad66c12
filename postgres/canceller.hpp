// Asking servers to cancel what they run, off every event loop.
#pragma once

#include <libpq-fe.h>

namespace shardplex::postgres {

/// Asks the server of `pg` to cancel what that connection runs. Returns at once. Any thread.
///
/// PQcancel() connects and waits, for ever where a server accepts and then says nothing. So each server has
/// threads of its own, a few of them: one that hangs holds up no cancel on another server, nor the end of the
/// process. A cancel that finds too many before it is dropped: the session's statement_timeout then ends the
/// statement.
void cancel_in_background(PGconn* pg);

}  // namespace shardplex::postgres
