#include "query/catalogue/catalogue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"
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
  CHECK(catalogue.one_default_collation);
  REQUIRE(catalogue.find("movies"));
  CHECK(*catalogue.find("movies") == movies());
  CHECK(catalogue.find("ratings"));
  CHECK(catalogue.find("genres"));
}

TEST_CASE("comments are the first shard's, and no difference") {
  auto alpha = account(), beta = account();
  alpha.tables.at("movies").comment = "Films";
  beta.tables.at("movies").comment = "Filme";
  column_of(alpha.tables.at("movies"), "name").comment = "As on the poster";
  column_of(beta.tables.at("movies"), "mpaa").comment = "Only here";
  const auto catalogue = combine(hash_map(), {{"alpha", alpha}, {"beta", beta}, {"gamma", account()}});
  CHECK(catalogue.differing.empty());
  CHECK(catalogue.refused.empty());
  CHECK(catalogue.find("movies")->comment == "Films");
  CHECK(catalogue.find("movies")->find_column("name")->comment == "As on the poster");
  CHECK(catalogue.find("movies")->find_column("mpaa")->comment.empty());
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

TEST_CASE("what differs in its keys is refused, naming both shards") {
  const auto reason = [](auto change) {
    const auto catalogue = with_beta([&](ShardCatalogue& beta) { change(beta.tables.at("movies")); });
    CHECK_FALSE(catalogue.find("movies"));
    CHECK(catalogue.find("ratings"));
    return catalogue.refused.at("movies");
  };
  CHECK(reason([](Table& t) { t.primary_key = {"name"}; }) ==
        "movies: the primary key is (id) on alpha and (name) on beta");
  CHECK(reason([](Table& t) { t.has_slot_column = false; }) ==
        "movies: column shardplex_slot is missing on beta");
  CHECK(reason([](Table& t) { column_of(t, "id") = not_null(column("id", "text", "text")); }) ==
        "movies: column id is bigint not null on alpha and text collate C.UTF-8 not null on beta");
  CHECK(reason([](Table& t) { t.columns.erase(t.columns.begin()); }) ==
        "movies: column id is missing on beta");
}

namespace {

/// What is said of the table movies, which is served, when beta's is changed.
template <class Change>
std::string difference_with(Change change) {
  const auto catalogue = with_beta([&](ShardCatalogue& beta) { change(beta.tables.at("movies")); });
  REQUIRE(catalogue.find("movies"));
  CHECK(catalogue.refused.empty());
  CHECK(*catalogue.not_alike("movies") == catalogue.differing.at("movies"));
  CHECK_FALSE(catalogue.not_alike("ratings"));
  return catalogue.differing.at("movies");
}

/// The column as it is served, when beta's table movies is changed; nullopt where it is not.
template <class Change>
std::optional<Column> served(std::string_view name, Change change) {
  const auto catalogue = with_beta([&](ShardCatalogue& beta) { change(beta.tables.at("movies")); });
  const Column* column = catalogue.find("movies")->find_column(name);
  return column ? std::optional(*column) : std::nullopt;
}

}  // namespace

TEST_CASE("a column that not all shards have is not served yet, and the table is") {
  const auto dropped = [](Table& t) { t.columns.pop_back(); };
  const auto added = [](Table& t) { t.columns.push_back(column("extra", "text", "text")); };
  CHECK(difference_with(dropped) == "movies: column votes is missing on beta");
  CHECK(difference_with(added) == "movies: column extra is missing on alpha");
  CHECK_FALSE(served("votes", dropped));
  CHECK_FALSE(served("extra", added));
  CHECK(served("name", added)->conflict.empty());
}

TEST_CASE("a column that is not the same carries the conflict, and no other does") {
  const auto retyped = [](Table& t) { column_of(t, "genre").type = "text"; };
  CHECK(difference_with(retyped) == "movies: column genre is text[] on alpha and text on beta");
  CHECK(served("genre", retyped)->conflict == "column genre is text[] on alpha and text on beta");
  CHECK(served("name", retyped)->conflict.empty());
  const auto relabelled = [](Table& t) { column_of(t, "mpaa").enum_labels = {"PG", "G", "R"}; };
  CHECK(difference_with(relabelled) ==
        "movies: column mpaa is mpaa (public.mpaa) with labels G, PG, R on alpha and mpaa (public.mpaa) with "
        "labels PG, G, R on beta");
  CHECK_FALSE(served("mpaa", relabelled)->conflict.empty());
  const auto collated_anew = [](Table& t) {
    column_of(t, "name") = collated(column("name", "text", "text"), "en_US");
  };
  CHECK(difference_with(collated_anew) ==
        "movies: column name is text collate C.UTF-8 not null on alpha and text collate en_US on beta");
  CHECK_FALSE(served("name", collated_anew)->conflict.empty());
}

TEST_CASE("casts of a domain that are not the same on two shards are a conflict") {
  const auto shown = [](Table& t) { column_of(t, "genre").representations.to_json = "public.shown"; };
  CHECK(difference_with(shown) ==
        "movies: column genre is text[] on alpha and text[] shown by public.shown on beta");
  CHECK_FALSE(served("genre", shown)->conflict.empty());
  const auto defined = [](Table& t) { column_of(t, "genre").representations.definition = "2"; };
  CHECK(difference_with(defined) ==
        "movies: the functions of the casts of column genre are defined otherwise on beta than on alpha");
  CHECK_FALSE(served("genre", defined)->conflict.empty());
}

TEST_CASE("integers of different widths are served as the widest") {
  const auto widened = [](Table& t) {
    column_of(t, "votes").type = "bigint";
    column_of(t, "votes").type_name = "int8";
    column_of(t, "votes").sort = SortKind::int8;
  };
  CHECK(difference_with(widened) ==
        "movies: column votes is integer with a default on alpha and bigint with a default on beta");
  const auto votes = served("votes", widened).value();
  CHECK(votes.conflict.empty());
  CHECK(votes.type == "bigint");
  CHECK(votes.sort == SortKind::int8);
  const auto narrowed = [](Table& t) {
    column_of(t, "id").type = "integer";
    column_of(t, "id").type_name = "int4";
    column_of(t, "id").sort = SortKind::int4;
  };
  CHECK(served("id", narrowed).value().type == "bigint");
}

TEST_CASE("differences that decide no answer are told, and stand in nobody's way") {
  const auto no_default = [](Table& t) { column_of(t, "votes").has_default = false; };
  CHECK(difference_with(no_default) ==
        "movies: column votes is integer with a default on alpha and integer on beta");
  CHECK(served("votes", no_default)->conflict.empty());
  CHECK(difference_with([](Table& t) {
          t.unique.push_back({"u", {"id", "name"}});
        }) == "movies: unique constraint u is missing on alpha");
  CHECK(difference_with([](Table& t) {
          t.foreign_keys.push_back({"f", {"primary_genre"}, "genres", {"name"}});
        }) == "movies: foreign key f is missing on alpha");
}

TEST_CASE("what is unique on some shards only is not unique") {
  const UniqueConstraint constraint{"u", {"id", "name"}}, index{"v", {"id", "name"}, true},
      swapped{"u", {"name", "id"}};
  const auto unique_with = [&](std::vector<UniqueConstraint> first, std::vector<UniqueConstraint> other) {
    ShardCatalogue alpha = account(), beta = account();
    alpha.tables.at("movies").unique = std::move(first);
    beta.tables.at("movies").unique = std::move(other);
    return combine(hash_map(), {{"alpha", alpha}, {"beta", beta}}).tables.at("movies").unique;
  };
  using Constraints = std::vector<UniqueConstraint>;
  CHECK(unique_with({constraint}, {constraint}) == Constraints{constraint});
  CHECK(unique_with({constraint}, {}) == Constraints{});
  CHECK(unique_with({}, {constraint}) == Constraints{});
  CHECK(unique_with({constraint}, {swapped}) == Constraints{constraint});
  CHECK(unique_with({index}, {constraint}) == Constraints{index});
  CHECK(unique_with({constraint}, {index, constraint}) == Constraints{constraint});
  CHECK(unique_with({constraint}, {index}) == Constraints{{"u", {"id", "name"}, true}});
}

TEST_CASE("every difference is named, not only the first") {
  CHECK(difference_with([](Table& t) {
          t.columns.pop_back();
          column_of(t, "genre").type = "text";
        }) == "movies: column genre is text[] on alpha and text on beta; column votes is missing on beta");
}

TEST_CASE("a primary key with the slot column in it is refused") {
  CHECK(with_movies(hash_map(), [](Table& t) { t.primary_key.push_back("shardplex_slot"); })
            .refused.at("movies") ==
        "movies: the primary key contains shardplex_slot, which is no client's column; "
        "it has to be made of the others");
}

TEST_CASE("a key of another form than its rows were placed by is refused with the way out") {
  ShardCatalogue a = account();
  a.definitions["key movies"] = "text";
  a.definitions["key ratings"] = "integer";
  const auto catalogue = combine(hash_map(), {{"alpha", account()}, {"beta", a}});
  CHECK(catalogue.refused.at("movies") ==
        "movies: the shard key id of movies is bigint, and its rows were placed by keys of the form text: "
        "bring "
        "the column back to such a type, or make a new table with the other type and load it (on beta)");
  CHECK(catalogue.find("ratings"));
}

TEST_CASE(
    "the form of a numeric key has the digits that it is rounded to, and not how many are before them") {
  const auto number = [](const std::string& type) { return column("id", type, "numeric"); };
  CHECK(kept_key_form(number("numeric")) == "numeric");
  CHECK(kept_key_form(number("numeric(10,2)")) == "numeric scale 2");
  CHECK(kept_key_form(number("numeric(4,-2)")) == "numeric scale -2");
  CHECK(kept_key_form(column("id", "character varying(3)", "varchar")) == "text");
  const auto problem = [](const Column& key, std::string_view stored) {
    Table table = movies();
    column_of(table, "id") = key;
    return key_form_problem(table, "id", stored);
  };
  CHECK_FALSE(problem(number("numeric(12,2)"), "numeric scale 2"));
  CHECK_FALSE(problem(number("numeric"), "numeric"));
  CHECK(problem(number("numeric(10,1)"), "numeric scale 2"));
  CHECK(problem(number("numeric(10,1)"), "numeric"));
  CHECK(problem(number("numeric"), "numeric scale 2"));
  CHECK(problem(column("id", "bigint", "int8"), "numeric"));
}

TEST_CASE("a table whose rows were placed by other definitions than the map's is refused") {
  const Definitions of_map = definitions_of(hash_map());
  const std::string group = of_map.lower_bound("group ")->first;
  ShardCatalogue a = account();
  a.definitions = of_map;
  CHECK(combine(hash_map(), {{"alpha", account()}, {"beta", a}}).refused.empty());
  a.definitions["table movies"] += '!';
  const auto other_key = combine(hash_map(), {{"alpha", account()}, {"beta", a}});
  CHECK(other_key.refused.at("movies") == "movies: table movies was made with " + of_map.at("table movies") +
                                              "!; the map has " + of_map.at("table movies") + " (on beta)");
  CHECK(other_key.find("ratings"));
  a.definitions = of_map;
  a.definitions[group] += '!';
  const auto other_slots = combine(hash_map(), {{"alpha", account()}, {"beta", a}});
  CHECK_FALSE(other_slots.find("movies"));
  CHECK_FALSE(other_slots.find("ratings"));
  CHECK(other_slots.find("genres"));  // a reference table is on every shard
}

TEST_CASE("a table missing on a shard is refused, naming the shard") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) { beta.tables.erase("movies"); });
  CHECK(catalogue.refused.at("movies") == "movies: the table is missing on beta");
}

