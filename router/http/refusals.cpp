#include "router/http/refusals.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <string>

namespace shardplex::router {
namespace {

Error over_limit(int status, const char* message, std::size_t limit, const char* flag) {
  return {"SHARD400", message, "The limit is " + std::to_string(limit) + " bytes.",
          std::string("The operator sets it by ") + flag + ".", status};
}

Error url_over_limit(const Limits& limits) {
  return over_limit(414, "The URL is too long", limits.url_bytes, "--max-url-bytes");
}

Error body_over_limit(const Limits& limits) {
  return over_limit(413, "The request's body is too large", limits.body_bytes, "--max-body-bytes");
}

Error late(const char* message) {
  return {"SHARD408", message, std::nullopt, std::nullopt, 408};
}

/// The client has sent something that is not HTTP; it has not just gone away.
bool is_malformed(const boost::system::error_code& ec) {
  return ec.category() == make_error_code(http::error::bad_method).category() &&
         ec != http::error::end_of_stream && ec != http::error::partial_message;
}

std::optional<Error> check_url_length(const Request& request, const Limits& limits) {
  if (request.target().size() <= limits.url_bytes) return std::nullopt;
  return url_over_limit(limits);
}

/// A body whose length is not understood would be taken for the next request.
std::optional<Error> check_transfer_encoding(const Request& request, const Limits&) {
  const auto encoding = request.find(http::field::transfer_encoding);
  if (encoding == request.end() || boost::beast::iequals(encoding->value(), "chunked")) return std::nullopt;
  return Error{"PGRST100", "Transfer-Encoding is not understood", "It is not 'chunked'.", std::nullopt, 501};
}

std::optional<Error> check_host(const Request& request, const Limits&) {
  if (request.version() < 11 || request.count(http::field::host) == 1) return std::nullopt;
  return Error{"PGRST100", "The request is not HTTP/1.1", "It has no Host field, or several.", std::nullopt,
               400};
}

using HeadCheck = std::optional<Error> (*)(const Request&, const Limits&);
constexpr HeadCheck head_checks[] = {&check_url_length, &check_transfer_encoding, &check_host};

}  // namespace

std::optional<Error> head_refusal(const Request& request, const Limits& limits) {
  for (const auto check : head_checks)
    if (auto refusal = check(request, limits)) return refusal;
  return std::nullopt;
}

std::optional<Error> head_failure(const boost::system::error_code& ec, bool timed_out, bool target_ended,
                                  const Limits& limits) {
  if (timed_out) return late("The request's head did not arrive in time");
  if (ec == http::error::header_limit && !target_ended) return url_over_limit(limits);
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return over_limit(431, "The request's header fields are too large", limits.header_bytes,
                      "--max-header-bytes");
  if (ec == http::error::body_limit) return body_over_limit(limits);  // Content-Length says so already
  if (is_malformed(ec)) return Error{"PGRST100", "The request is not HTTP", ec.message(), std::nullopt, 400};
  return std::nullopt;
}

std::optional<Error> body_failure(const boost::system::error_code& ec, bool timed_out, const Limits& limits) {
  if (timed_out) return late("The request's body did not arrive in time");
  if (ec == http::error::body_limit) return body_over_limit(limits);
  if (is_malformed(ec))
    return Error{"PGRST102", "The request's body is not HTTP", ec.message(), std::nullopt, 400};
  return std::nullopt;
}

}  // namespace shardplex::router
