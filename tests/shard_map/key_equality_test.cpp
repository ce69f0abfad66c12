// PostgreSQL judges the canonical bytes of keys: they are equal where it takes two values for equal, and
// there only.
#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <pqxx/pqxx>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/plan/sql.hpp"
#include "shard_map/decimal.hpp"
#include "shard_map/key.hpp"
#include "tests/postgres/server_fixture.hpp"

namespace shardplex::test {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* functions_sql = R"sql(
CREATE EXTENSION citext;
CREATE FUNCTION stored_as(value text, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE stored text;
BEGIN
  EXECUTE format('SELECT %L::%s::text', value, type) INTO stored;
  RETURN stored;
EXCEPTION WHEN data_exception THEN RETURN NULL;
END $$;
)sql";

struct Prepared {
  Prepared() { server.run_sql(functions_sql); }
  Server server{ServerOptions{}};
};

class Judge {
 public:
  explicit Judge(const std::string& database = "postgres") : connection_(server().conninfo(database)) {}

  static const Server& server() {
    static const Prepared prepared;
    return prepared.server;
  }

  /// What is stored of each text in a column of this type; nullopt where it is refused.
  std::vector<std::optional<std::string>> stored(const Texts& texts, const std::string& type) {
    std::vector<std::optional<std::string>> out;
    pqxx::nontransaction transaction(connection_);
    for (const auto& row : transaction.exec_params(
             "SELECT stored_as(t, $2) FROM unnest($1::text[]) WITH ORDINALITY AS u(t, n) ORDER BY n",
             array_of(texts), type))
      out.push_back(row[0].is_null() ? std::nullopt : std::optional(row[0].as<std::string>()));
    return out;
  }

  /// The places of texts that are equal values of the type, the lesser first.
  std::set<std::pair<std::size_t, std::size_t>> equal_pairs(const Texts& texts, const std::string& type) {
    std::set<std::pair<std::size_t, std::size_t>> pairs;
    pqxx::nontransaction transaction(connection_);
    for (const auto& row :
         transaction.exec_params("SELECT a.n - 1, b.n - 1 FROM unnest($1::text[]) WITH ORDINALITY AS a(t, n) "
                                 "JOIN unnest($1::text[]) WITH ORDINALITY AS b(t, n) ON a.n < b.n AND a.t::" +
                                     type + " = b.t::" + type,
                                 array_of(texts)))
      pairs.emplace(row[0].as<std::size_t>(), row[1].as<std::size_t>());
    return pairs;
  }

  /// The places of rows of two columns that are equal, the lesser first: row i has the values i of each.
  std::set<std::pair<std::size_t, std::size_t>> equal_rows(const Texts& first, const std::string& first_type,
                                                           const Texts& second,
                                                           const std::string& second_type) {
    std::set<std::pair<std::size_t, std::size_t>> pairs;
    const auto row_of = [&](const std::string& alias) {
      return "(" + alias + ".x::" + first_type + ", " + alias + ".y::" + second_type + ")";
    };
    const std::string rows = "unnest($1::text[], $2::text[]) WITH ORDINALITY AS ";
    pqxx::nontransaction transaction(connection_);
    for (const auto& row :
         transaction.exec_params("SELECT a.n - 1, b.n - 1 FROM " + rows + "a(x, y, n) JOIN " + rows +
                                     "b(x, y, n) ON a.n < b.n AND " + row_of("a") + " = " + row_of("b"),
                                 array_of(first), array_of(second)))
      pairs.emplace(row[0].as<std::size_t>(), row[1].as<std::size_t>());
    return pairs;
  }

  bool is_true(const std::string& condition) {
    return pqxx::nontransaction(connection_).exec1("SELECT " + condition)[0].as<bool>();
  }

 private:
  static std::string array_of(const Texts& texts) {
    return array_literal(std::span<const std::string>(texts));
  }

