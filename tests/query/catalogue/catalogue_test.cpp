#include "query/catalogue/catalogue.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "query/plan/sql.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

ShardCatalogue account() {
  ShardCatalogue a;
  for (const auto& table : {movies(), ratings(), genres()}) a.tables[table.name] = table;
  a.server_encoding = "UTF8";
  a.default_collation = "C.UTF-8";
  return a;
}

/// What is served when beta's account is changed by `change`.
template <class Change>
Catalogue with_beta(Change change) {
  ShardCatalogue beta = account();
  change(beta);
  return combine(hash_map(), {{"alpha", account()}, {"beta", beta}, {"gamma", account()}});
}

/// What is served when every account's table movies is changed by `change`.
template <class Change>
Catalogue with_movies(const ShardMap& map, Change change) {
  ShardCatalogue a = account();
  change(a.tables.at("movies"));
  return combine(map, {{"alpha", a}, {"beta", a}});
}

Column& column_of(Table& table, std::string_view name) {
  return *std::ranges::find(table.columns, name, &Column::name);
}

}  // namespace

TEST_CASE("equal shards serve every table of the map") {
  const auto catalogue = with_beta([](ShardCatalogue&) {});
  CHECK(catalogue.refused.empty());
  CHECK(catalogue.bytewise_default_collation);
  REQUIRE(catalogue.find("movies"));
  CHECK(*catalogue.find("movies") == movies());
  CHECK(catalogue.find("ratings"));
  CHECK(catalogue.find("genres"));
}

TEST_CASE("a table outside the map is not served") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) { beta.tables["secrets"] = genres(); });
  CHECK_FALSE(catalogue.find("secrets"));
  CHECK(catalogue.refused.empty());
}

TEST_CASE("type oids and the order of columns may differ, and the first shard's order is kept") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) {
    std::ranges::reverse(beta.tables.at("movies").columns);
    column_of(beta.tables.at("movies"), "mpaa").type_oid = 99'999;
  });
  REQUIRE(catalogue.find("movies"));
  CHECK(catalogue.find("movies")->columns.front().name == "id");
}

TEST_CASE("a difference between shards refuses the table and names both") {
  const auto reason = [](auto change) {
    const auto catalogue = with_beta([&](ShardCatalogue& beta) { change(beta.tables.at("movies")); });
    CHECK_FALSE(catalogue.find("movies"));
    CHECK(catalogue.find("ratings"));
    return catalogue.refused.at("movies");
  };
  CHECK(reason([](Table& t) { column_of(t, "genre").type = "text"; }) ==
        "movies: column genre is text[] on alpha and text on beta");
  CHECK(reason([](Table& t) { t.columns.pop_back(); }) == "movies: column votes is missing on beta");
  CHECK(reason([](Table& t) { t.columns.push_back(column("extra", "text", "text")); }) ==
        "movies: column extra is missing on alpha");
  CHECK(reason([](Table& t) {
          column_of(t, "mpaa").enum_labels = {"PG", "G", "R"};
        }) ==
        "movies: column mpaa is mpaa (public.mpaa) with labels G, PG, R on alpha and mpaa (public.mpaa) with "
        "labels PG, G, R on beta");
  CHECK(reason([](Table& t) { column_of(t, "name") = collated(column("name", "text", "text"), "en_US"); }) ==
        "movies: column name is text collate C.UTF-8 not null on alpha and text collate en_US on beta");
  CHECK(reason([](Table& t) { column_of(t, "votes").has_default = false; }) ==
        "movies: column votes is integer with a default on alpha and integer on beta");
  CHECK(reason([](Table& t) { t.primary_key = {"name"}; }) ==
        "movies: the primary key is (id) on alpha and (name) on beta");
  CHECK(reason([](Table& t) { t.has_slot_column = false; }) ==
        "movies: column shardplex_slot is missing on beta");
  CHECK(reason([](Table& t) {
          t.unique.push_back({"u", {"id", "name"}});
        }) == "movies: unique constraint u is missing on alpha");
  CHECK(reason([](Table& t) {
          t.foreign_keys.push_back({"f", {"primary_genre"}, "genres", {"name"}});
        }) == "movies: foreign key f is missing on alpha");
}

