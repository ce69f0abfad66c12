#include "query/catalogue/computed_columns.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

const ComputedColumn label = computed(column("label", "text", "text"));

ComputedColumn stable(ComputedColumn made) {
  made.volatility = Volatility::stable;
  return made;
}

Table movies_with(std::vector<ComputedColumn> made) {
  Table table = movies();
  table.computed = std::move(made);
  return table;
}

struct Combined {
  Table served;
  std::vector<std::string> warnings;

  bool warns_of(std::string_view text) const {
    return std::ranges::any_of(
        warnings, [&](const std::string& warning) { return warning.find(text) != std::string::npos; });
  }
};

/// What alpha and beta serve together where the map declares these.
Combined combined_of(const Table& on_alpha, const Table& on_beta, std::vector<std::string> declared = {}) {
  const std::string alpha = "alpha", beta = "beta";
  const TablePlacement placement{"movies", false, GroupId{0}, "id", std::move(declared)};
  Combined out{on_alpha, {}};
  combine_computed(placement, {{alpha, &on_alpha}, {beta, &on_beta}}, out.served, out.warnings);
  return out;
}

}  // namespace

TEST_CASE("a function of a row that depends on the row alone is served where all shards have it") {
  const auto table = movies_with({label});
  const auto both = combined_of(table, table);
  CHECK(both.warnings.empty());
  REQUIRE(both.served.find_computed("label"));
  CHECK(*both.served.find_computed("label") == label);
  CHECK(both.served.find_readable("label")->is_computed());
  CHECK(both.served.find_column("label") == nullptr);
  CHECK_FALSE(both.served.find_readable("name")->is_computed());
  CHECK(both.served.find_readable("nothing") == nullptr);
}

TEST_CASE("a stable function of a row is served where the map declares it") {
  const auto table = movies_with({stable(label)});
  const auto declared = combined_of(table, table, {"label"});
  CHECK(declared.served.find_computed("label")->refused.empty());
  CHECK(declared.warnings.empty());
  const auto undeclared = combined_of(table, table, {"name"});
  const auto* refused = undeclared.served.find_computed("label");
  CHECK(refused->refused ==
        "The function public.label(movies) is STABLE, so it could read tables, and the map does not say that "
        "the row's shard has what it reads.");
  CHECK(refused->works.starts_with("Write computed: [label] at movies in the map"));
  CHECK(undeclared.warns_of("movies: computed column label is not served: The function"));
}

TEST_CASE("a volatile function of a row, and one that returns a set, are refused though they are declared") {
  auto restless = label, set = label;
  restless.volatility = Volatility::volatile_;
  set.returns_set = true;
  for (const auto& [made, why] : {std::pair{restless, "VOLATILE"}, std::pair{set, "returns a set"}}) {
    const auto table = movies_with({made});
    const auto both = combined_of(table, table, {"label"});
    CHECK(both.served.find_computed("label")->refused.find(why) != std::string::npos);
    CHECK_FALSE(both.served.find_computed("label")->works.empty());
    if (made.volatility == Volatility::volatile_)
      CHECK(both.served.find_computed("label")->works.starts_with(
          "ALTER FUNCTION public.label(movies) IMMUTABLE on every shard"));
    CHECK(both.warns_of(why));
  }
}

TEST_CASE("a function of a row that is not the same on two shards carries the conflict, alone") {
  const auto other = computed(column("other", "text", "text"));
  const auto conflict = [&](std::vector<ComputedColumn> on_beta) {
    const auto both = combined_of(movies_with({label, other}), movies_with(std::move(on_beta)));
    CHECK(both.served.find_computed("other")->column.conflict.empty());
    const auto* found = both.served.find_computed("label");
    CHECK(found->refused.empty());
    CHECK(both.warns_of(found->column.conflict));
    return found->column.conflict;
  };
  CHECK(conflict({computed(column("label", "integer", "int4")), other}) ==
        "column label is text collate C.UTF-8 on alpha and integer on beta");
  auto otherwise = label;
  otherwise.definition = "as elsewhere";
  CHECK(conflict({otherwise, other}) ==
        "function public.label(movies) is defined otherwise on beta than on alpha");
  CHECK(conflict({other}) == "function public.label(movies) is missing on beta");
  const auto reversed = combined_of(movies_with({}), movies_with({label}));
  CHECK(reversed.served.find_computed("label")->column.conflict ==
        "function public.label(movies) is missing on alpha");
}

TEST_CASE("a column is what its name means, and a declared function has to be there") {
  auto with_column = movies_with({});
  with_column.columns.push_back(column("label", "text", "text"));
  const auto one = combined_of(with_column, with_column, {"label", "gone"});
  CHECK(one.served.find_computed("label") == nullptr);
  CHECK(one.warns_of("computed column gone is in the map, and no function"));
}

TEST_CASE("computed columns are combined with their tables, and stand in the way of none") {
  ShardCatalogue alpha;
  for (const auto& table : {movies_with({label}), ratings(), genres()}) alpha.tables[table.name] = table;
  alpha.server_encoding = "UTF8";
  alpha.default_collation = "C.UTF-8";
  auto beta = alpha;
  beta.tables.at("movies").computed.clear();
  const auto catalogue = combine(hash_map(), {{"alpha", alpha}, {"beta", beta}});
  REQUIRE(catalogue.find("movies"));
  CHECK(catalogue.not_alike("movies") == nullptr);
  CHECK_FALSE(catalogue.find("movies")->find_computed("label")->column.conflict.empty());
}