  pqxx::connection connection_;
};

/// Texts that PostgreSQL reads have canonical bytes, others have none, and bytes are equal where values are.
void check_type(KeyType key_type, const std::string& type, const Texts& texts) {
  Judge judge;
  const auto stored = judge.stored(texts, type);
  REQUIRE(stored.size() == texts.size());
  Texts values;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    CHECK(canonical_bytes(key_type, texts[i]).has_value() == stored[i].has_value());
    if (!stored[i]) continue;
    CHECK(canonical_bytes(key_type, *stored[i]) == canonical_bytes(key_type, texts[i]));
    values.push_back(texts[i]);
  }
  const auto equal = judge.equal_pairs(values, type);
  CHECK_FALSE(equal.empty());
  for (std::size_t a = 0; a < values.size(); ++a)
    for (std::size_t b = a + 1; b < values.size(); ++b)
      if ((canonical_bytes(key_type, values[a]) == canonical_bytes(key_type, values[b])) !=
          equal.contains({a, b}))
        FAIL_CHECK(type << " '" << values[a] << "' and '" << values[b] << "'");
}

/// Bytes of keys of two columns are equal where PostgreSQL takes the rows for equal, and there only. All the
/// texts are values.
void check_rows(KeyType first, const std::string& first_type, KeyType second, const std::string& second_type,
                const Texts& first_texts, const Texts& second_texts) {
  REQUIRE(first_texts.size() == second_texts.size());
  const auto equal = Judge().equal_rows(first_texts, first_type, second_texts, second_type);
  CHECK_FALSE(equal.empty());
  const std::vector types{first, second};
  std::vector<std::optional<std::string>> bytes;
  for (std::size_t i = 0; i < first_texts.size(); ++i) {
    bytes.push_back(canonical_bytes(types, {first_texts[i], second_texts[i]}));
    REQUIRE_MESSAGE(bytes.back().has_value(), first_texts[i] << " " << second_texts[i]);
  }
  for (std::size_t a = 0; a < bytes.size(); ++a)
    for (std::size_t b = a + 1; b < bytes.size(); ++b)
      if ((bytes[a] == bytes[b]) != equal.contains({a, b}))
        FAIL_CHECK("('" << first_texts[a] << "', '" << second_texts[a] << "') and ('" << first_texts[b]
                        << "', '" << second_texts[b] << "')");
}

std::string some_of(std::string_view choice, std::size_t most, std::mt19937& random) {
  std::string text;
  for (auto left = random() % (most + 1); left > 0; --left) text += choice[random() % choice.size()];
  return text;
}

/// Mostly a number, of few digits, so that there are equal ones.
std::string random_number(std::mt19937& random) {
  std::string text = some_of(" \t", 1, random) + some_of("+-", 1, random) + some_of("00159", 3, random);
  if (random() % 2 == 0) text += '.' + some_of("00159", 3, random);
  if (random() % 3 == 0)
    text += some_of("eE", 1, random) + some_of("+-", 1, random) + some_of("012", 1, random);
  return text + some_of(" \n", 1, random);
}

Texts random_numbers(std::size_t count) {
  std::mt19937 random(1);
  Texts texts;
  while (texts.size() < count) texts.push_back(random_number(random));
  return texts;
}

}  // namespace

TEST_CASE("booleans are equal as PostgreSQL has it, whatever they are spelled") {
  Texts texts;
  for (const std::string word : {"true", "false", "yes", "no", "on", "off", "1", "0"})
    for (std::size_t length = 0; length <= word.size(); ++length) {
      texts.push_back(word.substr(0, length));
      texts.push_back(" " + word.substr(0, length) + "\n");
      texts.push_back(word.substr(0, length) + "x");
    }
  for (const std::string text :
       {"TRUE", "False", "tRuE", "Y", "OF", "2", "00", "-1", "t f", "\u00a0t", "\uff54"})
    texts.push_back(text);
  check_type(KeyType::boolean, "boolean", texts);
}

TEST_CASE("numbers are equal as PostgreSQL has it, whatever they are spelled") {
  Texts texts = random_numbers(400);
  for (const std::string text : {"9223372036854775807",
                                 "9223372036854775807.000",
                                 "9223372036854775808",
                                 "92233720368547758080e-1",
                                 "-9223372036854775808",
                                 "-9223372036854775809",
                                 "1e18",
                                 "1000000000000000000",
                                 "1e19",
                                 "10000000000000000000.0",
                                 "0",
                                 "-0",
                                 "-0.000",
                                 "0e10",
                                 "1e131071",
                                 "10e131070",
                                 "1e-16383",
                                 "0.1e-16382",
                                 "NaN",
                                 " nan ",
                                 "Infinity",
                                 "inf",
                                 "+inf",
                                 "-inf",
                                 "-Infinity",
                                 "+infinity",
                                 "infin",
                                 "+nan",
                                 "-nan",
                                 "nan1",
                                 "1e",
                                 "1e+",
                                 "e1",
                                 "1.2.3",
                                 "--1",
                                 "0x10",
                                 "1_000",
                                 "1,5",
                                 "\uff11",
                                 "123456789012345678901234567890",
                                 "123456789012345678901234567890.0"})
    texts.push_back(text);
  check_type(KeyType::numeric, "numeric", texts);
}

