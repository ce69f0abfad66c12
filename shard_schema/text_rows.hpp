// The rows of one statement, as any client of PostgreSQL can give them to a decoder.
//
// The columns of this library's statements are all text. Text is the same bytes in PostgreSQL's text format
// and in its binary one, so the router, whose connections ask for binary results, and the command line, to
// which libpqxx gives text, feed the same decoders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shardplex {

/// An adapter of a client's result. What the accessors return is valid while that result lives.
class TextRows {
 public:
  virtual ~TextRows() = default;

  virtual std::size_t size() const = 0;
  /// nullopt for null.
  virtual std::optional<std::string_view> value(std::size_t row, std::size_t column) const = 0;

  bool is_null(std::size_t row, std::size_t column) const { return !value(row, column); }
  // Precondition of all: not null. A value of another kind is a broken invariant, as the statement decides
  // it.
  std::string_view view(std::size_t row, std::size_t column) const;
  std::string text(std::size_t row, std::size_t column) const { return std::string(view(row, column)); }
  std::int64_t integer(std::size_t row, std::size_t column) const;
  bool boolean(std::size_t row, std::size_t column) const;
};

}  // namespace shardplex
