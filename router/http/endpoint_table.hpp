// A service's endpoints as rows of a table, and the row that a request is for. Pure.
#pragma once

#include <algorithm>
#include <boost/beast/http/verb.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "router/http/filter_chain.hpp"
#include "router/http/path_pattern.hpp"
#include "router/metrics.hpp"

namespace shardplex::router {

template <class C>
struct Endpoint {
  http::verb method;
  std::string_view
      pattern;  ///< a literal such as "/{table}/{key}" (path_pattern.hpp); rows of one pattern stand together
  EndpointHandler<C> handle;
  std::span<const Filter<C>> filters;    ///< in the order in which a request passes them
  RouteLabel route = RouteLabel::other;  ///< the same in all rows of a pattern

  Awaitable<Result<Answer>> operator()(C& request) const { return Next<C>(filters, handle)(request); }
};

/// The rows that a path is for.
template <class C>
struct EndpointMatch {
  std::string_view pattern;
  RouteLabel route = RouteLabel::other;
  const Endpoint<C>* endpoint = nullptr;  ///< null where the pattern does not have the method: 405
  PathParameters parameters;
};

/// Finds the most specific pattern that the path matches, and in it the method. nullopt where there is none,
/// or where the path's parameters cannot be decoded: 404.
template <class C>
std::optional<EndpointMatch<C>> find_endpoint(std::span<const Endpoint<C>> table, http::verb method,
                                              std::string_view path) {
  EndpointMatch<C> match;
  std::string_view tried;
  for (const auto& row : table) {
    if (row.pattern != std::exchange(tried, row.pattern) && path_matches(row.pattern, path) &&
        (match.pattern.empty() || more_specific(row.pattern, match.pattern))) {
      match.pattern = row.pattern;
      match.route = row.route;
      match.endpoint = nullptr;
    }
    if (row.pattern == match.pattern && row.method == method) match.endpoint = &row;
  }
  if (match.pattern.empty()) return std::nullopt;
  auto parameters = read_parameters(match.pattern, path);
  if (!parameters) return std::nullopt;
  match.parameters = std::move(*parameters);
  return match;
}

/// True where some row has the method.
template <class C>
bool has_method(std::span<const Endpoint<C>> table, http::verb method) {
  return std::ranges::any_of(table, [&](const Endpoint<C>& row) { return row.method == method; });
}

/// What Allow says of a pattern, in the order of the rows: "OPTIONS,GET,HEAD". Of the whole table where the
/// pattern is empty.
template <class C>
std::string allowed_methods(std::span<const Endpoint<C>> table, std::string_view pattern) {
  std::string out;
  for (auto row = table.begin(); row != table.end(); ++row) {
    const auto wanted = [&](const Endpoint<C>& other) {
      return (pattern.empty() || other.pattern == pattern) && other.method == row->method;
    };
    if (!wanted(*row) || std::any_of(table.begin(), row, wanted)) continue;
    if (!out.empty()) out += ',';
    const auto name = http::to_string(row->method);
    out.append(name.data(), name.size());
  }
  return out;
}

}  // namespace shardplex::router
