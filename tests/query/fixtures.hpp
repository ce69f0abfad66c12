// The movies API's own tables and maps, as values.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::fixtures {

inline Column column(std::string name, std::string type, std::string type_name) {
  Column c;
  c.name = std::move(name);
  c.type = std::move(type);
  c.type_name = std::move(type_name);
  c.type_schema = "pg_catalog";
  c.sort = sort_kind(c.type_name, false);
  if (c.sort == SortKind::text || c.sort == SortKind::bpchar) c.collation = "C.UTF-8";
  return c;
}

inline Column not_null(Column c) {
  c.not_null = true;
  return c;
}

inline Column with_default(Column c) {
  c.has_default = true;
  return c;
}

inline Column rating_enum(std::string name) {
  Column c = column(std::move(name), "mpaa", "mpaa");
  c.type_schema = "public";
  c.sort = SortKind::enumeration;
  c.enum_labels = {"G", "PG", "R"};
  return c;
}

/// Of the extension, which is in a schema of its own.
inline Column citext(std::string name) {
  Column c = column(std::move(name), "extensions.citext", "citext");
  c.type_schema = "extensions";
  c.collation = "C.UTF-8";
  c.is_citext = true;
  return c;
}

inline Column collated(Column c, std::string collation) {
  c.bytewise_collation = is_bytewise_collation(collation);
  c.collation = std::move(collation);
  return c;
}

/// Of an IMMUTABLE function of the schema public.
inline ComputedColumn computed(Column c) {
  ComputedColumn made;
  made.column = std::move(c);
  made.column.function_schema = "public";
  made.volatility = Volatility::immutable;
  made.definition = "as here";
  return made;
}

/// public.name(…), which gives a set of rows of a table.
inline ComputedRelation gives_rows(const std::string& name, const std::string& foreign_table) {
  ComputedRelation made;
  made.name = name;
  made.function_schema = "public";
  made.foreign_table = foreign_table;
  made.returns_set = true;
  made.volatility = Volatility::stable;
  made.definition = "as here";
  return made;
}

inline Table movies() {
  Table t;
  t.name = "movies";
  t.has_slot_column = true;
  t.columns = {not_null(column("id", "bigint", "int8")),
               not_null(column("name", "text", "text")),
               column("genre", "text[]", "_text"),
               column("primary_genre", "text", "text"),
               column("imdb_score", "numeric(3,1)", "numeric"),
               column("released", "date", "date"),
               column("data", "jsonb", "jsonb"),
               column("raw", "json", "json"),
               rating_enum("mpaa"),
               column("words", "tsvector", "tsvector"),
               collated(column("title_de", "text", "text"), "de_DE.utf8"),
               with_default(column("votes", "integer", "int4"))};
  t.primary_key = {"id"};
  return t;
}

inline Table ratings() {
  Table t;
  t.name = "ratings";
  t.has_slot_column = true;
  t.columns = {not_null(column("movie_id", "bigint", "int8")), not_null(column("user_id", "integer", "int4")),
               column("score", "integer", "int4")};
  t.primary_key = {"movie_id", "user_id"};
  return t;
}

inline Table genres() {
  Table t;
  t.name = "genres";
  t.columns = {not_null(column("name", "text", "text")), column("note", "text", "text")};
  t.primary_key = {"name"};
  return t;
}

inline std::vector<Shard> three_shards() {
  return {{"alpha", "host=a", {}}, {"beta", "host=b", {}}, {"gamma", "host=c", {}}};
}

/// Thirds of the slots on alpha, beta and gamma.
inline std::vector<ShardId> thirds(std::uint32_t slot_count) {
  std::vector<ShardId> placement;
  for (std::uint32_t slot = 0; slot < slot_count; ++slot)
    placement.push_back(ShardId{static_cast<std::uint16_t>(slot * 3 / slot_count)});
  return placement;
}

inline std::vector<Slot> slots(std::uint32_t first, std::uint32_t last) {
  std::vector<Slot> out;
  for (std::uint32_t slot = first; slot <= last; ++slot) out.push_back(Slot{slot});
  return out;
}

inline ShardMap hash_map() {
  return ShardMap("movies", three_shards(), {{"catalog", 1024, HashStrategy{}, thirds(1024)}},
                  {{"movies", false, GroupId{0}, "id"},
                   {"ratings", false, GroupId{0}, "movie_id"},
                   {"genres", true, std::nullopt, ""}},
                  {});
}

inline ListStrategy by_genre() {
  return {"primary_genre",
          "id",
          {{"Drama", slots(0, 255)}, {"Comedy", slots(256, 447)}, {"Horror", slots(448, 448)}},
          slots(960, 1023)};
}

inline ShardMap list_map() {
  return ShardMap("movies", three_shards(), {{"by_genre", 1024, by_genre(), thirds(1024)}},
                  {{"movies", false, GroupId{0}, "id"}, {"genres", true, std::nullopt, ""}}, {});
}

/// Lifetime: refers to both.
inline RoutedTable in_map(const Table& table, const ShardMap& map) {
  return {table, *map.find_placement(table.name), map};
}

}  // namespace shardplex::fixtures
