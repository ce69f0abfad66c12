#include "query/engine/sort_key.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

using namespace shardplex;

namespace {

// ---- An encoder of PostgreSQL's binary format, written from its typsend functions.

template <class T>
std::string big_endian(T value) {
  std::string out(sizeof value, '\0');
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (std::size_t i = sizeof value; i > 0; --i) {
    out[i - 1] = static_cast<char>(bits & 0xFF);
    bits = static_cast<decltype(bits)>(sizeof value > 1 ? bits >> 8 : 0);
  }
  return out;
}

std::string bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return big_endian(bits);
}

std::string bits_of(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return big_endian(bits);
}

std::string special_numeric(std::uint16_t sign) {
  return big_endian<std::uint16_t>(0) + big_endian<std::int16_t>(0) + big_endian(sign) +
         big_endian<std::uint16_t>(0);
}

const std::string numeric_nan = special_numeric(0xC000), numeric_infinity = special_numeric(0xD000),
                  numeric_minus_infinity = special_numeric(0xF000);

/// The numeric written as `text`: "-12.50".
std::string numeric(std::string text) {
  const bool negative = text.starts_with('-');
  if (negative) text.erase(0, 1);
  const auto point = std::min(text.find('.'), text.size());
  std::string whole = text.substr(0, point), fraction = point < text.size() ? text.substr(point + 1) : "";
  const auto scale = fraction.size();
  whole.insert(0, (4 - whole.size() % 4) % 4, '0');
  fraction.append((4 - fraction.size() % 4) % 4, '0');
  const std::string all = whole + fraction;
  std::vector<std::uint16_t> digits;
  for (std::size_t i = 0; i < all.size(); i += 4)
    digits.push_back(static_cast<std::uint16_t>(std::stoi(all.substr(i, 4))));
  auto weight = static_cast<std::int16_t>(whole.size() / 4 - 1);
  while (!digits.empty() && digits.front() == 0) {
    digits.erase(digits.begin());
    --weight;
  }
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  std::string out = big_endian(static_cast<std::uint16_t>(digits.size())) +
                    big_endian(digits.empty() ? std::int16_t{0} : weight) +
                    big_endian<std::uint16_t>(negative && !digits.empty() ? 0x4000 : 0) +
                    big_endian(static_cast<std::uint16_t>(scale));
  for (const auto digit : digits) out += big_endian(digit);
  return out;
}

std::string timetz(std::int64_t microseconds, std::int32_t west_seconds) {
  return big_endian(microseconds) + big_endian(west_seconds);
}

std::string interval(std::int64_t microseconds, std::int32_t days, std::int32_t months) {
  return big_endian(microseconds) + big_endian(days) + big_endian(months);
}

int sign(int value) {
  return (value > 0) - (value < 0);
}

int compare(SortKind kind, const std::string& a, const std::string& b) {
  return sign(compare_values({kind, false, false, {}}, a, b));
}

/// `ascending` is in strictly ascending order: every pair has to compare as their places do.
void check_order(SortKind kind, const std::vector<std::string>& ascending) {
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(compare(kind, ascending[i], ascending[j]) == (i > j) - (i < j));
    }
}

/// 2,000 pairs of values of `make(random)`, encoded by `encode`, compare as `reference` says.
template <class Make, class Encode, class Reference>
void check_random(SortKind kind, Make make, Encode encode, Reference reference) {
  constexpr unsigned seed = 20'240'607;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; ++i) {
    const auto a = make(random), b = make(random);
    CAPTURE(i);
    REQUIRE(compare(kind, encode(a), encode(b)) == sign(reference(a, b)));
    REQUIRE(compare(kind, encode(a), encode(a)) == 0);
  }
}

/// Any T, near ones and extreme ones more often than chance would have them.
template <class T>
T any_integer(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0:
      return static_cast<T>(random() % 5);
    case 1:
      return random() % 2 ? std::numeric_limits<T>::max() : std::numeric_limits<T>::min();
    default:
      return static_cast<T>(random());
  }
}

template <class T>
void check_integers(SortKind kind) {
  check_random(kind, any_integer<T>, big_endian<T>, [](T a, T b) { return (a > b) - (a < b); });
}

/// Digits in the given places, so that equal values with different scales turn up.
std::string any_decimal(std::mt19937_64& random) {
  const auto digits = [&](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
      out += static_cast<char>('0' + (random() % 3 == 0 ? random() % 10 : 0));
    return out;
  };
  std::string out = random() % 2 ? "-" : "";
  out += digits(1 + random() % 12);
  if (random() % 2) out += '.' + digits(1 + random() % 9);
  return out;
}

