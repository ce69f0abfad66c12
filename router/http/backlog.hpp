// The end of a listening socket, without a connection that is made and then reset.
#pragma once

namespace shardplex::router {

/// From now on the kernel begins no new connection on this listening socket: it drops the first packet of a
/// handshake. Handshakes under way are completed, so that what they bring can still be accepted.
void begin_no_more(int listening_socket);

/// Waits for a connection to accept, for a few milliseconds: the rest of a handshake that is under way.
/// Blocks the thread. False where none has come.
bool await_last_connection(int listening_socket);

}  // namespace shardplex::router