TEST_CASE("every difference is named, not only the first") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) {
    beta.tables.at("movies").columns.pop_back();
    column_of(beta.tables.at("movies"), "genre").type = "text";
  });
  CHECK(catalogue.refused.at("movies") ==
        "movies: column genre is text[] on alpha and text on beta; column votes is missing on beta");
}

TEST_CASE("a table missing on a shard is refused, naming the shard") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) { beta.tables.erase("movies"); });
  CHECK(catalogue.refused.at("movies") == "movies: the table is missing on beta");
}

TEST_CASE("a database that is not in UTF8 serves nothing") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) { beta.server_encoding = "LATIN1"; });
  CHECK(catalogue.tables.empty());
  CHECK(catalogue.refused.at("genres") == "genres: the encoding of beta is LATIN1; it has to be UTF8");
}

TEST_CASE("a table that cannot be sharded as the map says is refused with the reason") {
  const auto reason = [](const ShardMap& map, auto change) {
    const auto catalogue = with_movies(map, change);
    CHECK_FALSE(catalogue.find("movies"));
    return catalogue.refused.at("movies");
  };
  CHECK(reason(hash_map(), [](Table& t) { t.primary_key.clear(); }) == "movies: there is no primary key");
  CHECK(reason(hash_map(), [](Table& t) { t.has_slot_column = false; }) ==
        "movies: there is no column shardplex_slot (integer not null)");
  CHECK(reason(hash_map(), [](Table& t) { t.columns.erase(t.columns.begin()); }) ==
        "movies: there is no column id, which the map makes the shard key");
  CHECK(reason(hash_map(), [](Table& t) { t.columns[0] = column("id", "numeric", "numeric"); }) ==
        "movies: the shard key id is numeric; it has to be an integer type, text, varchar or uuid");
  CHECK(reason(hash_map(), [](Table& t) { t.columns[0].generated = true; }) ==
        "movies: column id routes rows, but PostgreSQL generates it");
  CHECK(reason(hash_map(), [](Table& t) {
          t.columns[0] = collated(column("id", "text", "text"), "und-ci");
          t.columns[0].deterministic_collation = false;
        }) == "movies: column id routes rows, but its collation und-ci is not deterministic");
  CHECK(
      reason(hash_map(), [](Table& t) { t.columns[0] = column("id", "character varying(9)", "varchar"); }) ==
      "movies: column id routes rows, but it is character varying(9), which cuts spaces off; it has to be "
      "text or varchar "
      "without a length");
  CHECK(reason(list_map(), [](Table& t) { column_of(t, "primary_genre").name = "kind"; }) ==
        "movies: there is no column primary_genre, by which the map makes lists");
  CHECK(reason(list_map(), [](Table& t) {
          column_of(t, "primary_genre") = column("primary_genre", "integer", "int4");
        }) == "movies: the list column primary_genre is integer; it has to be text, varchar or an enum");
}

TEST_CASE("a reference table needs a primary key but no slot column") {
  ShardCatalogue a = account();
  CHECK(combine(hash_map(), {{"alpha", a}}).find("genres"));
  a.tables.at("genres").primary_key.clear();
  CHECK(combine(hash_map(), {{"alpha", a}}).refused.at("genres") == "genres: there is no primary key");
}

TEST_CASE("constraints that cannot hold across shards are warned of") {
  CHECK(with_movies(hash_map(), [](Table&) {}).warnings.empty());
  CHECK(with_movies(hash_map(),
                    [](Table& t) {
                      t.unique = {{"u", {"name"}}, {"v", {"name", "id"}}};
                    })
            .warnings ==
        std::vector<std::string>{"movies: the unique constraint u on (name) does not contain id, so it holds "
                                 "within a shard only"});
  CHECK(
      with_movies(list_map(), [](Table&) {}).warnings ==
      std::vector<std::string>{"movies: the primary key on (id) does not contain primary_genre, so it holds "
                               "within a shard only"});
}

