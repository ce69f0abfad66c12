// The one error type of the HTTP contract, and the one function from code to status.
#pragma once

#include <boost/system/result.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace shardplex {

/// What a client is told when a request fails: PostgREST's shape and codes, a SQLSTATE, or SHARDnnn.
struct Error {
  std::string code;
  std::string message;
  std::optional<std::string> details;
  std::optional<std::string> hint;
  std::optional<int>
      status;  ///< overrides http_status(code), for the rare code whose status depends on context
  bool details_are_json = false;  ///< details are JSON, not a sentence

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = boost::system::result<T, Error>;

/// Called by Result::value() on an error: throws std::runtime_error naming the code and message.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

/// HTTP status of a PGRSTnnn, SHARDnnn or SQLSTATE code, as docs/api.md lists them. `authenticated` decides
/// 42501.
int http_status(std::string_view code, bool authenticated = false);
inline int http_status(const Error& e) {
  return e.status ? *e.status : http_status(e.code);
}

/// {"code":…,"details":…,"hint":…,"message":…} with nulls included; UTF-8, whatever bytes the texts have.
std::string to_json(const Error& error);

/// SHARD400: cannot be answered exactly over shards. `why` goes to details, `works` to the hint.
Error cannot_merge(std::string why, std::string works);

}  // namespace shardplex
