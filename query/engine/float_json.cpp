#include "query/engine/float_json.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

namespace shardplex {
namespace {

/// digits · 10^exponent, without a sign.
struct Decimal {
  std::array<char, std::numeric_limits<double>::max_digits10> characters{};
  std::size_t size = 0;
  int exponent = 0;

  std::string_view digits() const { return {characters.data(), size}; }
  std::uint64_t number() const {
    std::uint64_t value = 0;
    for (const char digit : digits()) value = value * 10 + static_cast<std::uint64_t>(digit - '0');
    return value;
  }
};

/// The value, finite and above 0, as std::to_chars() writes it in scientific notation: with the fewest digits
/// that are read as the value, or with as many as `precision` says behind the first.
template <class Float, class... Precision>
Decimal digits_of(Float value, Precision... precision) {
  std::array<char, 32> text;  // 24 bytes of a double: 17 digits, a point, e-308
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value,
                                  std::chars_format::scientific, precision...)
                        .ptr;
  const std::string_view all(text.data(), static_cast<std::size_t>(end - text.data()));
  const auto mark = all.find('e');
  Decimal decimal;
  for (const char c : all.substr(0, mark))
    if (c != '.') decimal.characters[decimal.size++] = c;
  auto exponent = all.substr(mark + 1);
  if (exponent.front() == '+') exponent.remove_prefix(1);  // which from_chars() does not take
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), decimal.exponent);
  decimal.exponent -= static_cast<int>(decimal.size) - 1;
  return decimal;
}

/// The middle between a value and its neighbour above is (2 · mantissa + 1) · 2^exponent, that to the one
/// below (2 · mantissa - 1) · 2^exponent. The neighbour below a power of two is nearer, and that middle is
/// 2^25 - 1 or 2^54 - 1 times another power of two. It is left out: 5 divides neither, so that as a decimal
/// it is no shorter than the power itself, which is chosen before it.
struct Middles {
  std::uint64_t mantissa;
  int exponent;
};

template <class Float>
Middles middles_of(Float value) {
  using Limits = std::numeric_limits<Float>;
  using Bits = std::conditional_t<sizeof(Float) == sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;
  static_assert(Limits::is_iec559 && sizeof(Float) == sizeof(Bits));
  constexpr int fraction_bits = Limits::digits - 1;
  constexpr int bias = Limits::max_exponent - 1;
  const std::uint64_t bits = std::bit_cast<Bits>(value);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << fraction_bits) - 1);
  const auto exponent = static_cast<int>(bits >> fraction_bits);
  const std::uint64_t mantissa = exponent == 0 ? fraction : fraction | std::uint64_t{1} << fraction_bits;
  return {mantissa, std::max(exponent, 1) - bias - fraction_bits - 1};
}

constexpr std::size_t powers_of_five = 28;  // 5^27 is the last below 2^64

constexpr std::array<std::uint64_t, powers_of_five> make_powers_of_five() {
  std::array<std::uint64_t, powers_of_five> powers{};
  std::uint64_t power = 1;
  for (auto& each : powers) {
    each = power;
    power *= 5;
  }
  return powers;
}

/// digits · 10^ten == odd · 2^two, exactly. Precondition: digits < 10^17, odd < 2^55 and odd, both above 0.
bool is_equal(std::uint64_t digits, int ten, std::uint64_t odd, int two) {
  static constexpr auto powers = make_powers_of_five();
  const auto fives = static_cast<std::size_t>(ten < 0 ? -ten : ten);
  if (fives >= powers_of_five) return false;  // neither number has so many
  // The fives go to the side where they divide what is there, or the two are not equal.
  std::uint64_t& with_fives = ten < 0 ? digits : odd;
  if (with_fives % powers[fives] != 0) return false;
  with_fives /= powers[fives];
  const int zeros = std::countr_zero(digits);
  return digits >> zeros == odd && ten + zeros == two;
}

bool is_middle(const Decimal& decimal, const Middles& middles) {
  const auto digits = decimal.number();
  return is_equal(digits, decimal.exponent, 2 * middles.mantissa + 1, middles.exponent) ||
         is_equal(digits, decimal.exponent, 2 * middles.mantissa - 1, middles.exponent);
}

/// std::to_chars() may choose the middle between two values, which is read as the one whose mantissa is even.
/// PostgreSQL trusts no reader with that (STRICTLY_SHORTEST in src/common/ryu_common.h), and takes more
/// digits. With so many the nearest decimal is the right one: any other that lies between the middles is
/// farther.
template <class Float>
Decimal shortest(Float value) {
  const auto middles = middles_of(value);
  auto decimal = digits_of(value);
  constexpr std::size_t most_digits = std::numeric_limits<Float>::max_digits10;
  while (decimal.size < most_digits && is_middle(decimal, middles))
    decimal = digits_of(value, static_cast<int>(decimal.size));
  return decimal;
}

/// As "%.*g" places the point, with `most_before_point` for its precision.
void append_decimal(std::string& out, const Decimal& decimal, int most_before_point) {
  const auto digits = decimal.digits();
  const int before_point = static_cast<int>(digits.size()) + decimal.exponent;
  if (before_point < -3 || before_point > most_before_point) {
    out += digits.front();
    if (digits.size() > 1) (out += '.') += digits.substr(1);
    const int exponent = before_point - 1;
    const auto shown = std::to_string(exponent < 0 ? -exponent : exponent);
    out += exponent < 0 ? "e-" : "e+";
    if (shown.size() == 1) out += '0';
    out += shown;
  } else if (before_point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-before_point), '0');
    out += digits;
  } else if (decimal.exponent >= 0) {
    out += digits;
    out.append(static_cast<std::size_t>(decimal.exponent), '0');
  } else {
    out += digits.substr(0, static_cast<std::size_t>(before_point));
    out += '.';
    out += digits.substr(static_cast<std::size_t>(before_point));
  }
}

template <class Float>
void append_float(std::string& out, Float value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += std::signbit(value) ? "\"-Infinity\"" : "\"Infinity\"";
  } else {
    if (std::signbit(value)) out += '-';
    if (value == 0)
      out += '0';
    else
      append_decimal(out, shortest(std::abs(value)), std::numeric_limits<Float>::digits10);
  }
}

}  // namespace

void append_json_float(std::string& out, float value) {
  append_float(out, value);
}

void append_json_float(std::string& out, double value) {
  append_float(out, value);
}

}  // namespace shardplex