TEST_CASE("a foreign table is said to be one, and not to be missing") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) {
    beta.tables.erase("movies");
    beta.foreign_tables.insert("movies");
  });
  CHECK(catalogue.refused.at("movies") == "movies: it is a foreign table on beta, which is not served");
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
  CHECK(reason(hash_map(), [](Table& t) { t.has_slot_column = false; }) ==
        "movies: there is no column shardplex_slot (integer not null)");
  CHECK(reason(hash_map(), [](Table& t) { t.columns.erase(t.columns.begin()); }) ==
        "movies: there is no column id, which the map makes the shard key");
  CHECK(
      reason(hash_map(), [](Table& t) { t.columns[0] = column("id", "real", "float4"); }) ==
      "movies: the shard key id is real, which cannot be one: it rounds what it is given, and equal values "
      "have several texts (0 and -0); keys are of an integer type, text, varchar, char, uuid, date, boolean, "
      "numeric, citext or an enum");
  CHECK(reason(hash_map(), [](Table& t) { t.columns[0].generated = true; }) ==
        "movies: column id routes rows, but PostgreSQL generates it");
  CHECK(with_movies(hash_map(), [](Table& t) {
          t.columns[0].generated = t.columns[0].identity_always = true;
        }).find("movies"));
  CHECK(reason(hash_map(), [](Table& t) {
          t.columns[0] = collated(column("id", "text", "text"), "und-ci");
          t.columns[0].deterministic_collation = false;
        }) == "movies: column id routes rows, but its collation und-ci is not deterministic");
  CHECK(with_movies(hash_map(), [](Table& t) {
          t.columns[0] = column("id", "character varying(9)", "varchar");
        }).find("movies"));
  CHECK(reason(list_map(), [](Table& t) { column_of(t, "primary_genre").name = "kind"; }) ==
        "movies: there is no column primary_genre, by which the map makes lists");
  CHECK(reason(list_map(), [](Table& t) {
          column_of(t, "primary_genre") = column("primary_genre", "integer", "int4");
        }) == "movies: the list column primary_genre is integer; it has to be text, varchar or an enum");
}

