// Tables that are related over shards.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "query/grammar/parse.hpp"
#include "query/plan/routed_plan.hpp"
#include "query/resolve/read_tree.hpp"
#include "tests/query/fixtures.hpp"

namespace shardplex::fixtures {

/// Films with two computed columns, their ratings beside them, and users elsewhere; lists of films by users,
/// whose rows are beside the users; genres on every shard.
inline Catalogue scattered_tables() {
  Catalogue catalogue;
  Table films = movies();
  films.foreign_keys = {{"movies_primary_genre_fkey", {"primary_genre"}, "genres", {"name"}}};
  films.computed = {computed(column("label", "text", "text")), computed(column("twice", "integer", "int4"))};
  Table scores = ratings();
  scores.foreign_keys = {{"ratings_movie_id_fkey", {"movie_id"}, "movies", {"id"}},
                         {"ratings_user_id_fkey", {"user_id"}, "users", {"id"}}};
  Table users;
  users.name = "users";
  users.has_slot_column = true;
  users.columns = {not_null(column("id", "integer", "int4")), column("name", "text", "text"),
                   column("weight", "double precision", "float8"), column("tags", "text[]", "_text")};
  users.primary_key = {"id"};
  Table friends;
  friends.name = "friends";
  friends.has_slot_column = true;
  friends.columns = {not_null(column("user_id", "integer", "int4")),
                     not_null(column("friend_id", "integer", "int4"))};
  friends.primary_key = {"user_id", "friend_id"};
  friends.foreign_keys = {{"friends_user_fkey", {"user_id"}, "users", {"id"}},
                          {"friends_friend_fkey", {"friend_id"}, "users", {"id"}}};
  Table lists;
  lists.name = "lists";
  lists.has_slot_column = true;
  lists.columns = {not_null(column("user_id", "integer", "int4")),
                   not_null(column("movie_id", "bigint", "int8"))};
  lists.primary_key = {"user_id", "movie_id"};
  lists.foreign_keys = {{"lists_user_fkey", {"user_id"}, "users", {"id"}},
                        {"lists_movie_fkey", {"movie_id"}, "movies", {"id"}}};
  Table scales;
  scales.name = "scales";
  scales.has_slot_column = true;
  scales.columns = {not_null(column("weight", "double precision", "float8"))};
  scales.primary_key = {"weight"};
  Table nicks;
  nicks.name = "nicks";
  nicks.has_slot_column = true;
  nicks.columns = {not_null(column("id", "integer", "int4")), column("nick", "text", "text")};
  nicks.columns.back().deterministic_collation = false;
  nicks.primary_key = {"id"};
  nicks.unique = {{"nicks_nick_key", {"nick"}}};
  users.foreign_keys = {{"users_weight_fkey", {"weight"}, "scales", {"weight"}},
                        {"users_nick_fkey", {"name"}, "nicks", {"nick"}}};
  for (auto& table : {films, scores, genres(), users, friends, lists, scales, nicks})
    catalogue.tables.emplace(table.name, table);
  return catalogue;
}

inline ShardMap scattered_map() {
  return ShardMap(
      "movies", three_shards(),
      {{"catalog", 1024, HashStrategy{}, thirds(1024)}, {"people", 1024, HashStrategy{}, thirds(1024)}},
      {{"movies", false, GroupId{0}, "id"},
       {"ratings", false, GroupId{0}, "movie_id"},
       {"users", false, GroupId{1}, "id"},
       {"friends", false, GroupId{1}, "user_id"},
       {"lists", false, GroupId{1}, "user_id"},
       {"scales", false, GroupId{1}, "weight"},
       {"nicks", false, GroupId{1}, "id"},
       {"genres", true, std::nullopt, ""}},
      {});
}

/// The plan of a read of these tables.
inline Result<RoutedPlan> try_plan(const std::string& table, std::string_view query_string,
                                   CountKind count = CountKind::none, RowFormat format = RowFormat::json) {
  static const Catalogue catalogue = scattered_tables();
  static const Relations relations(catalogue);
  static const ShardMap map = scattered_map();
  const auto query = std::make_unique<Query>(parse_query(table, query_string, {}).value());
  const auto tree = resolve(*query, *catalogue.find(table), catalogue, relations);
  if (!tree) return tree.error();
  return plan_routed_read(*tree, *query, in_map(*catalogue.find(table), map), count,
                          {.bytewise_default_collation = true, .row_bound = 0, .format = format});
}

}  // namespace shardplex::fixtures
