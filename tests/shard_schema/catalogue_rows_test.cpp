#include "shard_schema/catalogue_rows.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>

#include "tests/shard_schema/rows_of_text.hpp"

namespace shardplex::test {
namespace {

using Row = RowsOfText::Row;

/// A column of table 7 that differs from a plain one in what is given.
struct Given {
  std::string name, type = "text", oid = "25", type_name = "text", type_schema = "pg_catalog",
                    is_enum = "false", not_null = "false", has_default = "false", generated = "false",
                    identity_always = "false";
  std::optional<std::string> collation{}, provider{}, locale{}, deterministic{};
};

Row column(const Given& g) {
  return {
      "column",        "7",          g.name,           g.type,      g.oid,       g.type_name, g.type_schema,
      g.is_enum,       g.not_null,   g.has_default,    g.generated, g.collation, g.provider,  g.locale,
      g.deterministic, std::nullopt, g.identity_always};
}

ShardCatalogue catalogue_of(std::vector<Row> more, const std::string& provider = "c",
                            const std::string& collation = "C.UTF-8") {
  std::vector<Row> rows{{"database", "0", "UTF8", collation, provider, "C.UTF-8"}, {"table", "7", "movies"}};
  rows.insert(rows.end(), more.begin(), more.end());
  return decode_catalogue(RowsOfText(rows));
}

Column read(const Given& given, const std::string& provider = "c", const std::string& collation = "C.UTF-8") {
  return catalogue_of({column(given)}, provider, collation).tables.at("movies").columns.at(0);
}

}  // namespace

TEST_CASE("a database without tables has its encoding and its collation") {
  const auto catalogue = decode_catalogue(RowsOfText({{"database", "0", "LATIN1", "C", "c", "de_DE"}}));
  CHECK(catalogue.tables.empty());
  CHECK(catalogue.server_encoding == "LATIN1");
  CHECK(catalogue.default_collation == "C");
  CHECK(catalogue.bytewise_default_collation);
  CHECK(catalogue.character_type == "de_DE");
}

TEST_CASE("an ICU database sorts by bytes under no locale, not even one called C") {
  const auto catalogue = catalogue_of({}, "i", "C");
  CHECK(catalogue.default_collation == "C");
  CHECK_FALSE(catalogue.bytewise_default_collation);
}

TEST_CASE("a column of the default collation sorts as its database does") {
  Given given{.name = "name", .collation = "default", .provider = "d", .locale = "", .deterministic = "true"};
  CHECK(read(given).collation == "C.UTF-8");
  CHECK(read(given).bytewise_collation);
  CHECK(read(given, "i", "de-DE").collation == "de-DE");
  CHECK_FALSE(read(given, "i", "de-DE").bytewise_collation);
}

TEST_CASE("a collation's provider and locale decide whether it sorts by bytes, and not its name") {
  struct Expected {
    const char *name, *provider, *locale;
    bool bytewise;
  };
  for (const auto& expected : {Expected{"mine", "c", "C", true},
                               {"mine", "c", "de_DE.utf8", false},
                               {"POSIX", "c", "de_DE.utf8", false},
                               {"POSIX", "i", "C", false},
                               {"ucs_basic", "c", "C", true}}) {
    CAPTURE(expected.name);
    CAPTURE(expected.locale);
    const auto found = read({.name = "name",
                             .collation = expected.name,
                             .provider = expected.provider,
                             .locale = expected.locale,
                             .deterministic = "true"});
    CHECK(found.collation == expected.name);
    CHECK(found.bytewise_collation == expected.bytewise);
  }
  // ICU collations have no collcollate.
  const auto loose =
      read({.name = "name", .collation = "loose", .provider = "i", .locale = null, .deterministic = "false"});
  CHECK_FALSE(loose.bytewise_collation);
  CHECK_FALSE(loose.deterministic_collation);
}

TEST_CASE("a type of another schema that is called like a built-in one does not sort like it") {
  CHECK(read({.name = "n", .type = "integer", .oid = "23", .type_name = "int4"}).sort == SortKind::int4);
  CHECK(read({.name = "n", .type = "other.int4", .oid = "17000", .type_name = "int4", .type_schema = "other"})
            .sort == SortKind::none);
}

TEST_CASE("an enum of any name and schema sorts by its labels, in their order") {
  const auto catalogue = catalogue_of({{"enum label", "17000", "b"},
                                       {"enum label", "17000", "a"},
                                       {"enum label", "17001", "c"},
                                       column({.name = "rated",
                                               .type = "other.text",
                                               .oid = "17000",
                                               .type_name = "text",
                                               .type_schema = "other",
                                               .is_enum = "true"})});
  const Column& rated = catalogue.tables.at("movies").columns.at(0);
  CHECK(rated.sort == SortKind::enumeration);
  CHECK(rated.type_oid == 17000);
  CHECK(rated.enum_labels == std::vector<std::string>{"b", "a"});
}

TEST_CASE("a domain's column knows what it is made of, and whether it is shown by casts") {
  const auto catalogue = catalogue_of({column({.name = "terms", .type = "terms", .type_name = "terms"}),
                                       column({.name = "colour", .type = "colour", .type_name = "colour"}),
                                       column({.name = "plain"}),
                                       {"domain", "7", "terms", "tsvector", "pg_catalog"},
                                       {"domain", "7", "colour", "int4", "pg_catalog", "30", "public.shown",
                                        null, "public.read", "public.shown", "5"},
                                       {"domain definition", "30", "17 18"}});
  const auto& columns = catalogue.tables.at("movies").columns;
  CHECK(columns[0].base_type_name == "tsvector");
  CHECK(columns[0].base_type_schema == "pg_catalog");
  CHECK(columns[0].representations == Representations{});
  CHECK(columns[1].representations == Representations{.to_json = "public.shown",
                                                      .from_json = "",
                                                      .from_text = "public.read",
                                                      .definition = "17 18",
                                                      .unsafe = "public.shown"});
  CHECK(columns[2].base_type_name.empty());
}

TEST_CASE(
    "the slot column is noted where it is an integer that is never null, and a column like any otherwise") {
  Given given{
      .name = "shardplex_slot", .type = "integer", .oid = "23", .type_name = "int4", .not_null = "true"};
  const auto is_slot_column = [&] {
    const Table table = catalogue_of({column(given)}).tables.at("movies");
    CHECK(table.has_slot_column == table.columns.empty());
    return table.has_slot_column;
  };
  CHECK(is_slot_column());
  given.not_null = "false";
  CHECK_FALSE(is_slot_column());
  given.not_null = "true";
  given.type_schema = "other";
  CHECK_FALSE(is_slot_column());
  given.type_schema = "pg_catalog";
  given.type_name = "int8";
  CHECK_FALSE(is_slot_column());
}

TEST_CASE("columns of citext are told apart from those of a type that is only called so") {
  const Given called{.name = "false_citext", .type_name = "citext", .type_schema = "public"};
  Given true_citext = called;
  true_citext.name = "citext";
  const auto columns =
      catalogue_of(
          {column(called), column(true_citext), {"citext", "7", "citext"}, {"citext", "7", "not_there"}})
          .tables.at("movies")
          .columns;
  CHECK_FALSE(columns[0].is_citext);
  CHECK(columns[1].is_citext);
}

TEST_CASE("a database says whether it lowers ASCII, and one that says nothing does not") {
  const auto lowers_ascii = [](std::optional<std::string> said) {
    return decode_catalogue(RowsOfText({{"database", "0", "UTF8", "C", "c", "C", std::move(said)}}))
        .lowers_ascii;
  };
  CHECK(lowers_ascii("true"));
  CHECK_FALSE(lowers_ascii("false"));
  CHECK_FALSE(lowers_ascii(std::nullopt));
}

TEST_CASE("keys have their columns in order, and those of one name and another table are apart") {
  const auto catalogue = catalogue_of({{"table", "8", "ratings"},
                                       {"unique", "7", "by_name", "false", "name", "true"},
                                       {"unique", "7", "by_name", "false", "id", "true"},
                                       {"unique", "7", "movies_pkey", "true", "id", "false"},
                                       {"unique", "8", "by_name", "false", "movie", "false"},
                                       {"foreign key", "8", "of", "movie", "movies", "id"},
                                       {"foreign key", "8", "of", "title", "movies", "name"},
                                       {"foreign key", "8", "of_user", "u", "users", "id"}});
  const Table &movies = catalogue.tables.at("movies"), &ratings = catalogue.tables.at("ratings");
  CHECK(movies.primary_key == std::vector<std::string>{"id"});
  CHECK(movies.unique == std::vector<UniqueConstraint>{{"by_name", {"name", "id"}, true}});
  CHECK(movies.foreign_keys.empty());
  CHECK(ratings.primary_key.empty());
  CHECK(ratings.unique == std::vector<UniqueConstraint>{{"by_name", {"movie"}}});
  CHECK(ratings.foreign_keys == std::vector<ForeignKey>{{"of", {"movie", "title"}, "movies", {"id", "name"}},
                                                        {"of_user", {"u"}, "users", {"id"}}});
}

TEST_CASE(
    "a foreign key that leaves the schema is there where all are wanted, with the other schema's name") {
  const RowsOfText rows({{"database", "0", "UTF8", "C", "c", "C"},
                         {"table", "7", "movies"},
                         {"foreign key", "7", "of_user", "u", "users", "id", "o"},
                         {"foreign key", "7", "sequel", "s", "movies", "id"}});
  const ForeignKey inside{"sequel", {"s"}, "movies", {"id"}}, outside{"of_user", {"u"}, "o.users", {"id"}};
  CHECK(decode_catalogue(rows).tables.at("movies").foreign_keys == std::vector{inside});
  REQUIRE(decode_catalogue(rows).tables.at("movies").keys_to_other_schemas.size() == 1);
  CHECK(decode_catalogue(rows, ForeignKeys::all).tables.at("movies").keys_to_other_schemas.empty());
  CHECK(decode_catalogue(rows, ForeignKeys::all).tables.at("movies").foreign_keys ==
        std::vector{outside, inside});
}

TEST_CASE("foreign tables are no tables, and known by name") {
  const auto catalogue = catalogue_of({{"foreign table", "8", "dump"}});
  CHECK(catalogue.foreign_tables == std::set<std::string, std::less<>>{"dump"});
  CHECK_FALSE(catalogue.tables.contains("dump"));
}

TEST_CASE("comments are of the table or of a column; the slot column has none") {
  const auto catalogue = catalogue_of({column({.name = "name"}),
                                       {"comment", "7", std::nullopt, "Films"},
                                       {"comment", "7", "name", "As on the poster"},
                                       {"comment", "7", "shardplex_slot", "Where the row is"}});
  const Table& movies = catalogue.tables.at("movies");
  CHECK(movies.comment == "Films");
  CHECK(movies.find_column("name")->comment == "As on the poster");
}

TEST_CASE("functions of a row are read with their results, but for those that a column hides") {
  const auto value = [](const std::string& function, const std::string& name, const std::string& type) {
    Row row = column({.name = name, .type = type, .type_name = type});
    row[0] = "computed value";
    row[1] = function;
    return row;
  };
  const auto catalogue =
      catalogue_of({column({.name = "name"}),
                    {"computed", "7", "label", "public", "i", "false", "false", "20", "5"},
                    value("20", "label", "terms"),
                    {"computed definition", "20", "99"},
                    {"computed domain", "20", "label", "text", "pg_catalog"},
                    {"computed", "7", "parts", "other", "s", "true", "false", "21", "6"},
                    value("21", "parts", "date"),
                    {"computed definition", "21", std::nullopt},
                    {"computed", "7", "name", "public", "i", "false", "false", "22", "7"},
                    value("22", "name", "text"),
                    {"computed", "7", "shardplex_slot", "public", "i", "false", "false", "23", "8"},
                    value("23", "shardplex_slot", "int4"),
                    {"computed", "7", "sequels", "public", "s", "true", "true", "24", "9", "false", "movies"},
                    {"computed definition", "24", "77"},
                    {"computed", "7", "name", "other", "v", "false", "true", "25", "9", "true"}});
  const Table& movies = catalogue.tables.at("movies");
  CHECK(movies.columns.size() == 1);
  REQUIRE(movies.computed.size() == 2);
  const auto& label = movies.computed[0];
  CHECK(label.column.name == "label");
  CHECK(label.column.base_type_name == "text");
  CHECK(label.column.sort == SortKind::text);
  CHECK(label.column.function_schema == "public");
  CHECK_FALSE(label.column.not_null);
  CHECK(label.volatility == Volatility::immutable);
  CHECK_FALSE(label.returns_set);
  CHECK(label.definition == "99");
  const auto& parts = movies.computed[1];
  CHECK(parts.column.function_schema == "other");
  CHECK(parts.column.sort == SortKind::date);
  CHECK(parts.volatility == Volatility::stable);
  CHECK(parts.returns_set);
  CHECK(parts.definition.empty());
  // An embed by a function's name is no column.
  REQUIRE(movies.computed_relations.size() == 2);
  const auto& sequels = movies.computed_relations[0];
  CHECK(sequels.name == "sequels");
  CHECK(sequels.function_schema == "public");
  CHECK(sequels.foreign_table == "movies");
  CHECK(sequels.volatility == Volatility::stable);
  CHECK(sequels.returns_set);
  CHECK_FALSE(sequels.to_one);
  CHECK(sequels.definition == "77");
  const auto& rows = movies.computed_relations[1];
  CHECK(rows.name == "name");
  CHECK(rows.foreign_table.empty());
  CHECK(rows.volatility == Volatility::volatile_);
  CHECK(rows.to_one);
  CHECK_FALSE(rows.returns_set);
  CHECK(rows.definition.empty());
  CHECK_THROWS_AS(catalogue_of({{"computed", "7", "label", "public", "i", "false", "false", "20", "5"}}),
                  UnexpectedAnswer);
}

TEST_CASE("a function has its arguments, and the columns of a table's rows or of its own") {
  const auto result = [](const std::string& oid, const std::string& name, const std::string& type) {
    Row row = column({.name = name, .type = type, .type_name = type});
    row[0] = "result";
    row[1] = oid;
    return row;
  };
  const auto catalogue =
      catalogue_of({column({.name = "id"}),
                    {"function", "20", "films", "s", "true", "row", "7", "movies"},
                    {"argument", "20", "least", "numeric", "numeric", "pg_catalog", "false", "false"},
                    {"argument", "20", "more", "integer[]", "_int4", "pg_catalog", "true", "true"},
                    {"function", "21", "films", "v", "false", "nothing"},
                    {"function", "22", "now_utc", "i", "false", "value"},
                    result("22", "pgrst_scalar", "date"),
                    {"result domain", "22", "pgrst_scalar", "date", "pg_catalog"}});
  const auto& films = catalogue.functions.at("films");
  REQUIRE(films.size() == 2);
  CHECK(films[0].signature() == "films(least numeric, variadic more integer[] default)");
  CHECK(films[0].volatility == Function::Volatility::stable);
  CHECK(films[0].returns == Function::Returns::row);
  CHECK(films[0].returns_set);
  CHECK(films[0].table == "movies");
  CHECK(films[0].columns.at(0).name == "id");
  CHECK(films[0].find_argument("more")->variadic);
  CHECK(films[0].find_argument("less") == nullptr);
  CHECK(films[1].returns == Function::Returns::nothing);
  CHECK(films[1].volatility == Function::Volatility::volatile_);
  const auto& now = catalogue.functions.at("now_utc").front();
  CHECK(now.volatility == Function::Volatility::immutable);
  CHECK(now.returns == Function::Returns::value);
  CHECK(now.table.empty());
  CHECK(now.columns.at(0).sort == SortKind::date);
  CHECK(now.columns.at(0).base_type_name == "date");
}

}  // namespace shardplex::test
