// A place in the order of a table's rows, as an opaque text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"

namespace shardplex {

/// The place of one row. Whoever reads the text needs no secret: its values become parameters of SQL, and a
/// checksum finds what was damaged.
struct Cursor {
  bool before = false;      ///< the page ends in front of the row; else it begins behind it
  std::uint64_t order = 0;  ///< of which table and which order it is: order_fingerprint()
  std::vector<std::optional<std::string>> values;  ///< what the row sorts by, as PostgreSQL's text; UTF-8
  bool operator==(const Cursor&) const = default;
};

/// What after= asks for.
struct CursorPage {
  std::optional<Cursor> at;  ///< nullopt: the first page
  bool operator==(const CursorPage&) const = default;
};

/// Of the text; it has to fit into a URL, and into a field of an answer.
inline constexpr std::size_t longest_cursor = 2048;

/// Base64url without padding (RFC 4648, section 5) of: a version, the direction, the order, the values, and
/// the 64 bits of hash_bytes() of all these.
std::string encode_cursor(const Cursor& cursor);

/// nullopt where the text is none that encode_cursor() gives, whole and unchanged, or longer than
/// longest_cursor.
std::optional<Cursor> decode_cursor(std::string_view text);

/// SHARD400 for a request that asks for paging by cursor as it cannot be had; `hint` says what works.
Error cursor_refused(std::string details, std::string hint);

}  // namespace shardplex
