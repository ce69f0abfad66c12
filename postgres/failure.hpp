// What can go wrong between the router and a PostgreSQL server.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>

#include "query/error.hpp"

namespace shardplex::postgres {

struct Failure {
  enum class Kind : std::uint8_t {
    connect,    ///< no connection could be made; nothing was sent
    lost,       ///< the connection broke after the statement was sent; whether it took effect is not known
    statement,  ///< PostgreSQL refused the statement: sqlstate and the texts are its own
    busy,       ///< no place in the pool within its bound; nothing was sent
    deadline,   ///< the absolute deadline passed; whether a sent statement took effect is not known
    too_large,  ///< the answer has more bytes than ConnectionSettings::answer_bytes; as for deadline
    no_memory,  ///< the memory budget is spent
    abandoned,  ///< everybody who asked has gone
  };
  Kind kind = Kind::connect;
  bool sent = false;       ///< the statement may have reached the server
  std::string sqlstate{};  ///< 5 characters where PostgreSQL gave one
  std::string message{};   ///< primary message; never holds credentials or parameter values of ours
  std::string detail{}, hint{};
  bool silent = false;           ///< connect: the other side said nothing in time; it did not refuse
  bool of_other_tables = false;  ///< statement: perhaps only refused since the tables have changed
  bool in_function = false;  ///< statement: what failed is inside a function or trigger that it has called
};

/// Asked for less at once, the server may answer.
inline bool is_of_size(const Failure& failure) {
  return failure.kind == Failure::Kind::too_large || failure.kind == Failure::Kind::no_memory;
}

template <class T>
using Outcome = boost::system::result<T, Failure>;

[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location& where);

/// The HTTP contract's error: statement → its SQLSTATE; connect, lost → SHARD503 naming the shard; busy →
/// PGRST003; deadline → SHARD504 naming the shard, and so is what the server gave up for its time-out;
/// too_large → SHARD400; no_memory → SHARD503; abandoned → SHARD499. 57P01 and 08* on a shard are SHARD503
/// too, and so is sqlstate_other_tables; sqlstate_misplaced is SHARD400 and
/// sqlstate_no_sql an internal error of the router.
Error to_error(const Failure& failure, std::string_view shard);

/// What a request is told that the memory budget has no room for.
Error out_of_memory();

}  // namespace shardplex::postgres