TEST_CASE("a reference table needs neither a slot column nor a primary key") {
  ShardCatalogue a = account();
  CHECK(combine(hash_map(), {{"alpha", a}}).find("genres"));
  a.tables.at("genres").primary_key.clear();
  const auto catalogue = combine(hash_map(), {{"alpha", a}});
  CHECK(catalogue.find("genres"));
  CHECK(catalogue.warnings.empty());
}

TEST_CASE("a sharded table without a primary key is served, and its slots cannot move") {
  const auto catalogue = with_movies(hash_map(), [](Table& t) { t.primary_key.clear(); });
  REQUIRE(catalogue.find("movies"));
  CHECK(catalogue.find("movies")->primary_key.empty());
  CHECK(catalogue.warnings ==
        std::vector<std::string>{"movies: without a primary key its rows cannot be told apart, so the slots "
                                 "of catalog can be neither moved nor verified"});
  CHECK(with_beta([](ShardCatalogue& beta) {
          beta.tables.at("movies").primary_key.clear();
        }).refused.at("movies") == "movies: the primary key is (id) on alpha and () on beta");
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
  CHECK_FALSE(catalogue.one_default_collation);
  CHECK(catalogue.warnings ==
        std::vector<std::string>{"the default collation is C.UTF-8 on alpha and en_US.utf8 on beta"});
}

