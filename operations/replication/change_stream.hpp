// The changes of a logical replication slot, as the server streams them (PostgreSQL 15, chapter 55.4,
// "Streaming Replication Protocol").
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "operations/replication/copy_session.hpp"
#include "operations/replication/pgoutput.hpp"

namespace shardplex::operations {

/// Not thread-safe. Has to be read from, or confirm()ed to, at least every 30 s, or the server hangs up.
class ChangeStream {
 public:
  /// Begins behind what was confirmed last. Throws SqlFailure.
  ChangeStream(const std::string& conninfo, const std::string& replication_slot,
               const std::string& publication);

  /// The next message; nullopt where none came within `patience`. Throws SqlFailure where the connection or
  /// the replication slot is lost, and DecodeError.
  std::optional<pgoutput::Message> next(std::chrono::milliseconds patience);

  /// All transactions whose commit ends at or before it have been returned whole.
  Lsn position() const { return position_; }

  /// Asks the server for its position, where it has nothing else to send.
  void ask_position() { send_status(true); }

  /// The source need not keep what is before it.
  void confirm(Lsn done);

 private:
  bool wait(std::chrono::milliseconds patience);
  std::optional<pgoutput::Message> take(std::string_view data);
  void send_status(bool reply_wanted);

  PgConnection connection_;
  Lsn position_, confirmed_;
  bool in_transaction_ = false;
};

}  // namespace shardplex::operations
