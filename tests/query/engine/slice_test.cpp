#include "query/engine/slice.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <optional>

#include "query/engine/concatenate.hpp"
#include "query/engine/sorted_merge.hpp"
#include "tests/query/engine/rows.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Slice slice_of(std::size_t inputs, std::uint64_t offset, std::optional<std::uint64_t> limit) {
  std::vector<MergeKey> by_text{{SortKind::text, false, false, {}}};
  return {std::make_unique<SortedMerge>(std::move(by_text), inputs), offset, limit};
}

Texts sliced(const std::vector<Texts>& inputs, std::uint64_t offset,
             std::optional<std::uint64_t> limit = std::nullopt) {
  auto slice = slice_of(inputs.size(), offset, limit);
  return answer_of(slice, inputs);
}

std::optional<std::uint64_t> rows_needed(RowOperator& rows) {
  const auto step = rows.next();
  REQUIRE(std::holds_alternative<RowOperator::Needs>(step));
  return std::get<RowOperator::Needs>(step).rows;
}

constexpr auto most = std::numeric_limits<std::uint64_t>::max();

}  // namespace

TEST_CASE("offset and limit count the rows of all inputs together") {
  const std::vector<Texts> inputs{{"a1", "c1", "e1"}, {"b2", "d2"}};
  CHECK(sliced(inputs, 0) == Texts{"a1", "b2", "c1", "d2", "e1"});
  CHECK(sliced(inputs, 1) == Texts{"b2", "c1", "d2", "e1"});
  CHECK(sliced(inputs, 1, 2) == Texts{"b2", "c1"});
  CHECK(sliced(inputs, 0, 0) == Texts{});
  CHECK(sliced(inputs, 4, 10) == Texts{"e1"});
  CHECK(sliced(inputs, 5) == Texts{});
  CHECK(sliced(inputs, most, 1) == Texts{});
}

TEST_CASE("empty inputs leave nothing to slice") {
  CHECK(sliced({}, 1, 2) == Texts{});
  CHECK(sliced({{}, {}}, 0, 2) == Texts{});
}

TEST_CASE("a limit of no rows is done before any input is fed") {
  auto slice = slice_of(2, 0, 0);
  CHECK(is_done(slice));
}

TEST_CASE("once the limit is reached no input is asked for more") {
  auto slice = slice_of(2, 0, 1);
  slice.push(0, row("b0"));
  slice.push(1, row("a1"));
  CHECK(next_row(slice) == "a1");
  CHECK(is_done(slice));
}

TEST_CASE("an input that fails before the limit fails the answer, one that fails after it does not") {
  CHECK(sliced({{"a1", "!"}, {"b2"}}, 0, 2) == Texts{"a1", "!"});
  CHECK(sliced({{"a1", "!"}, {"b2"}}, 0, 1) == Texts{"a1"});
}

TEST_CASE("a needed input is told how many of its rows can matter") {
  auto slice = slice_of(1, 3, 2);
  CHECK(rows_needed(slice) == 5);
  for (const auto* text : {"a1", "b1", "c1", "d1"}) slice.push(0, row(text));
  CHECK(next_row(slice) == "d1");
  CHECK(rows_needed(slice) == 1);
  auto unlimited = slice_of(1, 3, std::nullopt);
  CHECK(rows_needed(unlimited) == std::nullopt);
  auto huge = slice_of(1, 3, most);
  CHECK(rows_needed(huge) == most);
}

TEST_CASE("rows carry the keys that the sliced operator wants") {
  CHECK(slice_of(1, 0, 1).key_count(0) == 1);
  CHECK(Slice(std::make_unique<Concatenate>(1), 0, 1).key_count(0) == 0);
}
