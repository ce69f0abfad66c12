#include "tests/integration/lookup_site.hpp"

#include <map>
#include <random>
#include <vector>

namespace shardplex::integration {
namespace {

using Random = std::mt19937;

unsigned below(Random& random, unsigned end) {
  return static_cast<unsigned>(random() % end);
}

const std::string create_tables =
    "CREATE TABLE towns (id integer PRIMARY KEY, name text);"
    "CREATE TABLE users (id integer PRIMARY KEY, name text, town_id integer);"
    "CREATE TABLE lists (user_id integer, movie_id bigint, place integer, PRIMARY KEY (user_id, movie_id));"
    // Related by columns of which equal values can have different texts, or texts that a session decides.
    "CREATE TYPE size AS ENUM ('small', 'in, \"between\"', 'large');"
    "CREATE TYPE spot AS (x integer, y text);"
    "CREATE TABLE stock (id integer PRIMARY KEY, code char(6) UNIQUE, price numeric UNIQUE,"
    " stored timestamptz UNIQUE, day date UNIQUE, label text UNIQUE, size size UNIQUE);"
    "CREATE TABLE orders (id integer PRIMARY KEY, code char(6), price numeric, stored timestamptz, day date,"
    " label text, size size, tags text[], spot spot, extra jsonb, raw json);";

const std::string scattered = R"(groups:
  catalog:
    strategy: { hash: {} }
    placement: { alpha: [0-340], beta: [341-681], gamma: [682-1023] }
  people:
    strategy: { hash: {} }
    placement: { beta: [0-340], gamma: [341-681], alpha: [682-1023] }
tables:
  movies: { group: catalog, key: id }
  ratings: { group: catalog, key: movie_id }
  genres: { reference: true }
  towns: { group: people, key: id }
  users: { group: people, key: id }
  lists: { group: people, key: user_id }
  stock: { group: people, key: id }
  orders: { group: people, key: id }
)";

const std::string together = R"(tables:
  movies: { reference: true }
  ratings: { reference: true }
  genres: { reference: true }
  towns: { reference: true }
  users: { reference: true }
  lists: { reference: true }
  stock: { reference: true }
  orders: { reference: true }
)";

const std::string relations = R"(relations:
  movies_genre: { table: movies, columns: [primary_genre], foreign_table: genres, foreign_columns: [name] }
  ratings_movie: { table: ratings, columns: [movie_id], foreign_table: movies, foreign_columns: [id] }
  ratings_user: { table: ratings, columns: [user_id], foreign_table: users, foreign_columns: [id] }
  users_town: { table: users, columns: [town_id], foreign_table: towns, foreign_columns: [id] }
  lists_user: { table: lists, columns: [user_id], foreign_table: users, foreign_columns: [id] }
  lists_movie: { table: lists, columns: [movie_id], foreign_table: movies, foreign_columns: [id] }
  by_code: { table: orders, columns: [code], foreign_table: stock, foreign_columns: [code] }
  by_price: { table: orders, columns: [price], foreign_table: stock, foreign_columns: [price] }
  by_time: { table: orders, columns: [stored], foreign_table: stock, foreign_columns: [stored] }
  by_day: { table: orders, columns: [day], foreign_table: stock, foreign_columns: [day] }
  by_label: { table: orders, columns: [label], foreign_table: stock, foreign_columns: [label] }
  by_size: { table: orders, columns: [size], foreign_table: stock, foreign_columns: [size] }
)";

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

/// `percent` of 100 are null.
std::string or_null(Random& random, unsigned percent, const std::string& value) {
  return below(random, 100) < percent ? "null" : value;
}

/// The rows of each table, the same for every cluster: some keys lead nowhere, and some rows have nothing.
std::map<std::string, std::string> sample() {
  Random random(20250311);
  std::map<std::string, std::string> rows;
  const std::vector<std::string> genres{"Action", "Comedy", "Drama", "Horror"};
  for (unsigned i = 0; i < genres.size(); ++i)
    rows["genres"] += "{\"name\":" + quoted(genres[i]) + ",\"number\":" + std::to_string(i) +
                      ",\"description\":" + or_null(random, 30, quoted("all of " + genres[i])) + "}\n";
  for (unsigned id = 1; id <= 5; ++id)
    rows["towns"] += "{\"id\":" + std::to_string(id) +
                     ",\"name\":" + or_null(random, 20, quoted("Town\\\"" + std::to_string(id))) + "}\n";
  for (unsigned id = 1; id <= users; ++id)
    rows["users"] += "{\"id\":" + std::to_string(id) +
                     ",\"name\":" + quoted("u" + std::to_string(below(random, 12))) +
                     ",\"town_id\":" + or_null(random, 20, std::to_string(1 + below(random, 7))) + "}\n";
  for (unsigned id = 1; id <= films; ++id) {
    const auto genre = below(random, 6);
    rows["movies"] += "{\"id\":" + std::to_string(id * 1000003ULL) +
                      ",\"name\":" + quoted("Film " + std::to_string(below(random, 20))) +
                      ",\"genre\":[\"a\",\"b\"],\"primary_genre\":" +
                      (genre < 4    ? quoted(genres[genre])
                       : genre == 4 ? quoted("Unknown")
                                    : "null") +
                      ",\"imdb_score\":" + or_null(random, 30, std::to_string(below(random, 10)) + ".5") +
                      "}\n";
    for (unsigned user = 1; user <= users + 2; ++user) {
      if (below(random, 100) < 12 && id % 7 != 0)
        rows["ratings"] +=
            "{\"movie_id\":" + std::to_string(id * 1000003ULL) + ",\"user_id\":" + std::to_string(user) +
            ",\"score\":" + std::to_string(1 + below(random, 5)) + ",\"rated_at\":\"2024-05-0" +
            std::to_string(1 + below(random, 9)) + "T10:00:00Z\"}\n";
      if (below(random, 100) < 6 && user <= users)
        rows["lists"] += "{\"user_id\":" + std::to_string(user) +
                         ",\"movie_id\":" + std::to_string(id * 1000003ULL) +
                         ",\"place\":" + or_null(random, 20, std::to_string(below(random, 4))) + "}\n";
    }
  }
  for (unsigned id = 1; id <= 9; ++id) rows["stock"] += "{\"id\":" + std::to_string(id) + "}\n";
  for (unsigned id = 1; id <= 40; ++id) rows["orders"] += "{\"id\":" + std::to_string(id) + "}\n";
  return rows;
}

