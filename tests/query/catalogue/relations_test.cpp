#include "query/catalogue/relations.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/query/related_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// Those between two tables, as text.
std::vector<std::string> between(const Relations& relations, std::string_view table,
                                 std::string_view foreign) {
  std::vector<std::string> found;
  for (const auto& relation : relations.from(table)) {
    if (relation.foreign_table != foreign) continue;
    std::string text = std::string(to_string(relation.cardinality)) + ' ' + relation.constraint;
    for (const auto& pair : relation.columns) text += ' ' + pair.column + '=' + pair.foreign_column;
    if (const auto& junction = relation.junction) {
      text += "by " + junction->table;
      for (const auto& pair : junction->columns) text += ' ' + pair.column + '=' + pair.foreign_column;
      text += " and";
      for (const auto& pair : junction->foreign_columns)
        text += ' ' + pair.column + '=' + pair.foreign_column;
    }
    found.push_back(text);
  }
  return found;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a foreign key leads to one row, and back to many") {
  const Relations relations(related_tables());
  CHECK(between(relations, "films", "directors") == Texts{"many-to-one films_director_fkey director_id=id"});
  CHECK(between(relations, "directors", "films") == Texts{"one-to-many films_director_fkey id=director_id"});
  CHECK(between(relations, "films", "people") == Texts{"many-to-one films_producer_fkey producer_id=id",
                                                       "many-to-one films_writer_fkey writer_id=id"});
  CHECK(relations.from("specs").front().is_to_one());
  CHECK_FALSE(relations.from("directors").front().is_to_one());
}

TEST_CASE("a foreign key that is the primary key or a unique constraint leads to one row both ways") {
  const Relations relations(related_tables());
  CHECK(between(relations, "specs", "films") == Texts{"one-to-one specs_film_fkey film_id=id"});
  CHECK(between(relations, "films", "specs") == Texts{"one-to-one specs_film_fkey id=film_id"});
  CHECK(between(relations, "films", "trailers") == Texts{"one-to-one trailers_film_fkey id=film_id"});
  // An index that nothing but CREATE UNIQUE INDEX made is no constraint.
  CHECK(between(relations, "films", "posters") == Texts{"one-to-many posters_film_fkey id=film_id"});
}

TEST_CASE("a composite key pairs its columns as the key does, whatever their order") {
  const Relations relations(related_tables());
  CHECK(between(relations, "shows", "halls") ==
        Texts{"one-to-many halls_first_show_fkey id=first_show",
              "many-to-one shows_hall_fkey hall_number=number hall_city=city"});
  Catalogue catalogue = related_tables();
  catalogue.tables.at("shows").unique = {{"one_a_hall", {"hall_city", "hall_number"}}};
  CHECK(between(Relations(catalogue), "halls", "shows") ==
        Texts{"many-to-one halls_first_show_fkey first_show=id",
              "one-to-one shows_hall_fkey number=hall_number city=hall_city"});
}

TEST_CASE("a table is a junction where two foreign keys are part of its primary key") {
  const Relations relations(related_tables());
  CHECK(between(relations, "films", "actors") == Texts{"many-to-many by roles id=film_id and id=actor_id"});
  CHECK(between(relations, "actors", "films") == Texts{"many-to-many by roles id=actor_id and id=film_id"});
  CHECK(between(relations, "films", "festivals") ==
        Texts{"many-to-many by nominations id=film_id and id=festival_id",
              "many-to-many by screenings id=film_id and id=festival_id"});
  // The keys of shows and films are no part of a primary key, and one key alone joins nothing.
  CHECK(between(relations, "halls", "films").empty());
  CHECK(between(relations, "films", "films") ==
        Texts{"one-to-many films_remake_fkey id=remake_of", "many-to-one films_remake_fkey remake_of=id"});
}

TEST_CASE("a junction of a table with itself joins it both ways") {
  Catalogue catalogue;
  for (const auto& table :
       {keyed_table("users", {"id"}, {"id"}),
        keyed_table("follows", {"by", "of"}, {"by", "of"},
                    {{"by_fkey", {"by"}, "users", {"id"}}, {"of_fkey", {"of"}, "users", {"id"}}})})
    catalogue.tables.emplace(table.name, table);
  const Relations relations(catalogue);
  CHECK(between(relations, "users", "users") ==
        Texts{"many-to-many by follows id=by and id=of", "many-to-many by follows id=of and id=by"});
}

