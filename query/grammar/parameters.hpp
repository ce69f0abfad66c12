// The parameters of a query string, decoded.
#pragma once

#include <string>
#include <string_view>

#include "query/error.hpp"

namespace shardplex::grammar {

/// Goes through the parameters from left to right. They are separated at & and = before they are decoded.
/// Lifetime: refers to the query string.
class Parameters {
 public:
  explicit Parameters(std::string_view query_string) : rest_(query_string) {}

  /// Moves to the next parameter; false where there is none. PGRST100 for one that is no percent-encoded
  /// UTF-8, or holds NUL.
  Result<bool> next();

  /// Of the parameter that next() moved to, until it is called again.
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  std::string_view rest_, key_, value_;
  std::string key_buffer_, value_buffer_;
};

}  // namespace shardplex::grammar
