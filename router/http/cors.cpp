#include "router/http/cors.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <string_view>

namespace shardplex::router {
namespace {

constexpr std::string_view allowed_methods = "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD";
constexpr std::string_view simple_headers = "Accept, Accept-Language, Content-Language";
constexpr std::string_view readable_headers =
    "Content-Encoding, Content-Location, Content-Profile, Content-Range, Content-Type, Date, Location, "
    "Server, Transfer-Encoding, Range-Unit, Allow, Link, Preference-Applied, Proxy-Status, Retry-After, "
    "Server-Timing, Shardplex-Shards, Shardplex-Missing-Shards, Warning";
constexpr std::string_view a_day_in_seconds = "86400";

std::string_view header(const Request& request, http::field name) {
  const auto value = request[name];
  return {value.data(), value.size()};
}

bool is_allowed(std::string_view origin, const AllowedOrigins& allowed) {
  return allowed.empty() || std::ranges::any_of(allowed, [&](const std::string& each) {
           return boost::beast::iequals({each.data(), each.size()}, {origin.data(), origin.size()});
         });
}

void set_origin(Answer& answer, std::string_view origin, const AllowedOrigins& allowed) {
  answer.set("Access-Control-Allow-Origin", allowed.empty() ? "*" : origin);
  if (!allowed.empty()) answer.set("Access-Control-Allow-Credentials", "true");
}

/// Where the answer depends on its origin, caches have to know.
void set_vary(Answer& answer, const AllowedOrigins& allowed) {
  if (!allowed.empty()) answer.set("Vary", "Origin");
}

void let_origin_read(Answer& answer, std::string_view origin, const AllowedOrigins& allowed) {
  set_vary(answer, allowed);
  if (origin.empty() || !is_allowed(origin, allowed)) return;
  set_origin(answer, origin, allowed);
  answer.set("Access-Control-Expose-Headers", readable_headers);
}

/// The value of a whole line "Origin: …"; "" where there is none.
std::string_view origin_in(std::string_view head) {
  constexpr std::string_view name = "origin:", line_end = "\r\n";
  for (auto end = head.find(line_end); end != head.npos; end = head.find(line_end)) {
    auto line = head.substr(0, end);
    head.remove_prefix(end + line_end.size());
    if (!boost::beast::iequals({line.data(), std::min(line.size(), name.size())}, {name.data(), name.size()}))
      continue;
    line.remove_prefix(std::min(line.find_first_not_of(" \t", name.size()), line.size()));
    return line.substr(0, line.find_last_not_of(" \t") + 1);
  }
  return {};
}

}  // namespace

std::optional<Answer> answer_preflight(const Request& request, const AllowedOrigins& allowed) {
  const auto origin = header(request, http::field::origin);
  if (request.method() != http::verb::options || origin.empty() || !is_allowed(origin, allowed) ||
      request.count(http::field::access_control_request_method) == 0)
    return std::nullopt;
  std::string headers = "Authorization, ";
  if (const auto asked = header(request, http::field::access_control_request_headers); !asked.empty())
    headers.append(asked).append(", ");
  Answer answer;
  set_origin(answer, origin, allowed);
  set_vary(answer, allowed);
  answer.set("Access-Control-Allow-Methods", allowed_methods);
  answer.set("Access-Control-Allow-Headers", headers.append(simple_headers));
  answer.set("Access-Control-Max-Age", a_day_in_seconds);
  return answer;
}

void allow_reading(Answer& answer, const Request& request, const AllowedOrigins& allowed) {
  let_origin_read(answer, header(request, http::field::origin), allowed);
}

void allow_reading_unread(Answer& answer, std::string_view head, const AllowedOrigins& allowed) {
  constexpr std::string_view any = "any";  // is not told
  const auto origin = origin_in(head);
  let_origin_read(answer, origin.empty() && allowed.empty() ? any : origin, allowed);
}

}  // namespace shardplex::router
