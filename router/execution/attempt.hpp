// What one try at a request comes to.
#pragma once

#include <boost/system/result.hpp>
#include <optional>
#include <string>
#include <variant>

#include "postgres/asio.hpp"
#include "query/error.hpp"
#include "query/plan/route.hpp"

namespace shardplex::router {

/// A route that does not hold any more: read ownership again, and plan again.
struct Replan {
  std::string reason;  ///< for the client, where the deadline comes first
  std::string shard;
  /// Set where it is not ownership that seems to have changed, but the tables: they are to be read again, and
  /// where they are as they were, this is the answer.
  std::optional<Error> unless_tables_change = std::nullopt;
  bool operator==(const Replan&) const = default;
};

/// No server of a shard that a read may use has answered, but one may in a moment: connections were cut or
/// are being made, or servers change their roles.
struct Unserved {
  Error error;           ///< the answer, where none comes
  Deadline until;        ///< by when it has to come
  bool at_once = false;  ///< a new connection may be all that it takes
  bool sent = false;     ///< a server has had the statement when its connection broke
  bool operator==(const Unserved&) const = default;
};

/// Why a try gave no value: the request has failed, or has to be tried again with a newer view, or once the
/// shard has a server again.
using FailedAttempt = std::variant<Error, Replan, Unserved>;

/// Of two shards' failures, the one that is the whole request's: an error before Unserved, the one that may
/// be waited for the shorter first, and that before Replan. True where `a` is it, and `b` is not as much.
bool outweighs(const FailedAttempt& a, const FailedAttempt& b);

template <class T>
using Attempt = boost::system::result<T, FailedAttempt>;

/// Called by Attempt::value() without a value: throws std::runtime_error.
[[noreturn]] void throw_exception_from_error(const FailedAttempt& failed,
                                             const boost::source_location& where);

/// What place() said: shard_unknown is SHARD503, for the others ownership is worth reading again.
FailedAttempt failed_attempt(const RouteFault& fault);

Error shard_unavailable(std::string shard, std::string details);
/// SHARD503 for a write that was answered by a server which another one had replaced by then.
Error outcome_unknown(const std::string& shard);
Error deadline_exceeded(std::string details);

}  // namespace shardplex::router
