// Cross-origin requests of browsers, as PostgREST answers them (WHATWG Fetch, section "CORS protocol"). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/http/answer.hpp"
#include "router/http/call.hpp"

namespace shardplex::router {

/// The origins whose pages may call, in lower case; empty: all. Pages of named origins may send credentials.
using AllowedOrigins = std::vector<std::string>;

/// The answer to a preflight request of an allowed origin, whatever its path; nullopt where the request is
/// none.
std::optional<Answer> answer_preflight(const Request& request, const AllowedOrigins& allowed);

/// Lets a page of an allowed origin read the answer. No effect where the request has no Origin.
void allow_reading(Answer& answer, const Request& request, const AllowedOrigins& allowed);

/// The same where the request's head could not be read, and `head` is what has come of it. Its Origin may not
/// be among that: where all origins are allowed, the answer can be read in any case.
void allow_reading_unread(Answer& answer, std::string_view head, const AllowedOrigins& allowed);

}  // namespace shardplex::router
