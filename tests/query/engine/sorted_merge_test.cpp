#include "query/engine/sorted_merge.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "query/engine/slice.hpp"
#include "tests/query/engine/rows.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

const MergeKey by_text{SortKind::text, false, false, {}};

Texts merged(const std::vector<Texts>& inputs, std::size_t window = 1) {
  SortedMerge merge({by_text}, inputs.size());
  return answer_of(merge, inputs, window);
}

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

TEST_CASE("whole inputs merge as inputs fed row by row do") {
  CHECK(merged({{"a1", "c1", "e1"}, {"b2", "d2"}, {"a3", "f3"}}, 100) ==
        Texts{"a1", "a3", "b2", "c1", "d2", "e1", "f3"});
}

TEST_CASE("a merge fails as soon as an input fails, and goes on failing") {
  CHECK(merged({{"a1", "!"}, {"b2"}}) == Texts{"a1", "!"});
  CHECK(merged({{"a1", "c1"}, {"!"}}) == Texts{"!"});
  SortedMerge merge({by_text}, 2);
  merge.push(0, row("a1"));
  merge.fail(1, Error{"SHARD503", "first", {}, {}, {}});
  for (int i = 0; i < 2; ++i) CHECK(std::get<Error>(merge.next()).message == "first");
}

TEST_CASE("no row is yielded before every input has shown its first") {
  SortedMerge merge({by_text}, 2);
  merge.push(0, row("a1"));
  auto next = merge.next();
  REQUIRE(std::holds_alternative<RowOperator::Needs>(next));
  CHECK(std::get<RowOperator::Needs>(next).input == 1);
  merge.finish(1);
  next = merge.next();
  REQUIRE(std::holds_alternative<Row>(next));
  CHECK(std::get<Row>(next).json == "a1");
}

TEST_CASE("an input that ran dry is asked for by name, as often as it takes") {
  SortedMerge merge({by_text}, 2);
  merge.push(0, row("b0"));
  merge.push(1, row("a1"));
  CHECK(std::get<Row>(merge.next()).json == "a1");
  for (int i = 0; i < 2; ++i) CHECK(std::get<RowOperator::Needs>(merge.next()).input == 1);
  merge.push(1, row("c1"));
  CHECK(std::get<Row>(merge.next()).json == "b0");
  CHECK(std::get<RowOperator::Needs>(merge.next()).input == 0);
  merge.finish(0);
  CHECK(std::get<Row>(merge.next()).json == "c1");
  CHECK(std::get<RowOperator::Needs>(merge.next()).input == 1);
  merge.finish(1);
  CHECK(std::holds_alternative<RowOperator::Done>(merge.next()));
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

    Slice merge(std::make_unique<SortedMerge>(std::vector{first, second}, inputs.size()), offset, limit);
    std::vector<std::size_t> fed(inputs.size());
    std::vector<std::string> actual;
    for (auto next = merge.next(); !std::holds_alternative<RowOperator::Done>(next); next = merge.next()) {
      if (const auto* got = std::get_if<Row>(&next)) {
        actual.push_back(got->json);
        continue;
      }
      const std::size_t input = std::get<RowOperator::Needs>(next).input;
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

TEST_CASE("a value that is none of its key's kind fails the merge, and not the process") {
  SortedMerge merge({{SortKind::int4, false, false, {}}}, 2);
  merge.push(0, Row{"{}", {std::string("\0\0\0\1", 4)}});
  merge.push(1, Row{"{}", {std::string("abc")}});
  CHECK(std::get<Error>(merge.next()).code == "SHARD503");
}
