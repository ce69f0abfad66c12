#include "query/engine/sorted_merge.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

using namespace shardplex;

namespace {

const MergeKey by_text{SortKind::text, false, false, {}};

/// "a1": sorts by its first letter only.
Row row(const std::string& text) {
  return {text, {text.substr(0, 1)}};
}

/// Feeds whole inputs, as a router does that has all the answers; the json of the merged rows.
std::vector<std::string> merged(const std::vector<std::vector<std::string>>& inputs, std::uint64_t offset = 0,
                                std::optional<std::uint64_t> limit = std::nullopt) {
  SortedMerge merge({by_text}, inputs.size(), offset, limit);
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    for (const auto& text : inputs[input]) merge.push(input, row(text));
    merge.finish(input);
  }
  std::vector<std::string> out;
  for (;;) {
    auto next = merge.next();
    if (std::holds_alternative<SortedMerge::Done>(next)) return out;
    REQUIRE(std::holds_alternative<Row>(next));
    out.push_back(std::get<Row>(next).json);
  }
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("sorted inputs become one sorted output") {
  CHECK(merged({{"a1", "c1", "e1"}, {"b2", "d2"}, {"a3", "f3"}}) ==
        Texts{"a1", "a3", "b2", "c1", "d2", "e1", "f3"});
}

TEST_CASE("equal rows come in the order of their inputs") {
  CHECK(merged({{"a1", "a2"}, {"a3"}, {"a4", "b5"}}) == Texts{"a1", "a2", "a3", "a4", "b5"});
}

TEST_CASE("empty inputs add nothing") {
  CHECK(merged({}) == Texts{});
  CHECK(merged({{}, {}, {}}) == Texts{});
  CHECK(merged({{}, {"a1"}, {}}) == Texts{"a1"});
}

TEST_CASE("offset and limit count merged rows") {
  const std::vector<Texts> inputs{{"a1", "c1", "e1"}, {"b2", "d2"}};
  CHECK(merged(inputs, 1) == Texts{"b2", "c1", "d2", "e1"});
  CHECK(merged(inputs, 1, 2) == Texts{"b2", "c1"});
  CHECK(merged(inputs, 0, 0) == Texts{});
  CHECK(merged(inputs, 4, 10) == Texts{"e1"});
  CHECK(merged(inputs, 5) == Texts{});
  CHECK(merged(inputs, std::numeric_limits<std::uint64_t>::max(), 1) == Texts{});
}

TEST_CASE("a limit of no rows is done before any input is fed") {
  SortedMerge merge({by_text}, 2, 0, 0);
  CHECK(std::holds_alternative<SortedMerge::Done>(merge.next()));
}

TEST_CASE("no row is yielded before every input has shown its first") {
  SortedMerge merge({by_text}, 2, 0, std::nullopt);
  merge.push(0, row("a1"));
  auto next = merge.next();
  REQUIRE(std::holds_alternative<SortedMerge::Needs>(next));
  CHECK(std::get<SortedMerge::Needs>(next).input == 1);
  merge.finish(1);
  next = merge.next();
  REQUIRE(std::holds_alternative<Row>(next));
  CHECK(std::get<Row>(next).json == "a1");
}

TEST_CASE("an input that ran dry is asked for by name, as often as it takes") {
  SortedMerge merge({by_text}, 2, 0, std::nullopt);
  merge.push(0, row("b0"));
  merge.push(1, row("a1"));
  CHECK(std::get<Row>(merge.next()).json == "a1");
  for (int i = 0; i < 2; ++i) CHECK(std::get<SortedMerge::Needs>(merge.next()).input == 1);
  merge.push(1, row("c1"));
  CHECK(std::get<Row>(merge.next()).json == "b0");
  CHECK(std::get<SortedMerge::Needs>(merge.next()).input == 0);
  merge.finish(0);
  CHECK(std::get<Row>(merge.next()).json == "c1");
  CHECK(std::get<SortedMerge::Needs>(merge.next()).input == 1);
  merge.finish(1);
  CHECK(std::holds_alternative<SortedMerge::Done>(merge.next()));
}

TEST_CASE("once the limit is reached no input is asked for more") {
  SortedMerge merge({by_text}, 2, 0, 1);
  merge.push(0, row("b0"));
  merge.push(1, row("a1"));
  CHECK(std::get<Row>(merge.next()).json == "a1");
  CHECK(std::holds_alternative<SortedMerge::Done>(merge.next()));
}

TEST_CASE("rows without keys come input by input") {
  SortedMerge merge({}, 2, 0, std::nullopt);
  for (std::size_t input = 0; input < 2; ++input) {
    merge.push(input, {std::to_string(input), {}});
    merge.finish(input);
  }
  CHECK(std::get<Row>(merge.next()).json == "0");
  CHECK(std::get<Row>(merge.next()).json == "1");
}

TEST_CASE("random inputs, fed as they are asked for, merge as a stable sort of all rows") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const MergeKey first{SortKind::text, random() % 2 == 0, random() % 2 == 0, {}};
    const MergeKey second{SortKind::text, random() % 2 == 0, random() % 2 == 0, {}};
    const auto sorts_before = [&](const Row& a, const Row& b) {
      const int order = compare_keys(first, a.keys[0], b.keys[0]);
      return (order != 0 ? order : compare_keys(second, a.keys[1], b.keys[1])) < 0;
    };
    const auto any_key = [&]() -> std::optional<std::string> {
      if (random() % 5 == 0) return std::nullopt;
      return std::string(1, static_cast<char>('a' + random() % 4));
    };

    std::vector<std::vector<Row>> inputs(1 + random() % 6);
    std::vector<Row> expected;
    for (auto& rows : inputs) {
      for (std::size_t i = random() % 12; i > 0; --i)
        rows.push_back({std::to_string(random()), {any_key(), any_key()}});
      std::ranges::stable_sort(rows, sorts_before);
      expected.insert(expected.end(), rows.begin(), rows.end());
    }
    std::ranges::stable_sort(expected, sorts_before);
    const std::uint64_t offset = random() % 3 == 0 ? random() % 20 : 0;
    const std::optional<std::uint64_t> limit =
        random() % 3 == 0 ? std::optional<std::uint64_t>(random() % 20) : std::nullopt;
    expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                                            offset, expected.size())));
    if (limit) expected.resize(std::min<std::uint64_t>(*limit, expected.size()));

    SortedMerge merge({first, second}, inputs.size(), offset, limit);
    std::vector<std::size_t> fed(inputs.size());
    std::vector<std::string> actual;
    for (auto next = merge.next(); !std::holds_alternative<SortedMerge::Done>(next); next = merge.next()) {
      if (const auto* got = std::get_if<Row>(&next)) {
        actual.push_back(got->json);
        continue;
      }
      const std::size_t input = std::get<SortedMerge::Needs>(next).input;
      const std::size_t window = 1 + random() % 3;
      for (std::size_t i = 0; i < window && fed[input] < inputs[input].size(); ++i)
        merge.push(input, inputs[input][fed[input]++]);
      if (fed[input] == inputs[input].size()) merge.finish(input);
    }
    std::vector<std::string> wanted;
    for (const auto& each : expected) wanted.push_back(each.json);
    REQUIRE(actual == wanted);
  }
}
