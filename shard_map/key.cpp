#include "shard_map/key.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <boost/endian/conversion.hpp>
#include <charconv>
#include <chrono>
#include <system_error>

#include "shard_map/decimal.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/utf8.hpp"

namespace shardplex {
namespace {

/// What isspace() of the C locale accepts, which is what int8in of PostgreSQL skips.
constexpr std::string_view white_space = " \t\n\v\f\r";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(white_space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(white_space) - first + 1);
}

std::optional<std::string> integer_bytes(std::string_view text) {
  text = trim(text);
  // from_chars reads "-5" but not "+5"; a second sign after the plus must not slip through.
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t value = 0;
  const auto end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return canonical_bytes(value);
}

/// PostgreSQL stores UTF-8 without NUL; anything else it refuses.
std::optional<std::string> text_bytes(std::string_view text) {
  if (text.find('\0') != std::string_view::npos || !is_utf8(text)) return std::nullopt;
  return std::string(text);
}

std::optional<unsigned> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return std::nullopt;
}

/// All that uuid_in() of PostgreSQL reads: a hyphen may follow each four digits, and braces may be around it.
std::optional<std::string> uuid_bytes(std::string_view text) {
  constexpr std::size_t uuid_size = 16;
  const bool braces = text.starts_with('{');
  if (braces) text.remove_prefix(1);
  std::string bytes;
  while (bytes.size() < uuid_size) {
    if (text.size() < 2) return std::nullopt;
    const auto high = hex_digit(text[0]), low = hex_digit(text[1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<char>(*high << 4 | *low));
    text.remove_prefix(2);
    const bool after_four_digits = bytes.size() % 2 == 0 && bytes.size() < uuid_size;
    if (after_four_digits && text.starts_with('-')) text.remove_prefix(1);
  }
  if (text != (braces ? "}" : "")) return std::nullopt;
  return bytes;
}

/// The number that some digits are; nullopt where anything else is among them.
std::optional<int> digits_value(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::string> date_bytes(std::string_view text) {
  constexpr std::string_view form = "yyyy-mm-dd";
  if (text.size() != form.size() || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = digits_value(text.substr(0, 4)), month = digits_value(text.substr(5, 2)),
             day = digits_value(text.substr(8, 2));
  if (!year || !month || !day || *year == 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> character_bytes(std::string_view text) {
  return text_bytes(text.substr(0, text.find_last_not_of(' ') + 1));
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

/// All that boolin() of PostgreSQL reads: a word, or as much of its beginning as tells it from the others.
std::optional<std::string> boolean_bytes(std::string_view text) {
  const std::string word = in_small_letters(trim(text));
  if (word.empty()) return std::nullopt;
  const auto begins = [&](std::string_view whole) { return whole.starts_with(word); };
  if (word == "1" || word == "on" || begins("true") || begins("yes")) return "true";
  if (word == "0" || word == "of" || word == "off" || begins("false") || begins("no")) return "false";
  return std::nullopt;
}

/// No other than a whole number has 8 bytes.
std::optional<std::string> numeric_bytes(std::string_view text) {
  const auto value = read_decimal(text);
  if (!value) return std::nullopt;
  if (const auto whole = whole_number(*value)) return canonical_bytes(*whole);
  return "numeric " + decimal_text(*value);
}

std::optional<std::string> citext_bytes(std::string_view text) {
  const auto is_ascii = [](char c) { return c != '\0' && static_cast<unsigned char>(c) < 0x80; };
  if (!std::ranges::all_of(text, is_ascii)) return std::nullopt;
  return in_small_letters(text);
}

}  // namespace

std::optional<std::string> canonical_bytes(KeyType type, std::string_view text) {
  switch (type) {
    case KeyType::integer:
      return integer_bytes(text);
    case KeyType::text:
    case KeyType::enumeration:
      return text_bytes(text);
    case KeyType::uuid:
      return uuid_bytes(text);
    case KeyType::date:
      return date_bytes(text);
    case KeyType::character:
      return character_bytes(text);
    case KeyType::boolean:
      return boolean_bytes(text);
    case KeyType::numeric:
      return numeric_bytes(text);
    case KeyType::citext:
      return citext_bytes(text);
  }
  return std::nullopt;
}

std::string canonical_bytes(std::int64_t value) {
  std::string bytes(sizeof value, '\0');
  boost::endian::endian_store<std::int64_t, sizeof value, boost::endian::order::little>(
      reinterpret_cast<unsigned char*>(bytes.data()), value);
  return bytes;
}

std::string joined_bytes(const std::vector<std::string>& columns) {
  if (columns.size() == 1) return columns.front();
  std::string bytes;
  for (const auto& column : columns) {
    std::array<unsigned char, sizeof(std::uint32_t)> length{};
    boost::endian::endian_store<std::uint32_t, sizeof(std::uint32_t), boost::endian::order::little>(
        length.data(), static_cast<std::uint32_t>(column.size()));
    bytes.append(reinterpret_cast<const char*>(length.data()), length.size()).append(column);
  }
  return bytes;
}

std::optional<std::string> canonical_bytes(const std::vector<KeyType>& types,
                                           const std::vector<std::string>& texts) {
  invariant(!types.empty() && types.size() == texts.size(), "a key has a value for each of its columns");
  std::vector<std::string> columns;
  columns.reserve(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    auto bytes = canonical_bytes(types[i], texts[i]);
    if (!bytes) return std::nullopt;
    columns.push_back(*std::move(bytes));
  }
  return joined_bytes(columns);
}

std::uint64_t hash_bytes(std::string_view bytes) {
  return XXH64(bytes.data(), bytes.size(), 0);
}

Slot slot_of(std::string_view canonical, std::uint32_t slot_count) {
  invariant(slot_count > 0, "a group has slots");
  return Slot{static_cast<std::uint32_t>(hash_bytes(canonical) % slot_count)};
}

}  // namespace shardplex
