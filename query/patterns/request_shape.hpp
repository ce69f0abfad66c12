// The shape of a request: what it asks for, without the values that it asks with.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "query/grammar/accept.hpp"
#include "query/grammar/preferences.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// A request that has been read, as its shape sees it. Lifetime: refers to what it is made of.
struct ShapedRequest {
  std::string_view method;  ///< "GET"
  const Query& query;       ///< `table` is the table, or the function
  const Preferences& prefer;
  Shape format = Shape::array;
  bool is_row = false;                          ///< /table/{key}: the last filter is that on the key
  bool is_call = false;                         ///< /rpc/function
  bool strong = false;                          ///< Shardplex-Consistency
  std::span<const std::string> arguments = {};  ///< names of what the URL gives to the function
  std::string_view schema = {};                 ///< of the table; "" for that of requests which name none
};

/// A longer shape is cut, and ends in a hash of all of it.
inline constexpr std::size_t longest_shape = 1024;

/// Appends the shape, such as "GET /movies?select=name&id=eq.?&order=name&limit=?; Prefer: count=exact".
///
/// Two requests have one shape where they differ in values alone: those of filters, however many an in.()
/// has, of limit, offset, after, arguments, and of preferences that take a number or a name of their own.
/// Whether there is an offset is a value, as none is 0. Names are part of it (of tables, columns, members of
/// JSON, aliases, casts, configurations of text search), and so are operators, what `is` compares with, the
/// order of filters, and the format. Bodies are not. Parameters stand in one order, whatever theirs was.
///
/// It is UTF-8, and has a character that could be taken for the shape's own, in a name, percent-encoded: with
/// values in place of each '?', what stands before "; " is a request of this shape.
void append_shape(std::string& out, const ShapedRequest& request);

/// The command that explains a read of the shape, but for the values: "shardplex explain 'GET /m?id=eq.?'".
/// "" for requests that are not explained, and for a shape that has been cut. `shape`: from append_shape().
std::string explain_command(std::string_view shape);

}  // namespace shardplex
