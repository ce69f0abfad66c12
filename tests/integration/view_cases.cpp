#include "tests/integration/view_cases.hpp"

namespace shardplex::integration {
namespace {

const std::string slot = ", m.shardplex_slot FROM movies m ";
const std::string own = "a shard has only its own", keys = "by other columns than their keys",
                  gathers = "with different keys", each_own = "which each shard would do for its own rows";

}  // namespace

const std::vector<ViewCase>& view_cases() {
  static const std::vector<ViewCase> all{
      // Shards answer for these.
      {"scored", "SELECT m.id, m.name, r.user_id, r.score" + slot + "JOIN ratings r ON r.movie_id = m.id",
       "id,name,user_id,score", ""},
      {"perhaps_scored",
       "SELECT m.id, r.user_id, r.score" + slot + "LEFT JOIN ratings r ON r.movie_id = m.id AND r.score > 5",
       "id,user_id,score", ""},
      {"right_scored",
       "SELECT m.id, r.user_id, m.shardplex_slot FROM ratings r RIGHT JOIN movies m ON m.id = r.movie_id",
       "id,user_id", ""},
      {"told",
       "SELECT m.id, r.score, e.kind, e.place" + slot +
           ", ratings r, events e WHERE m.id = r.movie_id AND e.movie_id = r.movie_id",
       "id,score,kind,place", ""},
      {"twice", "SELECT id, o.name, m.shardplex_slot FROM movies m JOIN movies o USING (id)", "id,name", ""},
      {"numbered",
       "SELECT m.id, g.number, initial(g.name) AS letter" + slot +
           "LEFT JOIN genres g ON g.name = m.primary_genre AND g.number < 3",
       "id,number,letter", ""},
      {"in_all_genres",
       "SELECT m.id, g.name AS genre, n" + slot + "CROSS JOIN genres g CROSS JOIN generate_series(1, 2) n",
       "id,genre,n", ""},
      {"unscored", "SELECT m.id" + slot + "WHERE NOT EXISTS (SELECT FROM ratings r WHERE r.movie_id = m.id)",
       "id", ""},
      {"with_best", "SELECT m.id, (SELECT max(score) FROM ratings r WHERE r.movie_id = m.id) AS best" + slot,
       "id,best", ""},
      {"with_last",
       "SELECT m.id, (SELECT user_id FROM ratings r WHERE r.movie_id = m.id ORDER BY score, user_id LIMIT 1) "
       "AS "
       "who" +
           slot,
       "id,who", ""},
      {"with_places",
       "SELECT m.id, coalesce(e.n, 0) AS n" + slot +
           "LEFT JOIN (SELECT movie_id, count(DISTINCT place) AS n FROM events GROUP BY movie_id) e"
           " ON e.movie_id = m.id",
       "id,n", ""},
      {"kinds_of", "SELECT DISTINCT m.id, e.kind" + slot + "JOIN events e ON e.movie_id = m.id", "id,kind",
       ""},
      {"well_rated", "SELECT m.id, m.votes, m.shardplex_slot FROM rated m WHERE m.best > 7", "id,votes", ""},
      {"beside_genres", "SELECT m.id, (SELECT count(*) FROM genres) AS genres" + slot, "id,genres", ""},
      // And not for these.
      {"best_of_all", "SELECT m.id, (SELECT max(score) FROM ratings) AS best" + slot, "id,best",
       "a subquery in it reads ratings"},
      {"has_namesake",
       "SELECT m.id" + slot + "WHERE EXISTS (SELECT FROM movies o WHERE o.name = m.name AND o.id <> m.id)",
       "id", own},
      {"in_scores",
       "SELECT m.id" + slot + "WHERE m.imdb_votes IN (SELECT score FROM ratings WHERE user_id = 2)", "id",
       own},
      {"namesakes", "SELECT m.id, o.id AS other" + slot + "JOIN movies o ON o.name = m.name", "id,other",
       "it joins movies and movies " + keys},
      {"all_pairs", "SELECT m.id, r.score" + slot + "CROSS JOIN ratings r", "id,score", keys},
      {"maybe_pairs", "SELECT m.id, r.score" + slot + "LEFT JOIN ratings r ON r.score = m.imdb_votes",
       "id,score", keys},
      {"halves",
       "SELECT g.name, m.id, m.shardplex_slot FROM genres g LEFT JOIN movies m ON m.primary_genre = g.name",
       "name,id", "an outer join keeps rows of reference tables"},
      {"both_ways", "SELECT m.id, r.score" + slot + "FULL JOIN ratings r ON r.movie_id = m.id", "id,score",
       "FULL JOIN"},
      {"per_genre",
       "SELECT max(m.id) AS id, max(m.shardplex_slot) AS shardplex_slot FROM movies m"
       " GROUP BY primary_genre",
       "id", gathers},
      {"in_total", "SELECT max(m.id) AS id, max(m.shardplex_slot) AS shardplex_slot FROM movies m", "id",
       gathers},
      {"known_scores",
       "SELECT m.id, s.score" + slot +
           "JOIN (SELECT DISTINCT score FROM ratings) s ON s.score = m.imdb_votes",
       "id,score", gathers},
      {"one_per_genre", "SELECT DISTINCT ON (primary_genre) m.id" + slot + "ORDER BY primary_genre, m.id",
       "id", "DISTINCT ON"},
      {"ranked", "SELECT m.id, rank() OVER (ORDER BY imdb_votes) AS place" + slot, "id,place",
       "a window function"},
      {"first_of", "SELECT m.id, m.shardplex_slot FROM (SELECT * FROM movies ORDER BY id LIMIT 7) m", "id",
       each_own},
      {"but_first", "SELECT m.id" + slot + "ORDER BY m.id OFFSET 7", "id", each_own},
      {"either", "SELECT id, shardplex_slot FROM movies UNION SELECT movie_id, shardplex_slot FROM ratings",
       "id", "UNION, INTERSECT or EXCEPT"},
      {"neither", "SELECT id, shardplex_slot FROM movies EXCEPT SELECT movie_id, shardplex_slot FROM ratings",
       "id", "UNION, INTERSECT or EXCEPT"},
      {"walked",
       "WITH RECURSIVE w(id, shardplex_slot) AS (SELECT id, shardplex_slot FROM movies WHERE imdb_votes = 0 "
       "UNION "
       "SELECT o.id, o.shardplex_slot FROM w JOIN movies o ON o.id = w.id + 7919) SELECT * FROM w",
       "id", "reads movies"},
      {"locked", "SELECT m.id" + slot + "FOR SHARE", "id", "FOR UPDATE or FOR SHARE"},
      {"sampled", "SELECT m.id" + slot + "TABLESAMPLE system (50) REPEATABLE (1)", "id", "TABLESAMPLE"},
      {"placed", "SELECT m.id, m.ctid::text AS place" + slot, "id,place", "a system column"},
      {"called", "SELECT m.id, best() AS best" + slot, "id,best", "it calls best"},
      {"chanced", "SELECT m.id, random() AS chance" + slot, "id,chance", "it calls random"},
      {"above_refused", "SELECT m.id, m.best, m.shardplex_slot FROM best_of_all m", "id,best",
       "a subquery in it reads ratings"},
  };
  return all;
}

}  // namespace shardplex::integration
