// One HTTP request and the way to answer it.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "postgres/asio.hpp"
#include "query/error.hpp"

namespace shardplex::router {

namespace http = boost::beast::http;
using Request = http::request<http::string_body>;

/// The answer is collected in `status`, `fields` and `body`. A handler that has much to say calls flush() now
/// and then: the first call sends the head and turns the answer into a stream. Whoever owns the exchange
/// calls finish() in the end.
class Exchange {
 public:
  virtual ~Exchange() = default;
  explicit Exchange(Request r) : request(std::move(r)) {}

  Request request;
  unsigned status = 200;
  std::string_view content_type = "application/json; charset=utf-8";  ///< a literal
  http::fields fields;
  std::string body;
  bool broken = false;  ///< the stream cannot be completed: the connection is to be cut, so that nobody takes
                        ///< the part for the whole

  /// True once the head is on its way: status and fields are out of reach.
  virtual bool streaming() const = 0;
  /// Sends `body` and empties it; false where the client is gone.
  virtual Awaitable<bool> flush() = 0;

  void set(std::string_view name, std::string_view value) {
    fields.insert({name.data(), name.size()}, {value.data(), value.size()});
  }
  /// Makes the answer this error; drops what was collected. Precondition: !streaming().
  void fail(const Error& error);

  std::string_view header(http::field name) const {
    const auto value = request[name];
    return {value.data(), value.size()};
  }
};

}  // namespace shardplex::router
