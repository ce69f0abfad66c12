#include "shard_map/key.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

using namespace shardplex;
using namespace std::string_literals;

namespace {

std::string hex(const std::string& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

/// The canonical bytes in hexadecimal, or "none".
std::string canonical(KeyType type, const std::string& text) {
  const auto bytes = canonical_bytes(type, text);
  return bytes ? hex(*bytes) : "none";
}

}  // namespace

TEST_CASE("hash_bytes is xxHash64 with seed 0, as published vectors pin it") {
  struct Vector {
    std::string input;
    std::uint64_t hash;
  };
  const std::vector<Vector> vectors = {
      {"", 0xef46db3751d8e999},
      {"a", 0xd24ec4f1a98c6e5b},
      {"ab", 7347350983217793633u},
      {"abc", 0x44bc2cf5ad770999},
      {"0", 0x633457081244afec},
      {"0123", 0x4c33072b45647dcb},
      {"Nobody inspects the spammish repetition", 0xfbcea83c8a378bf1},  // over 32 bytes: the wide loop
  };
  for (const auto& [input, hash] : vectors) {
    CAPTURE(input);
    CHECK(hash_bytes(input) == hash);
  }
}

TEST_CASE("slot_of is the hash modulo the slot count") {
  CHECK(slot_of("abc", 1024) == Slot{0x44bc2cf5ad770999 % 1024});
  CHECK(slot_of("abc", 1) == Slot{0});
  CHECK(slot_of("abc", 76) == Slot{static_cast<std::uint32_t>(0x44bc2cf5ad770999 % 76)});
}

TEST_CASE("slots of known keys never change, for rows store them") {
  CHECK(slot_of(canonical_bytes(0), 1024) == Slot{955});
  CHECK(slot_of(canonical_bytes(1), 1024) == Slot{405});
  CHECK(slot_of(canonical_bytes(42), 1024) == Slot{851});
  CHECK(slot_of(canonical_bytes(-1), 1024) == Slot{713});
  CHECK(slot_of("The Godfather", 1024) == Slot{980});
}

TEST_CASE("an integer key is 8 bytes, little-endian, two's complement") {
  CHECK(hex(canonical_bytes(1)) == "0100000000000000");
  CHECK(hex(canonical_bytes(-1)) == "ffffffffffffffff");
  CHECK(hex(canonical_bytes(0x0102030405060708)) == "0807060504030201");
  CHECK(hex(canonical_bytes(std::numeric_limits<std::int64_t>::min())) == "0000000000000080");
}

TEST_CASE("integer text is read as PostgreSQL 15 reads a bigint") {
  struct Row {
    std::string text, bytes;
  };
  const std::vector<Row> rows = {
      {"42", "2a00000000000000"},
      {"+42", "2a00000000000000"},
      {"-42", "d6ffffffffffffff"},
      {"00042", "2a00000000000000"},
      {" \t\n\v\f\r42 \t\n\v\f\r", "2a00000000000000"},
      {"0", "0000000000000000"},
      {"-0", "0000000000000000"},
      {"9223372036854775807", "ffffffffffffff7f"},
      {"-9223372036854775808", "0000000000000080"},
      {"9223372036854775808", "none"},
      {"-9223372036854775809", "none"},
      {"99999999999999999999999999", "none"},
      {"", "none"},
      {"   ", "none"},
      {"+", "none"},
      {"-", "none"},
      {"+-5", "none"},
      {"++5", "none"},
      {"--5", "none"},
      {"- 5", "none"},
      {"4 2", "none"},
      {"42x", "none"},
      {"0x2a", "none"},
      {"4_2", "none"},
      {"42.0", "none"},
      {"1e3", "none"},
      {"\u00a042", "none"},
      {"42\0"s, "none"},
      {"\uff14\uff12", "none"},
  };
  for (const auto& [text, bytes] : rows) {
    CAPTURE(text);
    CHECK(canonical(KeyType::integer, text) == bytes);
  }
}

TEST_CASE("a text key is its UTF-8 bytes, untouched") {
  for (const std::string text : {"", "Heat", " Heat ", "Am\u00e9lie", "Ame\u0301lie", "\U0001f3ac", "a\nb"}) {
    CAPTURE(text);
    CHECK(canonical_bytes(KeyType::text, text) == text);
  }
}

TEST_CASE("text that PostgreSQL cannot store in UTF-8 is no key") {
  const std::vector<std::string> bad = {
      "\xff",
      "a\x80",
      "\xc3",
      "\xc0\xaf" /* overlong */,
      "\xed\xa0\x80" /* surrogate */,
      "\xf4\x90\x80\x80" /* past U+10FFFF */,
      "nul\0byte"s,
      "Am\xe9lie" /* Latin-1 */,
  };
  for (const std::string& text : bad) {
    CAPTURE(hex(text));
    CHECK(canonical(KeyType::text, text) == "none");
  }
}

TEST_CASE("a uuid key is its 16 bytes, in every spelling that PostgreSQL reads") {
  const std::string bytes = "a0eebc999c0b4ef8bb6d6bb9bd380a11";
  CHECK(canonical(KeyType::uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11") == bytes);
  CHECK(canonical(KeyType::uuid, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11") == bytes);
  CHECK(canonical(KeyType::uuid, "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}") == bytes);
  CHECK(canonical(KeyType::uuid, "a0eebc999c0b4ef8bb6d6bb9bd380a11") == bytes);
  CHECK(canonical(KeyType::uuid, "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11") == bytes);
  CHECK(canonical(KeyType::uuid, "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}") == bytes);
}

TEST_CASE("what PostgreSQL does not read as a uuid is no key") {
  for (const std::string text :
       {"", "{}", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "{{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}}", "a0eebc999c0b4ef8bb6d6bb9bd380a11-",
        "a0-eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11} ", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", "a0eebc999-c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d+6bb9bd380a11", " a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"}) {
    CAPTURE(text);
    CHECK(canonical(KeyType::uuid, text) == "none");
  }
}

TEST_CASE("a date key is PostgreSQL's text of it") {
  for (const std::string text : {"0001-01-01", "2024-02-29", "1900-02-28", "9999-12-31"}) {
    CAPTURE(text);
    CHECK(canonical_bytes(KeyType::date, text) == text);
  }
  for (const std::string text :
       {"", "2024-02-30", "1900-02-29", "0000-01-01", "2024-13-01", "2024-00-01", "2024-01-00", "2024-1-1",
        "20240101", "2024-01-01 ", " 2024-01-01", "2024/01/01", "10000-01-01", "0044-03-15 BC", "infinity",
        "today", "-024-01-01", "2024-0a-01"}) {
    CAPTURE(text);
    CHECK(canonical(KeyType::date, text) == "none");
  }
}

TEST_CASE("a key of char(n) is its text without the blanks behind it") {
  CHECK(canonical_bytes(KeyType::character, "ab") == "ab");
  CHECK(canonical_bytes(KeyType::character, " ab   ") == " ab");
  CHECK(canonical_bytes(KeyType::character, "   ") == "");
  CHECK(canonical_bytes(KeyType::character, "") == "");
  CHECK(canonical_bytes(KeyType::character, "ab\t ") == "ab\t");
  CHECK(canonical(KeyType::character, "\xff") == "none");
}

TEST_CASE("a boolean key is true or false, in every spelling that PostgreSQL reads") {
  for (const std::string text :
       {"t", "tr", "tru", "true", "TRUE", " True\n", "y", "ye", "yes", "on", "ON", "1"})
    CHECK(canonical_bytes(KeyType::boolean, text) == "true");
  for (const std::string text : {"f", "fa", "fals", "false", "n", "no", "of", "off", "OFF ", "0"})
    CHECK(canonical_bytes(KeyType::boolean, text) == "false");
  for (const std::string& text :
       {""s, " "s, "o"s, "truee"s, "yess"s, "onn"s, "offf"s, "nope"s, "2"s, "00"s, "-1"s, "t\0"s, "t rue"s}) {
    CAPTURE(text);
    CHECK(canonical(KeyType::boolean, text) == "none");
  }
}

TEST_CASE("a numeric key that is a whole number is where an equal integer is") {
  for (const std::string text : {"42", "42.0", "42.00", "4.2e1", "0420e-1", "+42."}) {
    CAPTURE(text);
    CHECK(canonical_bytes(KeyType::numeric, text) == canonical_bytes(42));
  }
  CHECK(canonical_bytes(KeyType::numeric, "-0.0") == canonical_bytes(0));
  CHECK(canonical_bytes(KeyType::numeric, "9223372036854775807") ==
        canonical_bytes(std::numeric_limits<std::int64_t>::max()));
}

TEST_CASE("a numeric key that is no whole number is its digits and a power of ten") {
  CHECK(canonical_bytes(KeyType::numeric, "1.50") == "numeric 15e-1");
  CHECK(canonical_bytes(KeyType::numeric, "-0.0015") == "numeric -15e-4");
  CHECK(canonical_bytes(KeyType::numeric, "9223372036854775808") == "numeric 9223372036854775808");
  CHECK(canonical_bytes(KeyType::numeric, "1e30") == "numeric 1e30");
  CHECK(canonical_bytes(KeyType::numeric, "nan") == "numeric NaN");
  CHECK(canonical_bytes(KeyType::numeric, "-inf") == "numeric -Infinity");
  CHECK(canonical(KeyType::numeric, "1.5x") == "none");
  CHECK(canonical(KeyType::numeric, "") == "none");
}

TEST_CASE("a key of citext is ASCII in small letters, and nothing else is one") {
  CHECK(canonical_bytes(KeyType::citext, "Me@Example.ORG") == "me@example.org");
  CHECK(canonical_bytes(KeyType::citext, "[AZ]{az} @`") == "[az]{az} @`");
  CHECK(canonical_bytes(KeyType::citext, " A ") == " a ");
  CHECK(canonical_bytes(KeyType::citext, "") == "");
  // The last is the sign for kelvin, which is k in small letters.
  for (const std::string& text : {"\u00e4"s, "a\u00e4"s, "\xff"s, "a\0"s, "\u0130"s, "\u212a"s}) {
    CAPTURE(text);
    CHECK(canonical(KeyType::citext, text) == "none");
  }
}

TEST_CASE("a label is its bytes") {
  for (const std::string text : {"sad", " Sad ", "\u00e4rgerlich", ""})
    CHECK(canonical_bytes(KeyType::enumeration, text) == text);
  CHECK(canonical(KeyType::enumeration, "\xff") == "none");
}