/// Values of stock and orders that the same id gives on every shard.
const std::string fill_odd_tables = R"(
UPDATE stock SET
  code = (ARRAY['a', 'b  ', 'A', '"', '\', '{', ',', '', 'NULL'])[id],
  price = (ARRAY['1', '2.50', '0', '-3.10', 'NaN', '1e20', '0.1', '12345678901234567890.5', '7'])[id]::numeric,
  stored = (ARRAY['infinity', '2024-02-29 10:00+02', '0044-03-15 00:00+00 BC', '1970-01-01 00:00:00.000001+00',
                  '12000-01-01 00:00+00', '2024-10-27 02:30+01', '2024-10-27 02:30+02', '-infinity',
                  '2000-01-01 00:00+00'])[id]::timestamptz,
  day = (ARRAY['infinity', '2024-02-29', '0044-03-15 BC', '12000-01-01', '2000-01-01', '1999-12-31', '-infinity',
               '1900-01-01', '1582-10-10'])[id]::date,
  label = (ARRAY['a', 'a ', 'A', E'"\\,{}', 'NULL', '', 'é', E'\n', 'null'])[id],
  size = CASE id WHEN 1 THEN 'small' WHEN 2 THEN 'in, "between"' WHEN 3 THEN 'large' END::size;
UPDATE orders SET
  code = (ARRAY['a     ', 'b', 'A', '"', '\', '{', ',', '', 'NULL', 'z', NULL])[1 + id % 11],
  price = (ARRAY['1.000', '2.5', '0.00', '-3.1', 'NaN', '100000000000000000000', '0.10', '7.0', '9', NULL])[1 + id % 10]::numeric,
  stored = (ARRAY['infinity', '2024-02-29 08:00+00', '0044-03-15 00:00+00 BC', '1970-01-01 00:00:00.000001+00',
                  '12000-01-01 01:00+01', '2024-10-27 01:30+00', '2024-10-27 00:30+00', '-infinity', NULL])[1 + id % 9]::timestamptz,
  day = (ARRAY['infinity', '2024-02-29', '0044-03-15 BC', '12000-01-01', '2000-01-01', '1582-10-10', NULL])[1 + id % 7]::date,
  label = (ARRAY['a', 'a ', 'A', E'"\\,{}', 'NULL', '', 'é', E'\n', 'null', 'b', NULL])[1 + id % 11],
  size = (ARRAY['small', 'in, "between"', 'large', NULL])[1 + id % 4]::size,
  tags = CASE id % 4 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE ARRAY[id::text, NULL, '"x"'] END,
  spot = CASE id % 3 WHEN 0 THEN NULL ELSE ROW(id, E'y\n')::spot END,
  extra = CASE id % 5 WHEN 0 THEN NULL WHEN 1 THEN '[1, 2]' WHEN 2 THEN '{"a": [1]}' WHEN 3 THEN 'null' ELSE '"s"' END::jsonb;
)";

}  // namespace

LookupSite::LookupSite(int shard_count, const std::string& layout)
    : cluster({.shards = shard_count, .replicas = 0}) {
  cluster.use_map(layout + relations);
  cluster.run_everywhere(create_tables);
  cluster.initialise();
  for (const auto& [table, rows] : sample()) cluster.load(table, rows);
  cluster.run_everywhere(fill_odd_tables);
  // Its largest answers may take a slow machine longer than a request usually may.
  router.emplace(cluster.map_file(), Router::Options{.arguments = {"--request-timeout", "180s"},
                                                     .environment = {},
                                                     .wait_until_ready = true});
}

LookupSite& shards() {
  static LookupSite site(3, scattered);
  return site;
}

LookupSite& one() {
  static LookupSite site(1, together);
  return site;
}

}  // namespace shardplex::integration
