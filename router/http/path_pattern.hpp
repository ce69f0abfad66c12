// Paths such as "/movies/42" against patterns such as "/{table}/{key}". Pure.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace shardplex::router {

/// A pattern is a path whose segments are literal, or {names} that stand for any segment that is not empty.
/// Both begin with '/'. A literal is compared with the path as it was sent, before decoding.
bool path_matches(std::string_view pattern, std::string_view path);

/// True where `a` is to be preferred to `b` for a path that both match: where they differ first, `a` is
/// literal.
bool more_specific(std::string_view a, std::string_view b);

/// What the {names} of a pattern stand for in a path, percent-decoded.
class PathParameters {
 public:
  static constexpr std::size_t most = 3;  ///< in one pattern

  /// nullptr where the pattern has no such name.
  const std::string* find(std::string_view name) const;
  /// Precondition: the pattern has it.
  const std::string& operator[](std::string_view name) const;

 private:
  friend std::optional<PathParameters> read_parameters(std::string_view pattern, std::string_view path);
  struct Parameter {
    std::string_view name;  // into the pattern
    std::string value;
  };
  std::array<Parameter, most> parameters_;
  std::size_t count_ = 0;
};

/// nullopt where a segment is not percent-encoded UTF-8 without NUL. Precondition: path_matches(). Lifetime:
/// that of the pattern.
std::optional<PathParameters> read_parameters(std::string_view pattern, std::string_view path);

}  // namespace shardplex::router
