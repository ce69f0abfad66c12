#include "query/engine/concatenate.hpp"

#include <doctest/doctest.h>

#include "tests/query/engine/rows.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

Texts concatenated(const std::vector<Texts>& inputs, std::size_t window = 1) {
  Concatenate rows(inputs.size());
  return answer_of(rows, inputs, window);
}

}  // namespace

TEST_CASE("the rows of each input come in its own order, one input after the other") {
  for (const std::size_t window : {1u, 2u, 9u}) {
    CAPTURE(window);
    CHECK(concatenated({{"c", "a"}, {"b"}, {"a", "z", "a"}}, window) == Texts{"c", "a", "b", "a", "z", "a"});
  }
}

TEST_CASE("equal rows of several inputs all come") {
  CHECK(concatenated({{"a", "a"}, {"a"}}) == Texts{"a", "a", "a"});
}

TEST_CASE("inputs without rows add nothing to a concatenation") {
  CHECK(concatenated({}) == Texts{});
  CHECK(concatenated({{}, {}}) == Texts{});
  CHECK(concatenated({{}, {"a"}, {}}) == Texts{"a"});
}

TEST_CASE("an input is not asked for before those in front of it have been given whole") {
  Concatenate rows(2);
  CHECK(needed(rows) == 0);
  rows.push(0, row("b", 0));
  CHECK(next_row(rows) == "b");
  CHECK(needed(rows) == 0);
  rows.finish(0);
  CHECK(needed(rows) == 1);
  rows.finish(1);
  CHECK(is_done(rows));
  CHECK(is_done(rows));
}

TEST_CASE("a concatenation fails with its first failed input, and goes on failing") {
  CHECK(concatenated({{"a", "!"}, {"b"}}) == Texts{"a", "!"});
  CHECK(concatenated({{"!"}}) == Texts{"!"});
  Concatenate rows(2);
  rows.push(0, row("a", 0));
  rows.fail(1, Error{"SHARD503", "first", {}, {}, {}});
  rows.fail(0, Error{"SHARD504", "second", {}, {}, {}});
  for (int i = 0; i < 2; ++i) CHECK(std::get<Error>(rows.next()).message == "first");
}
