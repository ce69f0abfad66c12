// From a shard key to a slot: canonical bytes per type, hashed with xxHash64, seed 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/ids.hpp"

namespace shardplex {

/// How a shard key's text becomes the bytes that are hashed.
enum class KeyType {
  integer,    ///< smallint, integer, bigint: 8 bytes, little-endian, two's complement
  text,       ///< text, varchar: the UTF-8 bytes as stored
  uuid,       ///< 16 bytes in network order
  date,       ///< 2024-02-29, in ASCII
  character,  ///< char(n): the UTF-8 bytes without blanks at the end
  boolean,    ///< true or false, in ASCII
  /// A whole number in the range of bigint as that, so that it is where an equal integer is. Of any other the
  /// decimal_text() (shard_map/decimal.hpp) behind "numeric ".
  numeric,
  citext,       ///< the bytes of ASCII, in small letters; text with other characters is no key
  enumeration,  ///< the label's UTF-8 bytes
};

/// The canonical bytes of a key written as PostgreSQL input text, or nullopt where `text` is not a value that
/// PostgreSQL 15 and this function are sure to read alike (such a key cannot narrow a route).
/// Integers: optional surrounding ASCII white space, sign, decimal digits, in the range of bigint.
/// uuid: every spelling that PostgreSQL reads (in braces, without hyphens, in either case).
/// Dates: as PostgreSQL writes those of the years 1 to 9999, year-month-day.
/// boolean: every spelling that PostgreSQL reads. numeric: those that read_decimal() reads.
/// citext: ASCII only, of which all agree what is equal where lower() takes A to Z to a to z
/// (ShardCatalogue::lowers_ascii); of other characters the database's locale says it. Labels: any text.
std::optional<std::string> canonical_bytes(KeyType type, std::string_view text);

/// The canonical bytes of an integer key: 8 bytes, little-endian.
std::string canonical_bytes(std::int64_t value);

/// What is hashed of a key: the canonical bytes of its only column; of several columns those of each behind
/// their length (4 bytes, little-endian), so that keys which differ in a column have other bytes.
std::string joined_bytes(const std::vector<std::string>& columns);

/// joined_bytes() of a key whose columns are of these types and written so; nullopt where canonical_bytes()
/// of any is. Precondition: there are as many texts as types.
std::optional<std::string> canonical_bytes(const std::vector<KeyType>& types,
                                           const std::vector<std::string>& texts);

/// xxHash64 with seed 0.
std::uint64_t hash_bytes(std::string_view bytes);

/// hash_bytes(bytes) mod slot_count.
Slot slot_of(std::string_view canonical, std::uint32_t slot_count);

}  // namespace shardplex