TEST_CASE("default collations that sort by bytes are one, unless they know other letters") {
  CHECK(with_beta([](ShardCatalogue& beta) { beta.default_collation = "C"; }).one_default_collation);
  CHECK_FALSE(with_beta([](ShardCatalogue& beta) { beta.character_type = "C"; }).one_default_collation);
}

TEST_CASE("a domain that is called alike but is made of another type on a shard is a difference") {
  const auto made_of = [](const std::string& base) {
    return [base](ShardCatalogue& shard) {
      Column& name = column_of(shard.tables.at("movies"), "name");
      name.type = name.type_name = "label";
      name.type_schema = "public";
      name.base_type_name = base;
      name.base_type_schema = "pg_catalog";
    };
  };
  ShardCatalogue alpha = account(), beta = account();
  made_of("text")(alpha);
  made_of("name")(beta);
  const auto catalogue = combine(hash_map(), {{"alpha", alpha}, {"beta", beta}});
  CHECK(catalogue.differing.at("movies").find("(public.label) over text") != std::string::npos);
  CHECK_FALSE(catalogue.find("movies")->find_column("name")->conflict.empty());
}

TEST_CASE("a collation that is called alike but sorts otherwise on a shard is a difference") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) {
    for (Column& column : beta.tables.at("movies").columns)
      if (column.name == "name") column.bytewise_collation = false;
  });
  CHECK(catalogue.differing.at("movies") == "movies: column name sorts by bytes on alpha and not on beta");
  CHECK_FALSE(catalogue.find("movies")->find_column("name")->conflict.empty());
}

TEST_CASE("differing character types are warned of") {
  const auto catalogue = with_beta([](ShardCatalogue& beta) { beta.character_type = "tr_TR.utf8"; });
  CHECK(catalogue.warnings ==
        std::vector<std::string>{"the character type (LC_CTYPE) is  on alpha and tr_TR.utf8 on beta"});
}

