#include "query/grammar/cursor.hpp"

#include <array>
#include <utility>

#include "shard_map/key.hpp"
#include "shard_map/utf8.hpp"

namespace shardplex {
namespace {

constexpr char cursor_version = 1;
constexpr std::size_t hash_size = 8;
constexpr std::string_view base64url_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr unsigned bits_of_digit = 6, bits_of_byte = 8;

std::string base64url(std::string_view bytes) {
  std::string text;
  std::uint32_t held = 0;
  unsigned bits = 0;
  const auto put = [&](std::uint32_t digit) { text += base64url_digits[digit & 63U]; };
  for (const char byte : bytes) {
    held = held << bits_of_byte | static_cast<unsigned char>(byte);
    for (bits += bits_of_byte; bits >= bits_of_digit; bits -= bits_of_digit)
      put(held >> (bits - bits_of_digit));
  }
  if (bits > 0) put(held << (bits_of_digit - bits));
  return text;
}

/// The bits of the last digit that belong to no byte are dropped, whatever they are.
std::optional<std::string> base64url_decoded(std::string_view text) {
  std::string bytes;
  std::uint32_t held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const auto digit = base64url_digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    held = held << bits_of_digit | static_cast<std::uint32_t>(digit);
    bits += bits_of_digit;
    if (bits < bits_of_byte) continue;
    bits -= bits_of_byte;
    bytes += static_cast<char>(held >> bits & 255U);
  }
  return bytes;
}

void append_64_bits(std::string& bytes, std::uint64_t value) {
  for (std::size_t i = hash_size; i-- > 0;) bytes += static_cast<char>(value >> (i * bits_of_byte) & 255U);
}

/// Seven bits a byte, the least first; all but the last byte have the highest bit set.
void append_length(std::string& bytes, std::size_t length) {
  for (; length >= 128; length /= 128) bytes += static_cast<char>(length % 128 + 128);
  bytes += static_cast<char>(length);
}

/// Takes what the functions above have written off the front; each is false, or nullopt, where it is not
/// there.
class CursorBytes {
 public:
  explicit CursorBytes(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }

  std::optional<unsigned char> byte() {
    if (rest_.empty()) return std::nullopt;
    const auto first = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }

  std::optional<std::string_view> bytes(std::size_t count) {
    if (count > rest_.size()) return std::nullopt;
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::optional<std::uint64_t> number() {
    const auto taken = bytes(hash_size);
    if (!taken) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : *taken) value = value << bits_of_byte | static_cast<unsigned char>(c);
    return value;
  }

  /// At most longest_cursor.
  std::optional<std::size_t> length() {
    std::size_t value = 0, unit = 1;
    while (true) {
      const auto next = byte();
      if (!next || unit > longest_cursor) return std::nullopt;
      value += *next % 128 * unit;
      if (*next < 128) break;
      unit *= 128;
    }
    if (value > longest_cursor) return std::nullopt;
    return value;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::string encode_cursor(const Cursor& cursor) {
  std::string bytes{cursor_version, cursor.before ? char{1} : char{0}};
  append_64_bits(bytes, cursor.order);
  for (const auto& value : cursor.values) {
    append_length(bytes, value ? value->size() + 1 : 0);  // 0 is null
    if (value) bytes += *value;
  }
  append_64_bits(bytes, hash_bytes(bytes));
  return base64url(bytes);
}

std::optional<Cursor> decode_cursor(std::string_view text) {
  if (text.size() > longest_cursor) return std::nullopt;
  const auto bytes = base64url_decoded(text);
  if (!bytes || bytes->size() < hash_size) return std::nullopt;
  const auto said = std::string_view(*bytes).substr(0, bytes->size() - hash_size);
  CursorBytes checksum(std::string_view(*bytes).substr(said.size())), in(said);
  if (checksum.number() != hash_bytes(said)) return std::nullopt;
  if (in.byte() != static_cast<unsigned char>(cursor_version)) return std::nullopt;
  const auto before = in.byte();
  const auto order = in.number();
  if (!before || *before > 1 || !order) return std::nullopt;
  Cursor cursor{*before == 1, *order, {}};
  while (!in.at_end()) {
    const auto length = in.length();
    if (!length) return std::nullopt;
    cursor.values.emplace_back();
    if (*length == 0) continue;
    const auto value = in.bytes(*length - 1);
    if (!value || !is_utf8(*value) || value->find('\0') != std::string_view::npos) return std::nullopt;
    cursor.values.back() = std::string(*value);
  }
  // One cursor has one text: what else reads the same, such as other unused bits, was never given out.
  if (encode_cursor(cursor) != text) return std::nullopt;
  return cursor;
}

Error cursor_refused(std::string details, std::string hint) {
  return {.code = "SHARD400",
          .message = "This request cannot be paged by cursor",
          .details = std::move(details),
          .hint = std::move(hint),
          .status = std::nullopt};
}

}  // namespace shardplex