/// Compares decimals as text: the digits aligned at the point.
int compare_decimals(const std::string& a, const std::string& b) {
  const auto aligned = [](std::string text) {
    if (text.starts_with('-')) text.erase(0, 1);
    const auto point = std::min(text.find('.'), text.size());
    std::string fraction = point < text.size() ? text.substr(point + 1) : "";
    return std::string(20 - point, '0') + text.substr(0, point) + fraction +
           std::string(20 - fraction.size(), '0');
  };
  const auto is_zero = [&](const std::string& text) { return aligned(text) == std::string(40, '0'); };
  const int sign_a = is_zero(a) ? 0 : a.starts_with('-') ? -1 : 1;
  const int sign_b = is_zero(b) ? 0 : b.starts_with('-') ? -1 : 1;
  if (sign_a != sign_b || sign_a == 0) return sign_a - sign_b;
  return sign_a * sign(aligned(a).compare(aligned(b)));
}

}  // namespace

TEST_CASE("integers compare as numbers, whatever their signs") {
  check_integers<std::int16_t>(SortKind::int2);
  check_integers<std::int32_t>(SortKind::int4);
  check_integers<std::int64_t>(SortKind::int8);
  check_integers<std::uint32_t>(SortKind::oid);
}

TEST_CASE("false sorts before true") {
  check_order(SortKind::boolean, {std::string("\0", 1), std::string("\1", 1)});
}

TEST_CASE("floats sort with both infinities inside and NaN above all") {
  const auto order = [](auto zero) {
    using Float = decltype(zero);
    using limits = std::numeric_limits<Float>;
    return std::vector<std::string>{bits_of(-limits::infinity()),
                                    bits_of(limits::lowest()),
                                    bits_of(Float(-1.5)),
                                    bits_of(-limits::denorm_min()),
                                    bits_of(zero),
                                    bits_of(limits::denorm_min()),
                                    bits_of(Float(1.5)),
                                    bits_of(limits::max()),
                                    bits_of(limits::infinity()),
                                    bits_of(limits::quiet_NaN())};
  };
  check_order(SortKind::float4, order(0.0f));
  check_order(SortKind::float8, order(0.0));
}

TEST_CASE("zeros of either sign are equal, and so are all NaNs") {
  CHECK(compare(SortKind::float8, bits_of(-0.0), bits_of(0.0)) == 0);
  CHECK(compare(SortKind::float4, bits_of(-0.0f), bits_of(0.0f)) == 0);
  CHECK(compare(SortKind::float8, bits_of(std::nan("1")), bits_of(-std::nan("2"))) == 0);
}

TEST_CASE("random floats compare as numbers") {
  const auto make = [](std::mt19937_64& random) { return (static_cast<double>(random() % 2000) - 1000) / 8; };
  check_random(
      SortKind::float8, make, [](double v) { return bits_of(v); },
      [](double a, double b) { return (a > b) - (a < b); });
}

TEST_CASE("numerics sort by value, with the infinities at the ends and NaN last") {
  check_order(SortKind::numeric, {numeric_minus_infinity, numeric("-100000000000000000000000000000.5"),
                                  numeric("-10001"),      numeric("-10000.0001"),
                                  numeric("-10000"),      numeric("-9999"),
                                  numeric("-0.0002"),     numeric("-0.0001"),
                                  numeric("-0.00000001"), numeric("0"),
                                  numeric("0.00000001"),  numeric("0.0001"),
                                  numeric("0.00010001"),  numeric("0.0002"),
                                  numeric("1"),           numeric("1.00000001"),
                                  numeric("9999"),        numeric("10000"),
                                  numeric("10000.0001"),  numeric("10001"),
                                  numeric("20000"),       numeric("100000000000000000000000000000.5"),
                                  numeric_infinity,       numeric_nan});
}

TEST_CASE("the scale of a numeric does not matter") {
  CHECK(compare(SortKind::numeric, numeric("1.0"), numeric("1.0000000")) == 0);
  CHECK(compare(SortKind::numeric, numeric("0"), numeric("-0.000")) == 0);
  CHECK(compare(SortKind::numeric, numeric_nan, numeric_nan) == 0);
}

TEST_CASE("a numeric with zero digits at its ends equals the one without") {
  const std::string padded = big_endian<std::uint16_t>(3) + big_endian<std::int16_t>(1) +
                             big_endian<std::uint16_t>(0) + big_endian<std::uint16_t>(0) +
                             big_endian<std::uint16_t>(0) + big_endian<std::uint16_t>(7) +
                             big_endian<std::uint16_t>(0);
  CHECK(compare(SortKind::numeric, padded, numeric("7")) == 0);
}

