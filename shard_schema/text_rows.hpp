// The rows of one statement, as any client of PostgreSQL can give them to a decoder.
//
// The columns of this library's statements are all text. Text is the same bytes in PostgreSQL's text format
// and in its binary one, so the router, whose connections ask for binary results, and the command line, to
// which libpqxx gives text, feed the same decoders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace shardplex {

/// Thrown by a decoder: the server's answer is not what the statement gives. A server may be of another
/// version, be changed by hand, or lie, so this is a failure of that server, never a broken invariant.
struct UnexpectedAnswer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An adapter of a client's result. What the accessors return is valid while that result lives.
class TextRows {
 public:
  virtual ~TextRows() = default;

  virtual std::size_t size() const = 0;
  /// nullopt for null.
  virtual std::optional<std::string_view> value(std::size_t row, std::size_t column) const = 0;

  bool is_null(std::size_t row, std::size_t column) const { return !value(row, column); }
  // UnexpectedAnswer where the value is null or of another kind.
  std::string_view view(std::size_t row, std::size_t column) const;
  std::string text(std::size_t row, std::size_t column) const { return std::string(view(row, column)); }
  std::int64_t integer(std::size_t row, std::size_t column) const;
  bool boolean(std::size_t row, std::size_t column) const;
};

}  // namespace shardplex
