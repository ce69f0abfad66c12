// Tables that are related in every way there is, as a catalogue.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "tests/query/fixtures.hpp"

namespace shardplex::fixtures {

inline Table keyed_table(std::string name, std::vector<std::string> columns,
                         std::vector<std::string> primary_key, std::vector<ForeignKey> foreign_keys = {}) {
  Table made;
  made.name = std::move(name);
  for (auto& each : columns) made.columns.push_back(column(std::move(each), "bigint", "int8"));
  made.primary_key = std::move(primary_key);
  made.foreign_keys = std::move(foreign_keys);
  return made;
}

/// films have one director, a writer and a producer among people, and may be a remake of another film. They
/// have actors by roles, and festivals by nominations and by screenings. Of specs there is at most one to a
/// film, of trailers too; that of posters is kept by an index alone. shows are in halls, whose key is
/// composite, and a hall has one of them as its first. reviews have a key that PostgreSQL checks within a
/// slot.
inline Catalogue related_tables() {
  std::vector<Table> tables{
      keyed_table("directors", {"id", "name"}, {"id"}),
      keyed_table("people", {"id", "name"}, {"id"}),
      keyed_table("films", {"id", "title", "year", "director_id", "writer_id", "producer_id", "remake_of"},
                  {"id"},
                  {{"films_director_fkey", {"director_id"}, "directors", {"id"}},
                   {"films_writer_fkey", {"writer_id"}, "people", {"id"}},
                   {"films_producer_fkey", {"producer_id"}, "people", {"id"}},
                   {"films_remake_fkey", {"remake_of"}, "films", {"id"}}}),
      keyed_table("actors", {"id", "name"}, {"id"}),
      keyed_table("roles", {"film_id", "actor_id", "character"}, {"film_id", "actor_id"},
                  {{"roles_film_fkey", {"film_id"}, "films", {"id"}},
                   {"roles_actor_fkey", {"actor_id"}, "actors", {"id"}}}),
      keyed_table("festivals", {"id", "name"}, {"id"}),
      keyed_table("nominations", {"id", "film_id", "festival_id", "rank"}, {"id", "festival_id", "film_id"},
                  {{"nominations_film_fkey", {"film_id"}, "films", {"id"}},
                   {"nominations_festival_fkey", {"festival_id"}, "festivals", {"id"}}}),
      keyed_table("screenings", {"film_id", "festival_id"}, {"film_id", "festival_id"},
                  {{"screenings_film_fkey", {"film_id"}, "films", {"id"}},
                   {"screenings_festival_fkey", {"festival_id"}, "festivals", {"id"}}}),
      keyed_table("specs", {"film_id", "camera"}, {"film_id"},
                  {{"specs_film_fkey", {"film_id"}, "films", {"id"}}}),
      keyed_table("trailers", {"id", "film_id"}, {"id"},
                  {{"trailers_film_fkey", {"film_id"}, "films", {"id"}}}),
      keyed_table("posters", {"id", "film_id"}, {"id"},
                  {{"posters_film_fkey", {"film_id"}, "films", {"id"}}}),
      keyed_table("halls", {"city", "number", "seats", "first_show"}, {"city", "number"},
                  {{"halls_first_show_fkey", {"first_show"}, "shows", {"id"}}}),
      keyed_table("shows", {"id", "hall_city", "hall_number", "film_id"}, {"id"},
                  {{"shows_hall_fkey", {"hall_number", "hall_city"}, "halls", {"number", "city"}},
                   {"shows_film_fkey", {"film_id"}, "films", {"id"}}}),
      keyed_table("reviews", {"id", "film_id", "text"}, {"id"},
                  {{"reviews_film_fkey", {"film_id", "shardplex_slot"}, "films", {"id", "shardplex_slot"}}}),
      keyed_table(
          "notes", {"id"}, {"id"},
          {{"notes_gone_fkey", {"gone"}, "films", {"id"}}, {"notes_hidden_fkey", {"id"}, "hidden", {"id"}}}),
  };
  Catalogue catalogue;
  for (auto& table : tables) catalogue.tables.emplace(table.name, table);
  catalogue.tables.at("trailers").unique = {{"trailers_film_key", {"film_id"}, false}};
  catalogue.tables.at("posters").unique = {{"posters_film_index", {"film_id"}, true}};
  return catalogue;
}

}  // namespace shardplex::fixtures
