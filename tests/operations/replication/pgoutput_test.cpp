#include "operations/replication/pgoutput.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace shardplex::operations;
using namespace shardplex::operations::pgoutput;

namespace {

/// Builds messages as the server does.
struct Bytes {
  std::string text;
  Bytes& byte(int value) { return text += static_cast<char>(value), *this; }
  Bytes& number(std::uint64_t value, int size) {
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) byte(static_cast<int>(value >> shift & 0xFF));
    return *this;
  }
  Bytes& string(std::string_view value) { return text.append(value), byte(0); }
  Bytes& value(std::string_view value) {
    byte('t').number(value.size(), 4);
    return text.append(value), *this;
  }
};

Bytes message(char kind) {
  return Bytes{std::string(1, kind)};
}

template <class Expected>
Expected decoded(const Bytes& bytes) {
  const Message read = decode(bytes.text);
  REQUIRE(std::holds_alternative<Expected>(read));
  return std::get<Expected>(read);
}

const Value null_value{};
const Value unchanged{Value::Kind::unchanged, {}};
Value text(std::string value) {
  return {Value::Kind::text, std::move(value)};
}

/// One message of each kind.
std::vector<Bytes> examples() {
  return {message('B').number(0x16B374D848, 8).number(5, 8).number(733, 4),
          message('C').byte(0).number(10, 8).number(20, 8).number(7, 8),
          message('O').number(3, 8).string("elsewhere"),
          message('R')
              .number(16385, 4)
              .string("public")
              .string("movies")
              .byte('d')
              .number(2, 2)
              .byte(1)
              .string("id")
              .number(20, 4)
              .number(0xFFFFFFFF, 4)
              .byte(0)
              .string("name")
              .number(1043, 4)
              .number(24, 4),
          message('Y').number(16390, 4).string("public").string("mood"),
          message('I').number(16385, 4).byte('N').number(2, 2).value("42").byte('n'),
          message('U')
              .number(16385, 4)
              .byte('O')
              .number(2, 2)
              .value("1")
              .value("a")
              .byte('N')
              .number(2, 2)
              .value("2")
              .byte('u'),
          message('D').number(16385, 4).byte('K').number(2, 2).value("42").byte('n'),
          message('T').number(2, 4).byte(3).number(16385, 4).number(16390, 4)};
}

}  // namespace

TEST_CASE("positions in the log are written as PostgreSQL writes them, and read back") {
  CHECK(to_string(Lsn{0x16B374D848}) == "16/B374D848");
  CHECK(to_string(Lsn{0}) == "0/0");
  CHECK(parse_lsn("16/B374D848") == Lsn{0x16B374D848});
  CHECK(parse_lsn("FFFFFFFF/FFFFFFFF") == Lsn{UINT64_MAX});
  for (const char* bad : {"", "/", "1/", "/1", "16", "1/G", "1/2/3", "100000000/0", "-1/0", " 1/2"})
    CHECK_MESSAGE(!parse_lsn(bad), bad);
}

TEST_CASE("a transaction's begin and commit tell its place and time") {
  const auto begin = decoded<Begin>(examples()[0]);
  CHECK(begin.commit == Lsn{0x16B374D848});
  CHECK(begin.committed_at_us == 5);
  CHECK(begin.transaction == 733);
  const auto commit = decoded<Commit>(examples()[1]);
  CHECK(commit.commit == Lsn{10});
  CHECK(commit.end == Lsn{20});
  CHECK(commit.committed_at_us == 7);
  CHECK(decoded<Origin>(examples()[2]).name == "elsewhere");
}

TEST_CASE("a relation tells its columns and which of them identify a row") {
  const auto relation = decoded<Relation>(examples()[3]);
  CHECK(relation.oid == 16385);
  CHECK(relation.schema == "public");
  CHECK(relation.name == "movies");
  CHECK(relation.identity == 'd');
  REQUIRE(relation.columns.size() == 2);
  CHECK(relation.columns[0] == Relation::Column{"id", true, 20, -1});
  CHECK(relation.columns[1] == Relation::Column{"name", false, 1043, 24});
  CHECK(decoded<Type>(examples()[4]).name == "mood");
}