TEST_CASE("differing default collations are warned of, and one that is not bytewise decides") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) {
    beta.default_collation = "en_US.utf8";
    beta.bytewise_default_collation = false;
  });
  CHECK_FALSE(catalogue.bytewise_default_collation);
  CHECK(catalogue.warnings ==
        std::vector<std::string>{"the default collation is C.UTF-8 on alpha and en_US.utf8 on beta"});
}

TEST_CASE("a collation that is called alike but sorts otherwise on a shard is a difference") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) {
    for (Column& column : beta.tables.at("movies").columns)
      if (column.name == "name") column.bytewise_collation = false;
  });
  CHECK(catalogue.refused.at("movies") == "movies: column name sorts by bytes on alpha and not on beta");
}

TEST_CASE("differing character types are warned of") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) { beta.character_type = "tr_TR.utf8"; });
  CHECK(catalogue.warnings ==
        std::vector<std::string>{"the character type (LC_CTYPE) is  on alpha and tr_TR.utf8 on beta"});
}

TEST_CASE("key types are the integers, text, varchar and uuid of pg_catalog") {
  CHECK(key_type(column("a", "smallint", "int2")) == KeyType::integer);
  CHECK(key_type(column("a", "integer", "int4")) == KeyType::integer);
  CHECK(key_type(column("a", "bigint", "int8")) == KeyType::integer);
  CHECK(key_type(column("a", "text", "text")) == KeyType::text);
  CHECK(key_type(column("a", "character varying(9)", "varchar")) == KeyType::text);
  CHECK(key_type(column("a", "uuid", "uuid")) == KeyType::uuid);
  CHECK_FALSE(key_type(column("a", "character(9)", "bpchar")));
  CHECK_FALSE(key_type(column("a", "numeric", "numeric")));
  Column impostor = column("a", "other.int8", "int8");
  impostor.type_schema = "other";
  CHECK_FALSE(key_type(impostor));
}

TEST_CASE("only types whose order is known have a sort kind") {
  CHECK(sort_kind("int8", false) == SortKind::int8);
  CHECK(sort_kind("varchar", false) == SortKind::text);
  CHECK(sort_kind("bpchar", false) == SortKind::bpchar);
  CHECK(sort_kind("mpaa", true) == SortKind::enumeration);
  CHECK(sort_kind("jsonb", false) == SortKind::none);
  CHECK(sort_kind("_int8", false) == SortKind::none);
}

TEST_CASE("byte order is the order of C and its kin only") {
  CHECK(is_bytewise_collation("C"));
  CHECK(is_bytewise_collation("C.UTF-8"));
  CHECK(is_bytewise_collation("ucs_basic"));
  CHECK_FALSE(is_bytewise_collation("en_US.utf8"));
  CHECK_FALSE(is_bytewise_collation(""));
}

TEST_CASE("quoting leaves nothing to interpret") {
  CHECK(quote_identifier("movies") == "\"movies\"");
  CHECK(quote_identifier("a\"; drop table b") == "\"a\"\"; drop table b\"");
  CHECK(quote_literal("catalog") == "'catalog'");
  CHECK(quote_literal("o'neil") == "'o''neil'");
  CHECK(quote_literal("a\\'b") == "E'a\\\\''b'");
  CHECK(array_literal(std::vector<std::string>{}) == "{}");
  CHECK(array_literal(std::vector<std::string>{"a,b", "", "NULL", "q\"\\"}) ==
        "{\"a,b\",\"\",\"NULL\",\"q\\\"\\\\\"}");
  CHECK(array_literal(std::vector<std::optional<std::string>>{"x", std::nullopt}) == "{\"x\",NULL}");
}