TEST_CASE("random numerics compare as their digits do") {
  check_random(SortKind::numeric, any_decimal, numeric, compare_decimals);
}

TEST_CASE("text and bytea sort by unsigned bytes, the shorter first") {
  const std::vector<std::string> ascending{"",
                                           std::string("\0", 1),
                                           "A",
                                           "Z",
                                           "a",
                                           "a ",
                                           "aa",
                                           "ab",
                                           "b",
                                           "é",
                                           "\xEF\xBF\xBD",
                                           "\xF0\x9F\x8E\xAC"};
  check_order(SortKind::text, ascending);
  check_order(SortKind::bytea, ascending);
}

TEST_CASE("random bytes compare as memcmp does") {
  const auto make = [](std::mt19937_64& random) {
    std::string out(random() % 4, '\0');
    for (char& c : out) c = static_cast<char>(random() % 2 ? random() % 3 : 253 + random() % 3);
    return out;
  };
  const auto reference = [](const std::string& a, const std::string& b) {
    const int order = std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
    return order != 0 ? order : (a.size() > b.size()) - (a.size() < b.size());
  };
  check_random(SortKind::text, make, std::identity{}, reference);
}

TEST_CASE("a character(n) sorts without its padding") {
  CHECK(compare(SortKind::bpchar, "ab   ", "ab") == 0);
  CHECK(compare(SortKind::bpchar, "   ", "") == 0);
  CHECK(compare(SortKind::bpchar, "ab ", "ab\t") == -1);  // text would say the opposite: blank > tab
  CHECK(compare(SortKind::text, "ab ", "ab\t") == 1);
  CHECK(compare(SortKind::bpchar, "a b ", "a a  ") == 1);
}