TEST_CASE("an insert's values are text or null, empty text and zero bytes in it included") {
  CHECK(decoded<Insert>(examples()[5]).row == Tuple{text("42"), null_value});
  const auto odd =
      message('I').number(1, 4).byte('N').number(2, 2).value("").value(std::string_view("a\0b", 3));
  CHECK(decoded<Insert>(odd).row == Tuple{text(""), text(std::string("a\0b", 3))});
}

TEST_CASE("an update tells the old row whole, by its key or not at all, and what it left unchanged") {
  const auto full = decoded<Update>(examples()[6]);
  REQUIRE(full.old_row);
  CHECK(full.old_kind == OldRow::full);
  CHECK(*full.old_row == Tuple{text("1"), text("a")});
  CHECK(full.row == Tuple{text("2"), unchanged});
  const auto by_key = decoded<Update>(
      message('U').number(1, 4).byte('K').number(1, 2).value("1").byte('N').number(1, 2).value("2"));
  CHECK(by_key.old_kind == OldRow::key);
  CHECK(*by_key.old_row == Tuple{text("1")});
  const auto bare = decoded<Update>(message('U').number(1, 4).byte('N').number(1, 2).value("2"));
  CHECK(!bare.old_row);
}

TEST_CASE("deletes and truncates name what goes") {
  const auto deletion = decoded<Delete>(examples()[7]);
  CHECK(deletion.old_kind == OldRow::key);
  CHECK(deletion.old_row == Tuple{text("42"), null_value});
  const auto truncate = decoded<Truncate>(examples()[8]);
  CHECK(truncate.cascade);
  CHECK(truncate.restart_identity);
  CHECK(truncate.relations == std::vector<std::uint32_t>{16385, 16390});
}

TEST_CASE("a message that is cut short anywhere, or goes on after its end, is refused") {
  for (const auto& example : examples()) {
    for (std::size_t size = 0; size < example.text.size(); ++size)
      CHECK_THROWS_AS(decode(std::string_view(example.text).substr(0, size)), DecodeError);
    CHECK_THROWS_AS(decode(example.text + "x"), DecodeError);
  }
}

TEST_CASE("unknown messages, flags, rows and values are refused") {
  CHECK_THROWS_AS(decode(message('M').number(0, 8).text), DecodeError);  // not asked for
  CHECK_THROWS_AS(decode(message('C').byte(1).number(1, 8).number(1, 8).number(1, 8).text), DecodeError);
  CHECK_THROWS_AS(decode(message('I').number(1, 4).byte('K').number(0, 2).text), DecodeError);
  CHECK_THROWS_AS(decode(message('I').number(1, 4).byte('N').number(1, 2).byte('b').number(0, 4).text),
                  DecodeError);
  CHECK_THROWS_AS(decode(message('D').number(1, 4).byte('N').number(0, 2).text), DecodeError);
  CHECK_THROWS_AS(decode(message('U').number(1, 4).byte('O').number(0, 2).byte('K').number(0, 2).text),
                  DecodeError);
}

TEST_CASE("counts and lengths that promise more than there is cost no memory") {
  CHECK_THROWS_AS(decode(message('T').number(0xFFFFFFFF, 4).byte(0).number(1, 4).text), DecodeError);
  CHECK_THROWS_AS(decode(message('I').number(1, 4).byte('N').number(0xFFFF, 2).byte('n').text), DecodeError);
  CHECK_THROWS_AS(
      decode(message('I').number(1, 4).byte('N').number(1, 2).byte('t').number(0xFFFFFFFF, 4).text),
      DecodeError);
  CHECK_THROWS_AS(decode(message('R').number(1, 4).string("s").string("t").byte('d').number(0xFFFF, 2).text),
                  DecodeError);
}

TEST_CASE("bytes at random are a message or refused, and nothing else") {
  constexpr unsigned seed = 20240607;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto samples = examples();
  std::size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = samples[random() % samples.size()].text;
    for (unsigned changes = 1 + random() % 4; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    try {
      decode(bytes);
    } catch (const DecodeError&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK(refused < 20000);
}