TEST_CASE("key types are those whose equal values have one form") {
  CHECK(key_type(column("a", "smallint", "int2")) == KeyType::integer);
  CHECK(key_type(column("a", "integer", "int4")) == KeyType::integer);
  CHECK(key_type(column("a", "bigint", "int8")) == KeyType::integer);
  CHECK(key_type(column("a", "text", "text")) == KeyType::text);
  CHECK(key_type(column("a", "character varying(9)", "varchar")) == KeyType::text);
  CHECK(key_type(column("a", "uuid", "uuid")) == KeyType::uuid);
  CHECK(key_type(column("a", "character(9)", "bpchar")) == KeyType::character);
  CHECK(key_type(column("a", "date", "date")) == KeyType::date);
  CHECK(key_type(column("a", "boolean", "bool")) == KeyType::boolean);
  CHECK(key_type(column("a", "numeric(9,2)", "numeric")) == KeyType::numeric);
  CHECK(key_type(rating_enum("a")) == KeyType::enumeration);
  CHECK(key_type(citext("a")) == KeyType::citext);
  for (const std::string name : {"float4", "float8", "timestamp", "timestamptz", "time", "timetz", "interval",
                                 "json", "jsonb", "bytea", "xml", "money", "inet", "oid", "name", "_int8"})
    CHECK_FALSE(key_type(column("a", name, name)));
  Column domain = column("a", "title", "title");
  domain.type_schema = "public";
  domain.base_type_name = "text", domain.base_type_schema = "pg_catalog";
  CHECK(key_type(domain) == KeyType::text);
  domain.base_type_name = "int4";
  CHECK(key_type(domain) == KeyType::integer);
  domain.base_type_name = "bool";
  CHECK(key_type(domain) == KeyType::boolean);
  for (const std::string base : {"varchar", "bpchar", "numeric"}) {  // whose length or scale the domain hides
    domain.base_type_name = base;
    CHECK_FALSE(key_type(domain));
  }
  domain.base_type_name = "text", domain.base_type_schema = "other";
  CHECK_FALSE(key_type(domain));
  for (const std::string name : {"int8", "citext", "numeric"}) {
    Column impostor = column("a", "other." + name, name);
    impostor.type_schema = "other";
    CHECK_FALSE(key_type(impostor));
  }
}

TEST_CASE("a type that cannot be a key is refused with what is in the way") {
  const auto why = [](const std::string& type, const std::string& schema = "pg_catalog") {
    Column of_type = column("a", type, type);
    of_type.type_schema = schema;
    const auto reason = key_refusal(of_type);
    return reason.substr(0, reason.find(';'));
  };
  CHECK(why("timestamptz") ==
        "what a text means depends on the session's time zone, and fractions are rounded");
  CHECK(why("timestamp") == "what a text means depends on DateStyle, and fractions are rounded");
  CHECK(why("float8") == "it rounds what it is given, and equal values have several texts (0 and -0)");
  CHECK(why("json") == "PostgreSQL has no equality for it that could be hashed");
  CHECK(why("jsonb") == "equal values have several texts (1.0 and 1.00, members in any order)");
  CHECK(why("bytea") == "equal values have several texts (\\x4142 and AB)");
  CHECK(why("_int4") == "it is made of several values");
  CHECK(why("float8", "public") == "which of its values are equal is not known outside PostgreSQL");
  CHECK(why("ltree", "public") == "which of its values are equal is not known outside PostgreSQL");
  Column domain = column("a", "title", "title");
  domain.type_schema = "public", domain.base_type_name = "numeric", domain.base_type_schema = "pg_catalog";
  CHECK(key_refusal(domain).starts_with(
      "it is a domain over numeric, which does not say the length or scale of its values; keys are of "));
  domain.base_type_name = "mpaa", domain.base_type_schema = "public";
  CHECK(key_refusal(domain).starts_with("it is a domain over mpaa; keys are of "));
}

TEST_CASE("a key of few values is warned of") {
  const auto warned = [](const Column& key) {
    const auto catalogue = with_movies(hash_map(), [&](Table& t) { t.columns[0] = key; });
    return catalogue.warnings.empty() ? std::string() : catalogue.warnings.front();
  };
  CHECK(warned(column("id", "bigint", "int8")).empty());
  CHECK(warned(column("id", "boolean", "bool")) ==
        "movies: the shard key id has 2 values, so its rows are in as many slots at most, and no more shards "
        "can share them");
  CHECK(warned(rating_enum("id")).starts_with("movies: the shard key id has 3 values, "));
}

