#include "shard_map/conninfo.hpp"

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <initializer_list>
#include <locale>
#include <utility>

#include "shard_map/percent.hpp"

namespace shardplex {
namespace {

constexpr std::string_view white_space = " \t\n\v\f\r";

void skip_white_space(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(white_space), rest.size()));
}

/// Takes the text up to the first of `ends` (or all of it) off `rest`.
std::string_view take_until(std::string_view& rest, std::string_view ends) {
  const auto taken = rest.substr(0, rest.find_first_of(ends));
  rest.remove_prefix(taken.size());
  return taken;
}

/// A value of a keyword=value pair: in single quotes or up to white space, a backslash taking the next
/// character as it is. nullopt where a quote is not closed.
std::optional<std::string> take_value(std::string_view& rest) {
  const bool quoted = rest.starts_with('\'');
  if (quoted) rest.remove_prefix(1);
  std::string value;
  while (!rest.empty()) {
    char c = rest.front();
    if (quoted ? c == '\'' : white_space.find(c) != std::string_view::npos) break;
    rest.remove_prefix(1);
    if (c == '\\') {
      if (rest.empty()) break;
      c = rest.front();
      rest.remove_prefix(1);
    }
    value.push_back(c);
  }
  if (quoted) {
    if (rest.empty()) return std::nullopt;
    rest.remove_prefix(1);
  }
  return value;
}

std::optional<Conninfo> parse_pairs(std::string_view rest) {
  Conninfo result;
  for (skip_white_space(rest); !rest.empty(); skip_white_space(rest)) {
    const std::string keyword(take_until(rest, " \t\n\v\f\r="));
    skip_white_space(rest);
    if (keyword.empty() || !rest.starts_with('=')) return std::nullopt;
    rest.remove_prefix(1);
    skip_white_space(rest);
    auto value = take_value(rest);
    if (!value) return std::nullopt;
    result.insert_or_assign(keyword, std::move(*value));
  }
  return result;
}

/// Stores a percent-encoded value unless it is empty; false where the encoding is broken.
bool store(Conninfo& result, std::string_view keyword, std::string_view encoded) {
  auto value = percent_decoded(encoded);
  if (value && !value->empty()) result.insert_or_assign(std::string(keyword), std::move(*value));
  return value.has_value();
}

/// Takes "host:port,host:port" off `rest`; an address of IP version 6 stands in brackets.
bool take_hosts(std::string_view& rest, Conninfo& result) {
  std::string hosts, ports;
  for (;;) {
    std::string_view host;
    if (rest.starts_with('[')) {
      rest.remove_prefix(1);
      host = take_until(rest, "]");
      if (host.empty() || rest.empty()) return false;
      rest.remove_prefix(1);
    } else {
      host = take_until(rest, ":/?,");
    }
    std::string_view port;
    if (rest.starts_with(':')) {
      rest.remove_prefix(1);
      port = take_until(rest, "/?,");
    }
    hosts += host;
    ports += port;
    if (!rest.starts_with(',')) break;
    rest.remove_prefix(1);
    hosts += ',';
    ports += ',';
  }
  return store(result, "host", hosts) && store(result, "port", ports);
}

bool take_parameters(std::string_view rest, Conninfo& result) {
  while (!rest.empty()) {
    const auto keyword = percent_decoded(take_until(rest, "=&"));
    if (!keyword || keyword->empty() || !rest.starts_with('=')) return false;
    rest.remove_prefix(1);
    const auto encoded = take_until(rest, "=&");
    if (rest.starts_with('=') || !store(result, *keyword, encoded)) return false;
    if (rest.empty()) break;
    rest.remove_prefix(1);
  }
  return true;
}

/// postgresql://[user[:password]@][host[:port]][,...][/dbname][?keyword=value[&...]]
std::optional<Conninfo> parse_uri(std::string_view rest) {
  Conninfo result;
  // As libpq looks for it: an "@" before the first "/" ends the credentials.
  if (const auto at = rest.find_first_of("@/"); at != std::string_view::npos && rest[at] == '@') {
    auto credentials = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    if (!store(result, "user", take_until(credentials, ":"))) return std::nullopt;
    if (!credentials.empty() && !store(result, "password", credentials.substr(1))) return std::nullopt;
  }
  if (!take_hosts(rest, result)) return std::nullopt;
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
    if (!store(result, "dbname", take_until(rest, "?"))) return std::nullopt;
  }
  if (rest.starts_with('?') && !take_parameters(rest.substr(1), result)) return std::nullopt;
  return result;
}

std::string_view value_of(const Conninfo& conninfo, std::string_view keyword) {
  const auto found = conninfo.find(keyword);
  return found == conninfo.end() ? std::string_view{} : std::string_view(found->second);
}

}  // namespace

std::optional<Conninfo> parse_conninfo(std::string_view text) {
  for (const std::string_view scheme : {"postgresql://", "postgres://"})
    if (text.starts_with(scheme)) return parse_uri(text.substr(scheme.size()));
  return parse_pairs(text);
}

bool has_password(const Conninfo& conninfo) {
  return !value_of(conninfo, "password").empty() || !value_of(conninfo, "sslpassword").empty();
}

bool has_several_hosts(const Conninfo& conninfo) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{"host", "hostaddr", "port"},
                             [&](std::string_view keyword) {
                               return value_of(conninfo, keyword).find(',') != std::string_view::npos;
                             });
}

ServerIdentity server_identity(const Conninfo& conninfo) {
  const auto first_of = [&](std::string_view keyword, std::string_view other) {
    const auto value = value_of(conninfo, keyword);
    return std::string(value.empty() ? value_of(conninfo, other) : value);
  };
  std::string host = first_of("hostaddr", "host");
  if (!host.starts_with('/')) boost::algorithm::to_lower(host, std::locale::classic());
  const auto port = value_of(conninfo, "port");
  return {std::string(value_of(conninfo, "service")), host, std::string(port.empty() ? "5432" : port),
          first_of("dbname", "user")};
}

}  // namespace shardplex
