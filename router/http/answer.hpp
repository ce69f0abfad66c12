// What a handler has to say to a request.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/asio.hpp"
#include "query/error.hpp"
#include "query/grammar/response_fields.hpp"

namespace shardplex::router {

namespace http = boost::beast::http;

/// A body that is made while it is sent, so that only a part of it is ever in memory. It owns whatever it is
/// made of: it outlives the handler that began it.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  /// Appends the next part to `part`, which is empty; appends nothing at the end. After an error, the body
  /// cannot be completed.
  virtual Awaitable<Result<void>> next(std::string& part) = 0;
  /// By when its end has to be sent; it is cut otherwise, since what it is made of is held meanwhile.
  virtual Clock::time_point deadline() const { return Clock::time_point::max(); }
  /// For how long its client may let the next 64 KiB of it wait, for the same reason.
  virtual Clock::duration patience() const { return Clock::duration::max(); }
  /// Nobody is asked for more of it: the rest of the time that it takes is its client's.
  virtual bool is_made() const { return false; }
};

/// Whether no answer of this status has a body (RFC 9112, section 6.3), whatever its handler has made: SQL
/// may say any status.
inline bool never_has_body(unsigned status) {
  return status == 204 || status == 304;
}

/// Handlers return it; AnswerWriter makes a head and a body of it.
struct Answer {
  unsigned status = 200;
  std::string_view content_type = "application/json; charset=utf-8";  ///< a literal; "": in `fields`
  http::fields fields;      ///< without those that every answer carries, and without the framing of the body
  std::string body;         ///< all of it, or what comes before `rest`
  bool is_content = false;  ///< the body is content of this type even where it is empty
  std::unique_ptr<BodyStream> rest;
  std::string reason = {};  ///< of the status, as is_reason() says; "": the usual one

  /// Adds a field; several of one name stand side by side.
  void set(std::string_view name, std::string_view value) {
    fields.insert({name.data(), name.size()}, {value.data(), value.size()});
  }
  /// Adds fields that SQL has set, in the place of those that have the same names.
  /// Precondition: fields_refusal() has nothing against them.
  void set_instead(const std::vector<ResponseField>& set_by_sql);
};

/// The error as a body, with its status, and its code in Proxy-Status; 503 comes with Retry-After. One that
/// SQL has raised as PGRST is answered as it says (raised_answer()).
Answer to_answer(const Error& error);

}  // namespace shardplex::router
