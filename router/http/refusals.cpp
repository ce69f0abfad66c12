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

Error head_over_limit(const Limits& limits) {
  return over_limit(431, "The request's header fields are too large", limits.header_bytes,
                    "--max-header-bytes");
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

/// The parser's limit is that of the URL and of the fields together.
std::optional<Error> check_field_lengths(const Request& request, const Limits& limits) {
  constexpr std::size_t around = 4;  // ": " and the end of the line
  std::size_t bytes = 0;
  for (const auto& field : request) bytes += field.name_string().size() + field.value().size() + around;
  if (bytes <= limits.header_bytes) return std::nullopt;
  return head_over_limit(limits);
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

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// A page that has its own name resolve to this address must not reach it from a browser (DNS rebinding).
std::optional<Error> check_host_is_allowed(const Request& request, const Limits& limits) {
  if (limits.hosts.empty()) return std::nullopt;
  const auto field = request[http::field::host];
  const auto in_target = authority_of({request.target().data(), request.target().size()});
  const auto host = lower_case(in_target.empty() ? std::string_view(field.data(), field.size()) : in_target);
  const auto name = host.substr(0, host.find(':', host.rfind(']') == host.npos ? 0 : host.rfind(']')));
  for (const auto& allowed : limits.hosts)
    if (allowed == host || allowed == name) return std::nullopt;
  return Error{"SHARD421", "The request is for another host",
               "Its Host is not on the list of --allowed-hosts.", std::nullopt, std::nullopt};
}

/// A browser sends what any web page tells it to, with a body of a type that forms have, or of none at all,
/// without asking this server first (fetch.spec.whatwg.org, "CORS-safelisted request-header"). Bodies of
/// such types are refused later, where they would write; one that names no type is refused here where it
/// comes from a page.
std::optional<Error> check_page_names_type(const Request& request, const Limits&) {
  const auto method = request.method();
  const bool writes = method == http::verb::post || method == http::verb::put || method == http::verb::patch;
  if (!writes || request.count(http::field::content_type) > 0) return std::nullopt;
  if (!is_from_page(request)) return std::nullopt;
  return Error{"PGRST102", "Content-Type is missing",
               "A request that a web page makes has to say what its body is.",
               "Send the body as application/json.", 415};
}

using HeadCheck = std::optional<Error> (*)(const Request&, const Limits&);
constexpr HeadCheck head_checks[] = {&check_url_length, &check_field_lengths,   &check_transfer_encoding,
                                     &check_host,       &check_host_is_allowed, &check_page_names_type};

}  // namespace

bool is_from_page(const Request& request) {
  return request.count(http::field::origin) > 0 || request.count("Sec-Fetch-Site") > 0;
}

std::optional<Error> head_refusal(const Request& request, const Limits& limits) {
  for (const auto check : head_checks)
    if (auto refusal = check(request, limits)) return refusal;
  return std::nullopt;
}

std::optional<Error> head_failure(const boost::system::error_code& ec, bool timed_out, bool target_ended,
                                  const Limits& limits) {
  if (timed_out) return late("The request's head did not arrive in time");
  if (ec == http::error::header_limit && !target_ended) return url_over_limit(limits);
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) return head_over_limit(limits);
  if (ec == http::error::body_limit) return body_over_limit(limits);  // Content-Length says so already
  if (is_malformed(ec)) return Error{"PGRST100", "The request is not HTTP", ec.message(), std::nullopt, 400};
  return std::nullopt;
}

std::size_t most_wire_bytes(const Limits& limits) {
  return 2 * limits.body_bytes + limits.header_bytes;
}

Error wasteful_body(const Limits& limits) {
  return over_limit(413, "The chunks of the request's body are mostly framing", most_wire_bytes(limits),
                    "--max-body-bytes");
}

std::optional<Error> body_failure(const boost::system::error_code& ec, bool timed_out, const Limits& limits) {
  if (timed_out) return late("The request's body did not arrive in time");
  if (ec == http::error::body_limit) return body_over_limit(limits);
  if (ec == http::error::buffer_overflow) return wasteful_body(limits);  // one extension, or all trailers
  if (is_malformed(ec))
    return Error{"PGRST102", "The request's body is not HTTP", ec.message(), std::nullopt, 400};
  return std::nullopt;
}

}  // namespace shardplex::router
