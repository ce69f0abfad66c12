#include "query/engine/sort_key.hpp"

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "query/engine/jsonb_order.hpp"
#include "query/engine/jsonb_tokens.hpp"
#include "query/engine/type_oids.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

template <class T>
int three_way(const T& a, const T& b) {
  return (a > b) - (a < b);
}

// ---- Decoding: PostgreSQL sends integers and the bits of floats in network byte order.

/// The big-endian T at the front of `bytes`, which it is taken off.
template <class T>
T take(std::string_view& bytes) {
  invariant(bytes.size() >= sizeof(T), "a binary value is as long as its type");
  std::make_unsigned_t<T> value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<std::make_unsigned_t<T>>(value << 8 | static_cast<unsigned char>(bytes[i]));
  bytes.remove_prefix(sizeof(T));
  return static_cast<T>(value);
}

void finish(std::string_view rest) {
  invariant(rest.empty(), "a binary value is as long as its type");
}

template <class T>
T whole(std::string_view bytes) {
  const T value = take<T>(bytes);
  finish(bytes);
  return value;
}

/// int2, int4 or int8, by its length.
std::int64_t integer(std::string_view bytes) {
  if (bytes.size() == sizeof(std::int16_t)) return take<std::int16_t>(bytes);
  if (bytes.size() == sizeof(std::int32_t)) return take<std::int32_t>(bytes);
  return whole<std::int64_t>(bytes);
}

