#include "query/catalogue/find_relation.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <optional>
#include <string>

#include "tests/query/related_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

struct Found {
  Catalogue catalogue = related_tables();
  Relations relations{catalogue};

  Result<const Relation*> operator()(const char* table, const char* target,
                                     std::optional<std::string> hint = {}) const {
    return find_relation(relations, catalogue.tables.at(table), target, hint);
  }
};

struct Row {
  const char *table, *target;
  std::optional<std::string> hint;
  const char* constraint;  ///< or the junction
  Cardinality cardinality;
};

constexpr auto to_many = Cardinality::one_to_many, to_one = Cardinality::many_to_one,
               over = Cardinality::many_to_many, single = Cardinality::one_to_one;

}  // namespace

TEST_CASE("a relation is found by table, constraint or column, and with a hint among several") {
  const Found find;
  const Row rows[] = {
      {"films", "directors", {}, "films_director_fkey", to_one},
      {"films", "films_director_fkey", {}, "films_director_fkey", to_one},
      {"films", "director_id", {}, "films_director_fkey", to_one},
      {"directors", "films", {}, "films_director_fkey", to_many},
      {"directors", "films_director_fkey", {}, "films_director_fkey", to_many},
      {"directors", "films", "director_id", "films_director_fkey", to_many},
      {"directors", "films", "id", "films_director_fkey", to_many},
      {"films", "people", "films_writer_fkey", "films_writer_fkey", to_one},
      {"films", "people", "producer_id", "films_producer_fkey", to_one},
      {"films", "writer_id", {}, "films_writer_fkey", to_one},
      {"people", "films", "writer_id", "films_writer_fkey", to_many},
      {"films", "specs", {}, "specs_film_fkey", single},
      {"specs", "films", {}, "specs_film_fkey", single},
      {"films", "actors", {}, "roles", over},
      {"films", "actors", "roles", "roles", over},
      {"films", "festivals", "screenings", "screenings", over},
      {"shows", "shows_hall_fkey", {}, "shows_hall_fkey", to_one},
      {"shows", "halls", "shows_hall_fkey", "shows_hall_fkey", to_one},
      {"halls", "first_show", {}, "halls_first_show_fkey", to_one},
  };
  for (const Row& row : rows) {
    CAPTURE(row.table);
    CAPTURE(row.target);
    const auto found = find(row.table, row.target, row.hint);
    REQUIRE(found.has_value());
    const Relation& relation = **found;
    CHECK((relation.junction ? relation.junction->table : relation.constraint) == row.constraint);
    CHECK(relation.cardinality == row.cardinality);
    CHECK(relation.table == row.table);
  }
}

TEST_CASE(
    "of a table's relation to itself its name means those that refer, and the column the one referred to") {
  const Found find;
  CHECK((*find("films", "films"))->cardinality == to_many);
  CHECK((*find("films", "films", "remake_of"))->cardinality == to_many);
  CHECK((*find("films", "remake_of"))->cardinality == to_one);
  CHECK(find("films", "films", "id").error().code == "PGRST200");
  CHECK(find("films", "films_remake_fkey").error().code == "PGRST200");
}

TEST_CASE("without a relation the error says what was searched") {
  const Found find;
  const Error plain = find("films", "halls").error();
  CHECK(plain.code == "PGRST200");
  CHECK(http_status(plain) == 400);
  CHECK(plain.message == "Could not find a relationship between 'films' and 'halls' in the schema cache");
  CHECK(plain.details ==
        "Searched for a foreign key relationship between 'films' and 'halls' in the schema 'public', but no "
        "matches were found.");
  CHECK_FALSE(plain.hint.has_value());
  CHECK(find("films", "people", "house").error().details ==
        "Searched for a foreign key relationship between 'films' and 'people' using the hint 'house' in the "
        "schema 'public', but no matches were found.");
  for (const auto& [target, hint] : {std::pair{"directors", "people"},
                                     {"actors", "roles_film_fkey"},
                                     {"director_id", "films_director_fkey"},
                                     {"shows_hall_fkey", "roles"}}) {
    CAPTURE(target);
    CHECK(find("films", target, hint).error().code == "PGRST200");
  }
}