TEST_CASE("labels of a key have to be those that rows were placed by, in their order; others may be added") {
  const auto with_labels = [](const std::vector<std::string>& labels,
                              const std::optional<std::string>& placed) {
    ShardCatalogue a = account();
    Column key = rating_enum("id");
    key.enum_labels = labels;
    a.tables.at("movies").columns[0] = key;
    a.definitions = definitions_of(hash_map());
    a.definitions[key_subject("movies")] = "enum";
    if (placed) a.definitions[labels_subject("movies", "id")] = *placed;
    return combine(hash_map(), {{"alpha", a}, {"beta", a}});
  };
  const auto unplaced = [&](const Catalogue& catalogue) {
    REQUIRE(catalogue.find("movies"));
    return catalogue.find("movies")->columns[0].unplaced_labels;
  };
  CHECK(unplaced(with_labels({"G", "PG"}, R"("G" "PG")")).empty());
  CHECK(unplaced(with_labels({"G", "PG", "R"}, R"("G" "R")")) == std::vector<std::string>{"PG"});
  CHECK(unplaced(with_labels({"G"}, std::nullopt)) == std::vector<std::string>{"G"});
  CHECK(with_labels({"G", "PG", "R"}, R"("G" "R")").warnings.back() ==
        "movies: no row is placed by PG of id until shardplex cluster init has written down what is "
        "new");
  using Labels = std::vector<std::string>;
  for (const auto& renamed : {Labels{"G", "Teens"}, Labels{"PG", "G"}, Labels{"G"}, Labels{}}) {
    const auto catalogue = with_labels(renamed, R"("G" "PG")");
    CHECK_FALSE(catalogue.find("movies"));
    CHECK(catalogue.refused.at("movies").find(
              "rows of movies were placed by the labels G, PG of id, which are " + joined(renamed) +
              " now: ") != std::string::npos);
  }
}

TEST_CASE("labels of a list's column are held to what was written down, where anything was") {
  const auto combined = [](const std::optional<std::string>& placed) {
    ShardCatalogue a = account();
    column_of(a.tables.at("movies"), "primary_genre") = rating_enum("primary_genre");
    a.definitions = definitions_of(list_map());
    if (placed) a.definitions[labels_subject("movies", "primary_genre")] = *placed;
    return combine(list_map(), {{"alpha", a}});
  };
  const auto unplaced = [&](const Catalogue& catalogue) {
    REQUIRE(catalogue.find("movies"));
    return catalogue.find("movies")->find_column("primary_genre")->unplaced_labels;
  };
  CHECK(unplaced(combined(std::nullopt)).empty());
  CHECK(unplaced(combined(R"("G" "PG" "R")")).empty());
  CHECK(unplaced(combined(R"("G" "PG")")) == std::vector<std::string>{"R"});
  CHECK_FALSE(combined(R"("R" "G")").find("movies"));
}

TEST_CASE("labels are new as long as one shard has not written them down") {
  ShardCatalogue alpha = account();
  alpha.tables.at("movies").columns[0] = rating_enum("id");
  alpha.definitions = definitions_of(hash_map());
  alpha.definitions[key_subject("movies")] = "enum";
  ShardCatalogue beta = alpha;
  alpha.definitions[labels_subject("movies", "id")] = R"("G" "PG" "R")";
  beta.definitions[labels_subject("movies", "id")] = R"("G" "R")";
  const auto catalogue = combine(hash_map(), {{"alpha", alpha}, {"beta", beta}});
  REQUIRE(catalogue.find("movies"));
  CHECK(catalogue.find("movies")->columns[0].unplaced_labels == std::vector<std::string>{"PG"});
}

TEST_CASE("citext is a key where it lowers ASCII as everybody does, and apart from keys of text") {
  const auto refused = [](bool lowers_ascii, const Column& movie_key, const Column& rating_key) {
    ShardCatalogue a = account();
    a.lowers_ascii = lowers_ascii;
    a.tables.at("movies").columns[0] = movie_key;
    a.tables.at("ratings").columns[0] = rating_key;
    const auto catalogue = combine(hash_map(), {{"alpha", a}});
    const auto found = catalogue.refused.find("movies");
    return found == catalogue.refused.end() ? std::string() : found->second;
  };
  CHECK(refused(true, citext("id"), citext("movie_id")).empty());
  CHECK(refused(true, citext("id"), column("movie_id", "bigint", "int8")).empty());
  CHECK(refused(false, citext("id"), citext("movie_id")) ==
        "movies: the shard key id is citext, and under the locale of alpha lower() does not take A to Z to a "
        "to z");
  CHECK(refused(true, citext("id"), column("movie_id", "text", "text")) ==
        "movies: the shard key id is citext, and that of ratings in the same group is text, of which other "
        "values are equal (on alpha)");
  CHECK(refused(false, column("id", "text", "text"), column("movie_id", "text", "text")).empty());
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
