#include "query/engine/sorted_page.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "query/engine/lookup_keys.hpp"

using namespace shardplex;

namespace {

using Keys = std::vector<std::optional<std::uint32_t>>;

/// By the second value, descending, nulls last; then by the first.
SortPlan by_second(RowPage page) {
  return {{{{SortKind::int4, true, false, {}}, 1}, {{SortKind::int4, false, false, {}}, 0}}, page};
}

Row row_of(const Keys& keys, const std::string& text) {
  Row row{text, {}};
  for (const auto& key : keys) row.keys.push_back(key ? std::optional(number_value(*key)) : std::nullopt);
  return row;
}

std::vector<std::string> page_of(const std::vector<Keys>& rows, RowPage page) {
  SortedPage sorted(by_second(page));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto error = sorted.add(row_of(rows[i], std::to_string(i)));
    CHECK_FALSE(error);
  }
  std::vector<std::string> out;
  for (const auto& row : sorted.take()) out.push_back(row.json);
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("rows come by their keys, and then as they came") {
  const std::vector<Keys> rows{{1, 5}, {2, std::nullopt}, {3, 7}, {0, 5}, {1, 5}};
  CHECK(page_of(rows, {}) == Texts{"2", "3", "0", "4", "1"});
  CHECK(page_of(rows, {1, 2, false}) == Texts{"3", "0"});
  CHECK(page_of(rows, {4, 9, false}) == Texts{"1"});
  CHECK(page_of(rows, {3, std::nullopt, false}) == Texts{"4", "1"});
  CHECK(page_of(rows, {5, 1, false}).empty());
  CHECK(page_of(rows, {0, 0, false}).empty());
  CHECK(page_of(rows, {2, UINT64_MAX, false}) == Texts{"0", "4", "1"});
  CHECK(page_of({}, {0, 3, false}).empty());
}

TEST_CASE("a page of each key is cut out of the rows that have it") {
  const auto of_keys = [](RowPage page) {
    SortedPage sorted(
        {{{{SortKind::int4, false, false, {}}, 0}, {{SortKind::int4, true, false, {}}, 1}}, page});
    const std::vector<Keys> rows{{0, 5}, {0, 7}, {0, 6}, {1, 1}, {3, 2}, {3, std::nullopt}, {3, 9}};
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK_FALSE(sorted.add(row_of(rows[i], std::to_string(i))));
    Texts out;
    for (const auto& row : sorted.take()) out.push_back(row.json);
    return out;
  };
  CHECK(of_keys({0, std::nullopt, true}) == Texts{"1", "2", "0", "3", "6", "4", "5"});
  CHECK(of_keys({0, 2, true}) == Texts{"1", "2", "3", "6", "4"});
  CHECK(of_keys({1, 1, true}) == Texts{"2", "4"});
  CHECK(of_keys({3, 5, true}).empty());
  CHECK(of_keys({0, 0, true}).empty());
}

TEST_CASE("a page is the same part of the order, however little is kept") {
  std::mt19937 random(11);
  for (int i = 0; i < 200; ++i) {
    std::vector<Keys> rows(random() % 30);
    for (auto& keys : rows) {
      keys = {static_cast<std::uint32_t>(random() % 4), static_cast<std::uint32_t>(random() % 4)};
      if (random() % 5 == 0) keys[1].reset();
    }
    const auto all = page_of(rows, {});
    REQUIRE(all.size() == rows.size());
    const auto offset = std::min<std::size_t>(random() % 10, all.size());
    const auto limit = std::min<std::size_t>(random() % 10, all.size() - offset);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(offset);
    CHECK(page_of(rows, {offset, limit, false}) == Texts(begin, begin + static_cast<std::ptrdiff_t>(limit)));
  }
}

TEST_CASE("only the rows up to the page's end are held, and not more than may be looked through are taken") {
  SortedPage sorted(by_second({1, 2, false}));
  std::size_t most = 0;
  for (std::uint64_t i = 0; i < SortedPage::most_rows; ++i) {
    REQUIRE_FALSE(sorted.add(row_of({1, static_cast<std::uint32_t>(i % 1000)}, "row")));
    most = std::max(most, sorted.bytes());
  }
  CHECK(most <= 3 * weight(row_of({1, 1}, "row")));
  const auto error = sorted.add(row_of({1, 1}, "row"));
  REQUIRE(error);
  CHECK(error->code == "SHARD400");
}