TEST_CASE("a foreign key to a table of another schema is said to be no relation") {
  Found find;
  find.catalogue.tables.at("films").keys_to_other_schemas = {
      {"films_studio_fkey", {"studio_id"}, "private.studios", {"id"}}};
  const std::string says =
      "but no matches were found. The foreign key 'films_studio_fkey' leads to a table of another schema, "
      "and "
      "relations are within one schema.";
  for (const char* target : {"studios", "films_studio_fkey", "studio_id"}) {
    CAPTURE(std::string(target));
    const Error error = find("films", target).error();
    CHECK(error.code == "PGRST200");
    CHECK(error.details->ends_with(says));
  }
  CHECK(find("films", "tudios").error().details->ends_with("but no matches were found."));
  CHECK(find("directors", "studios").error().details->ends_with("but no matches were found."));
}

TEST_CASE("the hint tells the nearest table: of the target, or of the table where nothing leads from it") {
  const Found find;
  CHECK(find("films", "actor").error().hint == "Perhaps you meant 'actors' instead of 'actor'.");
  CHECK(find("films", "noclosealternative").error().hint == std::nullopt);
  CHECK(find("notes", "films").error().hint == std::nullopt);
  // The target is right, so the hint behind it is not.
  CHECK(find("films", "actors", "role").error().hint == std::nullopt);
  const Table film = keyed_table("film", {"id"}, {"id"});
  CHECK(find_relation(find.relations, film, "directors", {}).error().hint ==
        "Perhaps you meant 'films' instead of 'film'.");
}

TEST_CASE("of several relations the error lists each, in one order, with what tells it from the others") {
  const Found find;
  const Error two = find("films", "people").error();
  CHECK(two.code == "PGRST201");
  CHECK(http_status(two) == 300);
  CHECK(two.message ==
        "Could not embed because more than one relationship was found for 'films' and 'people'");
  CHECK(two.hint ==
        "Try changing 'people' to one of the following: 'people!films_producer_fkey', "
        "'people!films_writer_fkey'. Find the desired relationship in the 'details' key.");
  CHECK(boost::json::parse(*two.details) == boost::json::parse(R"~([
    {"cardinality":"many-to-one","embedding":"films with people",
     "relationship":"films_producer_fkey using films(producer_id) and people(id)"
},
    {"cardinality":"many-to-one","embedding":"films with people",
     "relationship":"films_writer_fkey using films(writer_id) and people(id)"}])~"));
  CHECK(boost::json::parse(to_json(two)).at("details").is_array());

  CHECK(boost::json::parse(*find("halls", "shows").error().details) == boost::json::parse(R"~([
    {"cardinality":"one-to-many","embedding":"halls with shows",
     "relationship":"shows_hall_fkey using halls(number, city) and shows(hall_number, hall_city)"
  },
    {"cardinality":"many-to-one","embedding":"halls with shows",
     "relationship":"halls_first_show_fkey using halls(first_show) and shows(id)"}])~"));

  const Error over_two = find("films", "festivals").error();
  CHECK(boost::json::parse(*over_two.details) == boost::json::parse(R"~([
    {"cardinality":"many-to-many","embedding":"films with festivals",
     "relationship":"nominations using nominations_film_fkey(film_id) and nominations_festival_fkey(festival_id)"
  },
    {"cardinality":"many-to-many","embedding":"films with festivals",
     "relationship":"screenings using screenings_film_fkey(film_id) and screenings_festival_fkey(festival_id)"}])~"));
  CHECK(over_two.hint ==
        "Try changing 'festivals' to one of the following: 'festivals!nominations', 'festivals!screenings'. "
        "Find the desired relationship in the 'details' key.");
}

TEST_CASE("a column that several relations go by names all of them") {
  const Found find;
  CHECK(find("directors", "id").has_value());
  CHECK(find("people", "id").error().code == "PGRST201");
}
