#include "query/engine/numeric_json.hpp"

#include <cstddef>
#include <cstdint>

namespace shardplex {
namespace {

/// One of the numbers of two bytes that numeric_send() writes.
std::uint16_t word_at(std::string_view bytes, std::size_t number) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[2 * number]) << 8 |
                                    static_cast<unsigned char>(bytes[2 * number + 1]));
}

/// A digit to the base of 10,000 as four decimal ones.
void append_four_digits(std::string& out, unsigned digit) {
  out += static_cast<char>('0' + digit / 1'000);
  out += static_cast<char>('0' + digit / 100 % 10);
  out += static_cast<char>('0' + digit / 10 % 10);
  out += static_cast<char>('0' + digit % 10);
}

/// The digits of a finite numeric, each 10,000 times the one behind it. Those in front of the first and
/// behind the last are zeros.
struct BaseDigits {
  std::string_view bytes;

  std::size_t size() const { return bytes.size() / 2; }
  bool are_digits() const {
    for (std::size_t i = 0; i < size(); ++i)
      if (word_at(bytes, i) > 9'999) return false;
    return true;
  }
  unsigned at(int number) const {
    const bool is_there = number >= 0 && static_cast<std::size_t>(number) < size();
    return is_there ? word_at(bytes, static_cast<std::size_t>(number)) : 0u;
  }
};

/// `weight`: the number of the last digit before the point.
void append_finite(std::string& out, const BaseDigits& digits, int weight, std::size_t scale) {
  out += weight < 0 ? "0" : std::to_string(digits.at(0));
  for (int number = 1; number <= weight; ++number) append_four_digits(out, digits.at(number));
  if (scale == 0) return;
  out += '.';
  const auto end = out.size() + scale;
  for (int number = weight + 1; out.size() < end; ++number) append_four_digits(out, digits.at(number));
  out.resize(end);
}

}  // namespace

bool append_json_numeric(std::string& out, std::string_view bytes) {
  constexpr std::size_t head_bytes = 8, digit_bytes = 2;
  constexpr std::uint16_t positive = 0x0000, negative = 0x4000, not_a_number = 0xC000, infinity = 0xD000,
                          minus_infinity = 0xF000, largest_scale = 0x3FFF;
  if (bytes.size() < head_bytes) return false;
  const auto weight = static_cast<std::int16_t>(word_at(bytes, 1));
  const auto sign = word_at(bytes, 2), scale = word_at(bytes, 3);
  const BaseDigits digits{bytes.substr(head_bytes)};
  if (digits.bytes.size() != word_at(bytes, 0) * digit_bytes || !digits.are_digits()) return false;
  switch (sign) {
    case not_a_number:
      out += "\"NaN\"";
      return true;
    case infinity:
      out += "\"Infinity\"";
      return true;
    case minus_infinity:
      out += "\"-Infinity\"";
      return true;
    case positive:
    case negative:
      break;
    default:
      return false;
  }
  if (scale > largest_scale) return false;
  if (sign == negative) out += '-';
  append_finite(out, digits, weight, scale);
  return true;
}

}  // namespace shardplex
