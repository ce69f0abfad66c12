// What is said to requests that never reach a handler. Pure.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <optional>

#include "query/error.hpp"
#include "router/http/call.hpp"
#include "router/settings.hpp"

namespace shardplex::router {

/// What is wrong with a request by its head alone: 414, 501 for a Transfer-Encoding other than chunked, 400
/// for not exactly one Host field, 421 for a host that the operator has not allowed, 415 for a body from a
/// web page that does not say what it is.
std::optional<Error> head_refusal(const Request& request, const Limits& limits);

/// A browser sends it for a web page, whichever that is.
bool is_from_page(const Request& request);

/// Why a request's head could not be read: 408 where `timed_out`, 414 where the limit was met before the
/// target ended, 431, 413, 400. nullopt where there is nobody to tell, or nothing.
std::optional<Error> head_failure(const boost::system::error_code& ec, bool timed_out, bool target_ended,
                                  const Limits& limits);

/// The same of its body: 408, 413, 400.
std::optional<Error> body_failure(const boost::system::error_code& ec, bool timed_out, const Limits& limits);

/// The most bytes that a body may take on the wire, its chunks' framing and trailers included.
std::size_t most_wire_bytes(const Limits& limits);
/// 413 for a body that takes more.
Error wasteful_body(const Limits& limits);

}  // namespace shardplex::router
