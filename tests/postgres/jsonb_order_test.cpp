// The router's order of jsonb, against PostgreSQL's.
#include "query/engine/jsonb_order.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "query/engine/jsonb_tokens.hpp"
#include "query/plan/sql.hpp"
#include "tests/postgres/sample_values.hpp"
#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

/// Values of few kinds, so that many of them are equal in part.
class RandomJson {
 public:
  explicit RandomJson(std::mt19937_64& random) : random_(random) {}

  std::string value(int depth) {
    switch (below(depth > 0 ? 7 : 4)) {
      case 0:
        return pick({"null", "true", "false"});
      case 1:
      case 2:
        return string();
      case 3:
        return pick({"0", "-0", "0.00", "1", "1.0", "1.05", "-1", "-1.50", "-1.5", "9", "10", "10.1", "1e3",
                     "-1e3", "1e-7", "99999999999999999999", "99999999999999999999.5", "123456.789"});
      case 4:
      case 5:
        return '[' + members(depth, false) + ']';
      default:
        return '{' + members(depth, true) + '}';
    }
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  std::string pick(const std::vector<std::string>& all) { return all[below(all.size())]; }

  std::string string() {
    return pick({R"("")", R"("a")", R"("A")", R"("ab")", R"("b")", R"("é")", R"("\n")", R"("\t")",
                 R"("\u0001")", R"("\u001f")", R"(" ")", R"("\"")", R"("\\")", R"("\\n")", R"("/")",
                 R"("\u007f")", R"("\u20ac")", R"("🎬")", R"("a\u000bb")"});
  }

  std::string members(int depth, bool with_keys) {
    std::string out;
    for (std::size_t count = below(4); count > 0; --count) {
      if (!out.empty()) out += ',';
      if (with_keys) out += string() + ':';
      out += value(depth - 1);
    }
    return out;
  }

  std::mt19937_64& random_;
};

}  // namespace

TEST_CASE("values of jsonb compare as PostgreSQL compares them") {
  const auto seed = sample_seed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  RandomJson json(random);
  constexpr int rounds = 5, values = 150;
  Worker worker(shared_server());  // its default collation is bytewise
  for (int round = 0; round < rounds; ++round) {
    std::string rows = "('[]'::jsonb)";
    for (int i = 1; i < values; ++i) rows += ", (" + quote_literal(json.value(3)) + "::jsonb)";
    // Every pair, both ways round.
    const auto answer =
        worker.execute("WITH v (v) AS (VALUES " + rows +
                       ") SELECT a.v, b.v, (a.v > b.v)::int - (a.v < b.v)::int FROM v a, v b");
    if (!answer) FAIL(answer.error().message);
    const auto& result = answer->front();
    REQUIRE(result.rows() == values * values);
    for (int row = 0; row < result.rows(); ++row) {
      const auto a = result.bytes(row, 0), b = result.bytes(row, 1);
      REQUIRE(is_jsonb(a));
      const int order = compare_jsonb(a, b);
      const auto expected = result.integer(row, 2);
      if ((order > 0) - (order < 0) == expected) continue;
      CAPTURE(std::string(a.substr(1)));
      CAPTURE(std::string(b.substr(1)));
      CHECK((order > 0) - (order < 0) == expected);
    }
  }
}

}  // namespace shardplex::test