template <class Float, class Bits>
Float floating(std::string_view bytes) {
  const Bits bits = whole<Bits>(bytes);
  Float value;
  static_assert(sizeof value == sizeof bits);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// ---- One comparison per kind.

template <class T>
int compare_whole(std::string_view a, std::string_view b) {
  return three_way(whole<T>(a), whole<T>(b));
}

int compare_integers(std::string_view a, std::string_view b) {
  return three_way(integer(a), integer(b));
}

/// float4_cmp_internal: NaN equals itself and is above everything; zeros of either sign are equal.
template <class Float, class Bits>
int compare_floats(std::string_view bytes_a, std::string_view bytes_b) {
  const auto a = floating<Float, Bits>(bytes_a), b = floating<Float, Bits>(bytes_b);
  if (std::isnan(a) || std::isnan(b)) return three_way(std::isnan(a), std::isnan(b));
  return three_way(a, b);
}

/// memcmp, then length. (string_view compares as unsigned bytes.)
int compare_bytes(std::string_view a, std::string_view b) {
  return three_way(a.compare(b), 0);
}

std::string_view without_padding(std::string_view text) {
  const auto last = text.find_last_not_of(' ');
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

/// A numeric as numeric_send writes it: sign · Σ digit[i] · 10000^(weight − i).
struct Numeric {
  enum Class { minus_infinity, finite, infinity, nan };  // in sort order
  Class kind = finite;
  int sign = 0;  // of a finite number: -1, 0, 1
  int weight = 0;
  std::string_view digits;  // two bytes each, big-endian, without leading or trailing zeros
};

bool is_zero_digit(std::string_view digit) {
  return digit == std::string_view("\0\0", 2);
}

Numeric decode_numeric(std::string_view bytes) {
  constexpr std::size_t digit_size = 2;
  const auto digit_count = take<std::uint16_t>(bytes);
  const auto weight = take<std::int16_t>(bytes);
  const auto sign = take<std::uint16_t>(bytes);
  take<std::uint16_t>(bytes);  // display scale: 1.0 = 1.00
  invariant(bytes.size() == digit_count * digit_size, "a numeric has as many digits as it says");

  Numeric n;
  switch (sign) {
    case 0xC000:
      n.kind = Numeric::nan;
      return n;
    case 0xD000:
      n.kind = Numeric::infinity;
      return n;
    case 0xF000:
      n.kind = Numeric::minus_infinity;
      return n;
    default:
      invariant(sign == 0x0000 || sign == 0x4000, "a numeric's sign is one of five");
  }
  n.weight = weight;
  for (; !bytes.empty() && is_zero_digit(bytes.substr(0, digit_size)); --n.weight)
    bytes.remove_prefix(digit_size);
  while (!bytes.empty() && is_zero_digit(bytes.substr(bytes.size() - digit_size)))
    bytes.remove_suffix(digit_size);
  n.digits = bytes;
  n.sign = bytes.empty() ? 0 : sign == 0 ? 1 : -1;
  return n;
}

int compare_numerics(std::string_view bytes_a, std::string_view bytes_b) {
  const Numeric a = decode_numeric(bytes_a), b = decode_numeric(bytes_b);
  if (a.kind != b.kind || a.kind != Numeric::finite) return three_way(a.kind, b.kind);
  if (a.sign != b.sign || a.sign == 0) return three_way(a.sign, b.sign);
  // Big-endian digits below 10000 compare as their bytes do, and a missing digit is a zero.
  const int magnitude =
      a.weight != b.weight ? three_way(a.weight, b.weight) : compare_bytes(a.digits, b.digits);
  return a.sign * magnitude;
}

/// timetz_cmp_internal: the instant, then the zone.
int compare_timetz(std::string_view a, std::string_view b) {
  constexpr std::int64_t microseconds = 1'000'000;
  const auto time_a = take<std::int64_t>(a), time_b = take<std::int64_t>(b);
  const auto west_a = whole<std::int32_t>(a), west_b = whole<std::int32_t>(b);
  const int instant = three_way(time_a + west_a * microseconds, time_b + west_b * microseconds);
  return instant != 0 ? instant : three_way(west_a, west_b);
}

/// interval_cmp_value: a month counts 30 days and a day 24 hours. Kept as days and the rest, which is the
/// same order without 128-bit numbers.
std::pair<std::int64_t, std::int64_t> interval_value(std::string_view bytes) {
  constexpr std::int64_t day_microseconds = 86'400'000'000;
  const auto time = take<std::int64_t>(bytes);
  const auto days = take<std::int32_t>(bytes);
  const auto months = whole<std::int32_t>(bytes);
  std::int64_t whole_days = time / day_microseconds, rest = time % day_microseconds;
  if (rest < 0) {
    rest += day_microseconds;
    --whole_days;
  }
  return {std::int64_t{months} * 30 + days + whole_days, rest};
}

/// By place among the labels. One that is not among them comes last; the shards are held to the same labels
/// by their statements (ReadPlan::enums_sql).
int compare_labels(const std::vector<std::string>& labels, std::string_view a, std::string_view b) {
  const auto place_a = std::ranges::find(labels, a), place_b = std::ranges::find(labels, b);
  if (place_a == labels.end() && place_b == labels.end()) return compare_bytes(a, b);
  return three_way(place_a, place_b);
}

/// Digits are below 10000 in two bytes each, as many as the head says, and the sign is one of five.
bool is_numeric(std::string_view bytes) {
  constexpr std::size_t head_bytes = 8;
  if (bytes.size() < head_bytes) return false;
  const auto digit_count = take<std::uint16_t>(bytes);
  take<std::int16_t>(bytes);
  const auto sign = take<std::uint16_t>(bytes);
  take<std::uint16_t>(bytes);
  const bool known = sign == 0x0000 || sign == 0x4000 || sign == 0xC000 || sign == 0xD000 || sign == 0xF000;
  return known && bytes.size() == std::size_t{digit_count} * 2;
}
}  // namespace

bool holds_values_of(SortKind kind, std::uint32_t type) {
  switch (kind) {
    case SortKind::boolean:
      return type == bool_oid;
    case SortKind::int2:
    case SortKind::int4:
    case SortKind::int8:
      return type == int2_oid || type == int4_oid || type == int8_oid;
    case SortKind::oid:
      return type == oid_oid;
    case SortKind::float4:
      return type == float4_oid;
    case SortKind::float8:
      return type == float8_oid;
    case SortKind::numeric:
      return type == numeric_oid;
    case SortKind::text:
      return type == text_oid || type == varchar_oid || type == name_oid;
    case SortKind::bpchar:
      return type == bpchar_oid;
    case SortKind::bytea:
      return type == bytea_oid;
    case SortKind::date:
      return type == date_oid;
    case SortKind::time:
      return type == time_oid;
    case SortKind::timetz:
      return type == timetz_oid;
    case SortKind::timestamp:
      return type == timestamp_oid;
    case SortKind::timestamptz:
      return type == timestamptz_oid;
    case SortKind::interval:
      return type == interval_oid;
    case SortKind::uuid:
      return type == uuid_oid;
    case SortKind::jsonb:
      return type == jsonb_oid;
    case SortKind::enumeration:
      return type >= first_user_oid;
    case SortKind::none:
      break;
  }
  return false;
}

bool is_value_of(SortKind kind, std::string_view bytes) {
  switch (kind) {
    case SortKind::boolean:
      return bytes.size() == 1;
    case SortKind::int2:
    case SortKind::int4:
    case SortKind::int8:
      return bytes.size() == 2 || bytes.size() == 4 || bytes.size() == 8;
    case SortKind::oid:
    case SortKind::float4:
    case SortKind::date:
      return bytes.size() == 4;
    case SortKind::float8:
    case SortKind::time:
    case SortKind::timestamp:
    case SortKind::timestamptz:
      return bytes.size() == 8;
    case SortKind::timetz:
      return bytes.size() == 12;
    case SortKind::interval:
    case SortKind::uuid:
      return bytes.size() == 16;
    case SortKind::numeric:
      return is_numeric(bytes);
    case SortKind::jsonb:
      return is_jsonb(bytes);
    case SortKind::text:
    case SortKind::bpchar:
    case SortKind::bytea:
    case SortKind::enumeration:
      return true;
    case SortKind::none:
      break;
  }
  return false;
}

int compare_values(const MergeKey& key, std::string_view a, std::string_view b) {
  switch (key.kind) {
    case SortKind::boolean:
      return compare_whole<std::uint8_t>(a, b);
    case SortKind::int2:
    case SortKind::int4:
    case SortKind::int8:
      return compare_integers(a, b);
    case SortKind::date:  // days; -infinity and infinity are the least and the greatest
      return compare_whole<std::int32_t>(a, b);
    case SortKind::time:         // microseconds
    case SortKind::timestamp:    // microseconds; infinities as for date
    case SortKind::timestamptz:  // the same, in UTC
      return compare_whole<std::int64_t>(a, b);
    case SortKind::oid:
      return compare_whole<std::uint32_t>(a, b);
    case SortKind::float4:
      return compare_floats<float, std::uint32_t>(a, b);
    case SortKind::float8:
      return compare_floats<double, std::uint64_t>(a, b);
    case SortKind::numeric:
      return compare_numerics(a, b);
    case SortKind::text:
    case SortKind::bytea:
    case SortKind::uuid:
      return compare_bytes(a, b);
    case SortKind::bpchar:
      return compare_bytes(without_padding(a), without_padding(b));
    case SortKind::timetz:
      return compare_timetz(a, b);
    case SortKind::interval:
      return three_way(interval_value(a), interval_value(b));
    case SortKind::jsonb:
      return compare_jsonb(a, b);
    case SortKind::enumeration:
      return compare_labels(key.enum_labels, a, b);
    case SortKind::none:
      break;
  }
  invariant(false, "only values of a known order are compared");
  return 0;
}

int compare_keys(const MergeKey& key, const std::optional<std::string>& a,
                 const std::optional<std::string>& b) {
  if (!a && !b) return 0;
  if (!a) return key.nulls_first ? -1 : 1;
  if (!b) return key.nulls_first ? 1 : -1;
  const int ascending = compare_values(key, *a, *b);
  return key.descending ? -ascending : ascending;
}

}  // namespace shardplex