TEST_CASE("dates and timestamps sort with infinities at the ends") {
  using Days = std::numeric_limits<std::int32_t>;
  check_order(SortKind::date,
              {big_endian(Days::min()), big_endian<std::int32_t>(-1), big_endian<std::int32_t>(0),
               big_endian<std::int32_t>(8'000), big_endian(Days::max())});
  using Microseconds = std::numeric_limits<std::int64_t>;
  for (const auto kind : {SortKind::timestamp, SortKind::timestamptz})
    check_order(kind,
                {big_endian(Microseconds::min()), big_endian<std::int64_t>(-1), big_endian<std::int64_t>(0),
                 big_endian<std::int64_t>(1), big_endian(Microseconds::max())});
  check_integers<std::int64_t>(SortKind::time);
}

TEST_CASE("timetz sorts by the instant, then by the zone") {
  constexpr std::int64_t hour = 3'600'000'000;
  check_order(SortKind::timetz, {timetz(11 * hour, 0),      // 11:00+00
                                 timetz(13 * hour, -3600),  // 13:00+01 = 12:00 UTC
                                 timetz(12 * hour, 0),      // 12:00+00, west of it
                                 timetz(11 * hour, 3600),   // 11:00-01 = 12:00 UTC
                                 timetz(12 * hour + 1, 0)});
}

TEST_CASE("an interval's month is 30 days and its day 24 hours") {
  constexpr std::int64_t day = 86'400'000'000;
  check_order(SortKind::interval,
              {interval(0, 0, -178'000'000), interval(-1, 0, 0), interval(0, 0, 0), interval(1, 0, 0),
               interval(0, 1, 0), interval(day + 1, 0, 0), interval(0, 29, 0), interval(0, 0, 1),
               interval(1, 0, 1), interval(0, 0, 178'000'000)});
  CHECK(compare(SortKind::interval, interval(0, 30, 0), interval(0, 0, 1)) == 0);
  CHECK(compare(SortKind::interval, interval(day, -1, 0), interval(0, 0, 0)) == 0);
  CHECK(compare(SortKind::interval, interval(-day, 31, -1), interval(0, 0, 0)) == 0);
}

TEST_CASE("random intervals compare as PostgreSQL's 128-bit value does") {
  struct Interval {
    std::int64_t time;
    std::int32_t days, months;
  };
  const auto make = [](std::mt19937_64& random) {
    return Interval{any_integer<std::int64_t>(random), any_integer<std::int32_t>(random),
                    any_integer<std::int32_t>(random)};
  };
  __extension__ using Int128 = __int128;
  const auto value = [](const Interval& i) {
    return Int128{i.time} + Int128{86'400'000'000} * (std::int64_t{i.months} * 30 + i.days);
  };
  check_random(
      SortKind::interval, make, [](const Interval& i) { return interval(i.time, i.days, i.months); },
      [&](const Interval& a, const Interval& b) { return (value(a) > value(b)) - (value(a) < value(b)); });
}

TEST_CASE("a uuid sorts by its bytes") {
  check_order(SortKind::uuid, {std::string(16, '\0'), std::string(15, '\0') + '\1', std::string(16, '\x7F'),
                               std::string(16, '\x80'), std::string(16, '\xFF')});
}

TEST_CASE("an enum sorts by the order of its labels, unknown ones last") {
  const MergeKey key{SortKind::enumeration, false, false, {"low", "high", "average"}};
  CHECK(compare_values(key, "low", "high") < 0);
  CHECK(compare_values(key, "high", "average") < 0);
  CHECK(compare_values(key, "high", "high") == 0);
  CHECK(compare_values(key, "average", "new") < 0);
  CHECK(compare_values(key, "new", "low") > 0);
  CHECK(compare_values(key, "newer", "new") > 0);
}

TEST_CASE("nulls stand where they are told, whatever the direction") {
  const std::optional<std::string> null, one = big_endian<std::int32_t>(1), two = big_endian<std::int32_t>(2);
  for (const bool descending : {false, true})
    for (const bool nulls_first : {false, true}) {
      CAPTURE(descending);
      CAPTURE(nulls_first);
      const MergeKey key{SortKind::int4, descending, nulls_first, {}};
      CHECK(sign(compare_keys(key, null, one)) == (nulls_first ? -1 : 1));
      CHECK(sign(compare_keys(key, one, null)) == (nulls_first ? 1 : -1));
      CHECK(compare_keys(key, null, null) == 0);
      CHECK(sign(compare_keys(key, one, two)) == (descending ? 1 : -1));
      CHECK(compare_keys(key, two, two) == 0);
    }
}

TEST_CASE("integers of different widths sort by their values") {
  const MergeKey key{SortKind::int4, false, false, {}};
  CHECK(compare_values(key, big_endian<std::int32_t>(-5), big_endian<std::int64_t>(5'000'000'000)) < 0);
  CHECK(compare_values(key, big_endian<std::int64_t>(7), big_endian<std::int16_t>(7)) == 0);
  CHECK(compare_values(key, big_endian<std::int16_t>(-1), big_endian<std::int32_t>(-2)) > 0);
}

TEST_CASE("a result's type tells whether its values sort as was planned") {
  CHECK(holds_values_of(SortKind::int4, 20));
  CHECK(holds_values_of(SortKind::int8, 23));
  CHECK_FALSE(holds_values_of(SortKind::int4, 25));
  CHECK_FALSE(holds_values_of(SortKind::int8, 1114));  // timestamp: eight bytes too
  CHECK(holds_values_of(SortKind::text, 1043));
  CHECK_FALSE(holds_values_of(SortKind::text, 1042));  // bpchar ignores trailing spaces
  CHECK_FALSE(holds_values_of(SortKind::text, 17));
  CHECK_FALSE(holds_values_of(SortKind::numeric, 701));
  CHECK(holds_values_of(SortKind::enumeration, 16'384));
  CHECK_FALSE(holds_values_of(SortKind::enumeration, 25));
  CHECK_FALSE(holds_values_of(SortKind::none, 25));
}

TEST_CASE("bytes that are no value of a kind are told from those that are") {
  CHECK(is_value_of(SortKind::int4, big_endian<std::int16_t>(1)));
  CHECK_FALSE(is_value_of(SortKind::int4, "abc"));
  CHECK_FALSE(is_value_of(SortKind::float8, "abcd"));
  CHECK_FALSE(is_value_of(SortKind::boolean, ""));
  CHECK_FALSE(is_value_of(SortKind::uuid, "short"));
  CHECK_FALSE(is_value_of(SortKind::interval, std::string(12, '\0')));
  CHECK(is_value_of(SortKind::numeric, std::string("\0\1\0\0\0\0\0\0\0\5", 10)));
  CHECK_FALSE(is_value_of(SortKind::numeric, ""));
  CHECK_FALSE(is_value_of(SortKind::numeric, std::string("\0\2\0\0\0\0\0\0\0\5", 10)));  // a digit is missing
  CHECK_FALSE(is_value_of(SortKind::numeric, std::string("\0\0\0\0\x11\0\0\0", 8)));     // no such sign
  CHECK(is_value_of(SortKind::text, ""));
}