TEST_CASE("the slot column is no part of a relation, and what is not served has none") {
  const Relations relations(related_tables());
  CHECK(between(relations, "reviews", "films") == Texts{"many-to-one reviews_film_fkey film_id=id"});
  CHECK(relations.from("notes").empty());
  CHECK(relations.from("nowhere").empty());
  CHECK_FALSE(std::ranges::count(relations.tables(), "notes"));

  // Unique with its slot, the key leads to one row all the same.
  Catalogue catalogue = related_tables();
  catalogue.tables.at("reviews").unique = {{"one_a_film", {"shardplex_slot", "film_id"}}};
  CHECK(between(Relations(catalogue), "films", "reviews") ==
        Texts{"one-to-one reviews_film_fkey id=film_id"});
}

TEST_CASE("a declared key is a relation like any, and one that is there anyway is not doubled") {
  const Relations relations(related_tables(), {{"notes", {"about", {"id"}, "films", {"id"}}},
                                               {"films", {"again", {"director_id"}, "directors", {"id"}}},
                                               {"notes", {"nowhere", {"id"}, "hidden", {"id"}}},
                                               {"notes", {"uneven", {"id"}, "films", {"id", "title"}}}});
  CHECK(between(relations, "notes", "films") == Texts{"one-to-one about id=id"});
  CHECK(between(relations, "films", "directors").size() == 1);
  CHECK(relations.from("notes").size() == 1);
}

TEST_CASE("a declared key is not doubled by one that PostgreSQL checks within a slot, or in another order") {
  const Relations relations(related_tables(),
                            {{"reviews", {"about", {"film_id"}, "films", {"id"}}},
                             {"shows", {"hall", {"hall_city", "hall_number"}, "halls", {"city", "number"}}},
                             {"films", {"one", {"writer_id"}, "directors", {"id"}}},
                             {"films", {"same", {"writer_id"}, "directors", {"id"}}}});
  CHECK(between(relations, "reviews", "films") == Texts{"many-to-one reviews_film_fkey film_id=id"});
  CHECK(between(relations, "films", "reviews").size() == 1);
  CHECK(between(relations, "halls", "shows") ==
        Texts{"one-to-many shows_hall_fkey number=hall_number city=hall_city",
              "many-to-one halls_first_show_fkey first_show=id"});
  CHECK(between(relations, "films", "directors").size() == 2);
}

TEST_CASE("keys relate the same rows by the same pairs of columns, whatever their order") {
  const ForeignKey key{"a", {"x", "y"}, "t", {"p", "q"}};
  CHECK(relate_the_same(key, {"b", {"y", "x"}, "t", {"q", "p"}}));
  CHECK(relate_the_same(key, {"b", {"shardplex_slot", "y", "x"}, "t", {"shardplex_slot", "q", "p"}}));
  CHECK_FALSE(relate_the_same(key, {"b", {"x", "y"}, "t", {"q", "p"}}));
  CHECK_FALSE(relate_the_same(key, {"b", {"x", "y"}, "u", {"p", "q"}}));
  CHECK_FALSE(relate_the_same(key, {"b", {"x"}, "t", {"p"}}));
  CHECK_FALSE(relate_the_same(key, {"b", {"x", "y", "shardplex_slot"}, "t", {"p", "q", "id"}}));
  CHECK_FALSE(relate_the_same(key, {"b", {"x", "y"}, "t", {"p"}}));
}

TEST_CASE("a declared key that cannot be followed gives no relation, and says why") {
  Catalogue catalogue = related_tables();
  catalogue.tables.at("people").columns[0] = column("id", "integer", "int4");
  catalogue.tables.at("people").columns[1] = column("name", "text", "text");
  catalogue.tables.at("people").unique = {{"people_name_index", {"name"}, true}};
  const auto problem = [&](const DeclaredKey& key) {
    const bool followed = !Relations(catalogue, {key}).from(key.table).empty();
    const auto told = problem_of(key, catalogue);
    CHECK(followed != told.has_value());
    return told.value_or("");
  };
  const auto key = [](std::string column, std::string foreign_table, std::string foreign_column) {
    return DeclaredKey{"notes", {"about", {column}, foreign_table, {foreign_column}}};
  };
  CHECK(problem(key("gone", "films", "id")) ==
        "the relation about of the map is not served: notes has no column gone");
  CHECK(problem(key("id", "films", "gone")) ==
        "the relation about of the map is not served: films has no column gone");
  CHECK(
      problem(key("id", "films", "year")) ==
      "the relation about of the map is not served: the columns (year) of films are neither its primary key "
      "nor unique");
  CHECK(problem(key("id", "people", "name")) ==
        "the relation about of the map is not served: notes.id is bigint, and people.name is text");
  // Integers of all widths compare, and an index keeps values apart as a constraint does.
  CHECK(problem(key("id", "people", "id")) == "");
  catalogue.tables.at("notes").columns.push_back(column("by", "character varying", "varchar"));
  CHECK(problem(key("by", "people", "name")) == "");
  CHECK_FALSE(problem_of(key("id", "hidden", "id"), catalogue));
}