TEST_CASE("a whole number has the bytes of the integer that PostgreSQL takes for equal") {
  Judge judge;
  const Texts texts{"0", "-0.0", "5.00", "5", "1e3", "-12", "9223372036854775807", "-9223372036854775808"};
  const auto integers = judge.stored(texts, "numeric::bigint");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(texts[i]);
    REQUIRE(integers[i]);
    CHECK(canonical_bytes(KeyType::numeric, texts[i]) == canonical_bytes(KeyType::integer, *integers[i]));
  }
}

TEST_CASE("numbers are rounded as a column of numeric(p, s) rounds them") {
  Judge judge;
  const Texts texts = random_numbers(400);
  for (const auto& [type, scale] : std::vector<std::pair<std::string, std::int64_t>>{{"numeric(10,2)", 2},
                                                                                     {"numeric(5)", 0},
                                                                                     {"numeric(4,-2)", -2},
                                                                                     {"numeric(3,5)", 5},
                                                                                     {"numeric(20,1)", 1}}) {
    const auto stored = judge.stored(texts, type);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (!stored[i]) continue;  // no number, or too big
      CAPTURE(type);
      CAPTURE(texts[i]);
      CHECK(decimal_text(rounded(read_decimal(texts[i]).value(), scale)) ==
            decimal_text(read_decimal(*stored[i]).value()));
    }
  }
}

TEST_CASE("texts of ASCII are equal as citext has it") {
  std::mt19937 random(2);
  Texts texts;
  for (int i = 0; i < 300; ++i) texts.push_back(some_of("aAkKiIzZ@[`{ ", 2, random));
  check_type(KeyType::citext, "citext", texts);
}

TEST_CASE("keys of two columns are equal as PostgreSQL has it, wherever one column ends") {
  std::mt19937 random(3);
  const auto texts_of = [&](auto make) {
    Texts texts;
    for (int i = 0; i < 250; ++i) texts.push_back(make());
    return texts;
  };
  const auto text = [&] { return some_of("ab ", 3, random); };
  const auto number = [&] {
    return some_of("-", 1, random) + std::to_string(random() % 3) + (random() % 2 ? ".0" : "");
  };
  const auto integer = [&] { return some_of(" ", 1, random) + std::to_string(random() % 20); };
  const auto flag = [&] { return std::string(random() % 2 ? "yes" : "f"); };
  const Texts a = texts_of(text), b = texts_of(text), numbers = texts_of(number);
  check_rows(KeyType::text, "text", KeyType::text, "text", a, b);
  check_rows(KeyType::character, "char(3)", KeyType::text, "text", a, b);
  check_rows(KeyType::citext, "citext", KeyType::character, "char(3)", a, b);
  check_rows(KeyType::numeric, "numeric", KeyType::text, "text", numbers, b);
  check_rows(KeyType::integer, "bigint", KeyType::numeric, "numeric", texts_of(integer), numbers);
  check_rows(KeyType::boolean, "boolean", KeyType::integer, "integer", texts_of(flag), texts_of(integer));
}

TEST_CASE("under some locales not even letters of ASCII are equal as under others") {
  Judge::server().run_sql(
      "CREATE DATABASE turkish TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu "
      "ICU_LOCALE 'tr-TR'");
  Judge::server().run_sql("CREATE EXTENSION citext", "turkish");
  Judge judge("turkish");
  CHECK(judge.is_true("'I'::citext <> 'i'::citext"));
  CHECK(judge.is_true("'\u212a'::citext = 'k'::citext"));  // the sign for kelvin, which is no key
  CHECK(judge.is_true("lower('ABCDEFGHIJKLMNOPQRSTUVWXYZ') <> 'abcdefghijklmnopqrstuvwxyz'"));
  CHECK(Judge().is_true("lower('ABCDEFGHIJKLMNOPQRSTUVWXYZ') = 'abcdefghijklmnopqrstuvwxyz'"));
}

}  // namespace shardplex::test
