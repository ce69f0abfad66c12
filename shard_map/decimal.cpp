#include "shard_map/decimal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

namespace shardplex {
namespace {

/// What isspace() of the C locale accepts.
constexpr std::string_view space_around_numbers = " \t\n\v\f\r";

/// numeric_in() refuses exponents far below this one, which no sum of it and a text's length can overflow.
constexpr std::int64_t most_exponent = 1'000'000'000'000'000;

std::string_view without_space(std::string_view text) {
  const auto first = text.find_first_not_of(space_around_numbers);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space_around_numbers) - first + 1);
}

bool are_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

char small_letter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::optional<Decimal::Kind> special_kind(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Decimal::Kind>, 7> words{{
      {"nan", Decimal::Kind::nan},
      {"infinity", Decimal::Kind::infinity},
      {"+infinity", Decimal::Kind::infinity},
      {"-infinity", Decimal::Kind::minus_infinity},
      {"inf", Decimal::Kind::infinity},
      {"+inf", Decimal::Kind::infinity},
      {"-inf", Decimal::Kind::minus_infinity},
  }};
  for (const auto& [word, kind] : words)
    if (std::ranges::equal(text, word, [](char a, char b) { return small_letter(a) == b; })) return kind;
  return std::nullopt;
}

/// Takes the sign off; true for a minus.
bool take_sign(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  return negative;
}

/// What stands behind the e.
std::optional<std::int64_t> read_exponent(std::string_view text) {
  const bool negative = take_sign(text);
  if (text.empty() || !are_digits(text)) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text) value = std::min<std::int64_t>(value * 10 + (c - '0'), most_exponent);
  return negative ? -value : value;
}

/// In the one form that equal values have.
Decimal reduced(Decimal value) {
  const auto first = value.digits.find_first_not_of('0');
  if (first == std::string::npos) return {};
  const auto last = value.digits.find_last_not_of('0');
  value.exponent += static_cast<std::int64_t>(value.digits.size() - last - 1);
  value.digits = value.digits.substr(first, last - first + 1);
  return value;
}

/// The next whole number.
void add_one(std::string& digits) {
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    if (*digit != '9') {
      ++*digit;
      return;
    }
    *digit = '0';
  }
  digits.insert(digits.begin(), '1');
}

}  // namespace

std::optional<Decimal> read_decimal(std::string_view text) {
  text = without_space(text);
  Decimal value;
  if (const auto kind = special_kind(text)) {
    value.kind = *kind;
    return value;
  }
  value.negative = take_sign(text);
  const auto e = text.find_first_of("eE");
  if (e != std::string_view::npos) {
    const auto exponent = read_exponent(text.substr(e + 1));
    if (!exponent) return std::nullopt;
    value.exponent = *exponent;
    text = text.substr(0, e);
  }
  const auto point = text.find('.');
  const auto before = text.substr(0, point);
  const auto behind = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (before.empty() && behind.empty()) return std::nullopt;
  if (!are_digits(before) || !are_digits(behind)) return std::nullopt;
  value.digits.append(before).append(behind);
  value.exponent -= static_cast<std::int64_t>(behind.size());
  return reduced(std::move(value));
}

Decimal rounded(const Decimal& value, std::int64_t scale) {
  const std::int64_t cut = -scale - value.exponent;  // how many digits at the end are not kept
  if (value.kind != Decimal::Kind::finite || cut <= 0) return value;
  const auto size = static_cast<std::int64_t>(value.digits.size());
  if (cut > size) return {};  // less than a tenth of the last digit that is kept
  const auto kept = static_cast<std::size_t>(size - cut);
  Decimal near{Decimal::Kind::finite, value.negative, value.digits.substr(0, kept), -scale};
  if (kept < value.digits.size() && value.digits[kept] >= '5') add_one(near.digits);
  return reduced(std::move(near));
}

std::string decimal_text(const Decimal& value) {
  switch (value.kind) {
    case Decimal::Kind::nan:
      return "NaN";
    case Decimal::Kind::infinity:
      return "Infinity";
    case Decimal::Kind::minus_infinity:
      return "-Infinity";
    case Decimal::Kind::finite:
      break;
  }
  if (value.digits.empty()) return "0";
  std::string text = value.negative ? "-" : "";
  text += value.digits;
  if (value.exponent != 0) text += 'e' + std::to_string(value.exponent);
  return text;
}

std::optional<std::int64_t> whole_number(const Decimal& value) {
  constexpr std::int64_t most_digits = 19;  // of a bigint
  const auto size = static_cast<std::int64_t>(value.digits.size());
  if (value.kind != Decimal::Kind::finite || value.exponent < 0 || size + value.exponent > most_digits)
    return std::nullopt;
  std::string text = value.negative ? "-" : "";
  text += value.digits.empty() ? "0" : value.digits;
  text.append(static_cast<std::size_t>(value.exponent), '0');
  std::int64_t number = 0;
  const auto end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

}  // namespace shardplex
