// A request under way.
#pragma once

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/verb.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "postgres/asio.hpp"
#include "postgres/caller.hpp"
#include "router/metrics.hpp"
#include "router/request_record.hpp"

namespace shardplex::router {

namespace http = boost::beast::http;
using Request = http::request<http::string_body>;

/// A request that has been read whole, and what has been learnt about it on its way to an answer.
struct Call {
  explicit Call(Request r, CallerPtr c = nullptr) : request(std::move(r)), client(std::move(c)) {}

  Request request;
  CallerPtr client;   ///< who waits for the answer; null: somebody who never leaves
  std::string table;  ///< the table that was found by its path, for the log; "" where there is none
  RouteLabel route =
      RouteLabel::other;  ///< what its path names, for the figures; whoever finds the endpoint says it
  Clock::time_point began = Clock::now();  ///< when it had been read
  RequestRecord record = {};

  /// "" where the field is absent.
  std::string_view header(http::field name) const {
    const auto value = request[name];
    return {value.data(), value.size()};
  }
  std::string_view target() const { return {request.target().data(), request.target().size()}; }
  std::string_view method_name() const {
    return {request.method_string().data(), request.method_string().size()};
  }
};

/// A request's target in parts, still encoded. Views into the target.
struct RequestTarget {
  std::string_view path;
  std::string_view query;  ///< without its '?'
};

/// Accepts the absolute form as well (RFC 9112, section 3.2.2), whose scheme and authority are dropped.
RequestTarget split_target(std::string_view target);

/// The host and port of a target in absolute form, without credentials; "" for any other.
std::string_view authority_of(std::string_view target);

}  // namespace shardplex::router
