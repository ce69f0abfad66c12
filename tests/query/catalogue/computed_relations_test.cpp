#include "query/catalogue/computed_relations.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue_of_schema.hpp"
#include "query/catalogue/find_relation.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

const ComputedRelation votes = gives_rows("votes", "ratings"), kind = gives_rows("kind", "genres");

ShardMap map_with(std::vector<MapFunction> functions, std::size_t shards = 3) {
  auto all = three_shards();
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(shards), all.end());
  auto groups = hash_map().groups();
  if (shards == 1) groups.front().placement.assign(1024, ShardId{0});
  return ShardMap("movies", std::move(all), std::move(groups), hash_map().tables(), {}, {},
                  std::move(functions));
}

const std::vector<MapFunction> votes_any{{"votes", MapFunction::Runs::any}};

Table table_giving(Table table, std::vector<ComputedRelation> made) {
  table.computed_relations = std::move(made);
  return table;
}

/// What alpha and beta serve together.
struct CombinedRelations {
  Table served;
  std::vector<std::string> warnings;

  const ComputedRelation& the(std::string_view name) const {
    const auto* found = served.find_computed_relation(name);
    REQUIRE(found != nullptr);
    return *found;
  }
};

CombinedRelations combined_relations(const ShardMap& map, const Table& on_alpha, const Table& on_beta) {
  const std::string alpha = "alpha", beta = "beta";
  CombinedRelations out{on_alpha, {}};
  combine_computed_relations(*map.find_placement(on_alpha.name), map, {{alpha, &on_alpha}, {beta, &on_beta}},
                             out.served, out.warnings);
  return out;
}

CombinedRelations combined_relations(const ShardMap& map, const Table& on_both) {
  return combined_relations(map, on_both, on_both);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string code_of(const Catalogue& catalogue, const char* table, const char* target) {
  const Relations relations(catalogue);
  const auto found = find_relation(relations, *catalogue.find(table), target, {});
  return found ? "" : found.error().code;
}

}  // namespace

TEST_CASE("rows of a reference table are given on every shard") {
  const auto both = combined_relations(map_with({}), table_giving(movies(), {kind}));
  CHECK(both.warnings.empty());
  CHECK(both.the("kind") == kind);
  CHECK(both.the("kind").is_served());
  CHECK(both.the("kind").given == GivenRows::all);
}

TEST_CASE("rows of a sharded table are given where the map declares the function any, of the row's slot") {
  const auto both = combined_relations(map_with(votes_any), table_giving(movies(), {votes}));
  CHECK(both.warnings.empty());
  CHECK(both.the("votes").is_served());
  CHECK(both.the("votes").given == GivenRows::of_own_slot);
}

TEST_CASE("the one shard of a map gives all rows that it owns") {
  const auto map = map_with({}, 1);
  const auto of_film = combined_relations(map, table_giving(movies(), {votes}));
  CHECK(of_film.the("votes").is_served());
  CHECK(of_film.the("votes").given == GivenRows::owned);
  CHECK(of_film.the("votes").group == "catalog");
  CHECK(combined_relations(map, table_giving(genres(), {votes})).the("votes").given == GivenRows::owned);
}

TEST_CASE("a function that cannot be relied on over shards is refused with what to write") {
  struct Refused {
    ShardMap map;
    Table of;
    ComputedRelation made;
    std::string why, works;
  };
  auto restless = kind, nowhere = kind, unknown = kind;
  restless.volatility = Volatility::volatile_;
  nowhere.foreign_table = "";
  unknown.foreign_table = "people";
  const std::vector<Refused> all{
      {map_with({}), movies(), votes, "the map does not say that each shard has those of its own rows",
       "Write votes: any under functions: in the map"},
      {map_with({{"votes", MapFunction::Runs::all}}), movies(), votes, "the map does not say",
       "Write votes: any"},
      {map_with(votes_any), genres(), votes, "need not be on the shard of a row of genres",
       "make ratings a reference table"},
      {map_with({}), movies(), restless, "public.kind(movies) is VOLATILE",
       "ALTER FUNCTION public.kind(movies) STABLE"},
      {map_with({}), movies(), nowhere, "does not give rows of a table or view of the map", "SETOF"},
      {map_with({}), movies(), unknown, "does not give rows of a table or view of the map", "SETOF"},
  };
  for (const auto& [map, of, made, why, works] : all) {
    CAPTURE(why);
    const auto both = combined_relations(map, table_giving(of, {made}));
    const auto& computed = both.the(made.name);
    CHECK(contains(computed.refused, why));
    CHECK(contains(computed.works, works));
    REQUIRE(both.warnings.size() == 1);
    CHECK(contains(both.warnings.front(), "computed relationship " + made.name + " is not served: "));
    const auto error = refused_computed_relation(of, computed);
    CHECK(error.code == "SHARD404");
    CHECK(error.hint == computed.works);
  }
}

TEST_CASE("a function that is not the same on two shards is refused until it is, alone") {
  auto otherwise = kind, to_one = kind;
  otherwise.definition = "as elsewhere";
  to_one.to_one = true;
  const auto with = table_giving(movies(), {kind}), without = table_giving(movies(), {});
  const auto conflict = [](const Table& alpha, const Table& beta) {
    const auto both = combined_relations(map_with({}), alpha, beta);
    CHECK_FALSE(both.the("kind").is_served());
    CHECK(both.warnings.size() == 1);
    const auto error = refused_computed_relation(alpha, both.the("kind"));
    CHECK(error.code == "SHARD503");
    return error.details.value();
  };
  const std::string elsewhere = "function public.kind(movies) is defined otherwise on beta than on alpha";
  CHECK(conflict(with, table_giving(movies(), {otherwise})) == elsewhere);
  CHECK(conflict(with, table_giving(movies(), {to_one})) == elsewhere);
  CHECK(conflict(with, without) == "function public.kind(movies) is missing on beta");
  CHECK(conflict(without, with) == "function public.kind(movies) is missing on alpha");
}

TEST_CASE("what is combined of tables has their computed relations") {
  ShardCatalogue shard;
  for (const auto& table : {table_giving(movies(), {kind, votes}), ratings(), genres()})
    shard.tables[table.name] = table;
  shard.server_encoding = "UTF8";
  shard.default_collation = "C.UTF-8";
  const auto catalogue = combine(hash_map(), {{"alpha", shard}, {"beta", shard}});
  REQUIRE(catalogue.find("movies"));
  REQUIRE(catalogue.find("movies")->computed_relations.size() == 2);
  CHECK(catalogue.find("movies")->find_computed_relation("kind")->is_served());
  CHECK_FALSE(catalogue.find("movies")->find_computed_relation("votes")->is_served());
}

TEST_CASE("a function is a relation of its name, in the place of all to a table that is called so") {
  Catalogue catalogue;
  Table films = table_giving(movies(), {kind});
  films.foreign_keys = {{"movies_genre", {"primary_genre"}, "genres", {"name"}}};
  catalogue.tables = {{"movies", films}, {"genres", genres()}};
  const auto found = [&](const char* target, const std::optional<std::string>& hint = {}) {
    const Relations relations(catalogue);
    return *find_relation(relations, *catalogue.find("movies"), target, hint).value();
  };
  CHECK(found("genres").constraint == "movies_genre");
  CHECK(found("kind").function->name == "kind");
  CHECK(found("kind", "whatever").function->schema == "public");
  CHECK(found("kind").foreign_table == "genres");
  CHECK_FALSE(found("kind").is_to_one());
  auto& computed = catalogue.tables.at("movies").computed_relations.front();
  computed.to_one = true;
  CHECK(found("kind").is_to_one());
  CHECK(code_of(catalogue, "genres", "kind") == "PGRST200");

  computed.name = "genres";
  CHECK(found("genres").function);
  CHECK(code_of(catalogue, "movies", "movies_genre") == "PGRST200");
  CHECK(code_of(catalogue, "movies", "primary_genre") == "PGRST200");
  CHECK(code_of(catalogue, "genres", "movies").empty());

  // The name of a key means both.
  computed.name = "primary_genre";
  CHECK(code_of(catalogue, "movies", "primary_genre") == "PGRST201");
  CHECK(found("genres").constraint == "movies_genre");
  computed.refused = "It is not served.";
  CHECK(found("primary_genre").constraint == "movies_genre");
}

TEST_CASE("a function is a relation within a schema") {
  Catalogue catalogue;
  Table films = table_giving(
      movies(), {gives_rows("far", "genres"), gives_rows("lost", ""), gives_rows("near", "b.movies")});
  films.name = "b.movies";
  films.schema = "b";
  catalogue.tables["b.movies"] = films;
  const ShardMap map("movies", three_shards(), hash_map().groups(), {{"b.movies", false, GroupId{0}, "id"}},
                     {});
  const auto part = catalogue_of_schema(catalogue, map, "b");
  const auto& made = part.find("movies")->computed_relations;
  REQUIRE(made.size() == 2);
  CHECK(made[0].name == "lost");
  CHECK(made[1].name == "near");
  CHECK(made[1].foreign_table == "movies");
}
