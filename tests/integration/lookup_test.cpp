// Embeds of rows on other shards, compared byte for byte with the same tables on one shard.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/slot_mover.hpp"
#include "tests/sanitized.hpp"

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
    " label text, size size, tags text[], spot spot, extra jsonb);";

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

constexpr unsigned films = 60, users = 25;

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

/// A cluster with the sample, laid out as `layout` says.
struct Site {
  Site(int shards, const std::string& layout) : cluster({.shards = shards, .replicas = 0}) {
    std::ifstream in(cluster.map_file());
    std::string map(std::istreambuf_iterator<char>(in), {});
    map = map.substr(0, map.find("\ngroups:") + 1) + layout + relations;
    std::ofstream(cluster.map_file()) << map;
    cluster.run_everywhere(create_tables);
    cluster.initialise();
    for (const auto& [table, rows] : sample()) cluster.load(table, rows);
    cluster.run_everywhere(fill_odd_tables);
    router.emplace(cluster.map_file());
  }
  HttpResponse get(const std::string& target, const Headers& headers = {}) const {
    return HttpClient(router->port()).get(target, headers);
  }

  Cluster cluster;
  std::optional<Router> router;
};

Site& shards() {
  static Site site(3, scattered);
  return site;
}
Site& one() {
  static Site site(1, together);
  return site;
}

// ---- Random requests.

struct Way {
  std::string to;  ///< as select= names it
  std::string table;
  bool to_one = false;
};

struct Node {
  std::vector<std::string> columns;
  std::vector<Way> ways;
};

const std::map<std::string, Node>& tables() {
  static const std::map<std::string, Node> all{
      {"movies",
       {{"id", "name", "primary_genre", "imdb_score", "genre"},
        {{"ratings", "ratings"},
         {"genres", "genres", true},
         {"users!lists", "users"},
         {"users!ratings", "users"},
         {"lists", "lists"}}}},
      {"ratings",
       {{"movie_id", "user_id", "score", "rated_at"},
        {{"movies", "movies", true}, {"users", "users", true}}}},
      {"users",
       {{"id", "name", "town_id"},
        {{"towns", "towns", true},
         {"ratings", "ratings"},
         {"lists", "lists"},
         {"movies!lists", "movies"},
         {"movies!ratings", "movies"}}}},
      {"towns", {{"id", "name"}, {{"users", "users"}}}},
      {"lists", {{"user_id", "movie_id", "place"}, {{"users", "users", true}, {"movies", "movies", true}}}},
      {"genres", {{"name", "number", "description"}, {{"movies", "movies"}}}}};
  return all;
}

class Requests {
 public:
  explicit Requests(unsigned seed) : random_(seed) {}

  std::string next() {
    parameters_.clear();
    aliases_ = 0;
    static const std::vector<std::string> roots{"movies", "ratings", "users", "towns", "lists", "genres"};
    const auto& table = roots[below(random_, 6)];
    const std::string select = node(table, "", 3);
    std::string target = '/' + table + "?select=" + select;
    for (const auto& parameter : parameters_) target += '&' + parameter;
    return target;
  }

 private:
  bool chance(unsigned percent) { return below(random_, 100) < percent; }
  const std::string& column_of(const std::string& table) {
    const auto& columns = tables().at(table).columns;
    return columns[below(random_, static_cast<unsigned>(columns.size()))];
  }

  /// The select list of a node, whose parameters begin with `path`.
  std::string node(const std::string& table, const std::string& path, unsigned depth) {
    std::string select;
    const auto add = [&](const std::string& item) { select += (select.empty() ? "" : ",") + item; };
    if (path.empty() || chance(90)) {
      const auto& key = tables().at(table).columns.front();
      add(key);
      if (chance(60)) add("x" + std::to_string(++aliases_) + ':' + column_of(table));
    }
    std::vector<std::string> names;
    for (unsigned i = below(random_, 3); depth > 0 && i > 0; --i) {
      const auto& ways = tables().at(table).ways;
      const auto& way = ways[below(random_, static_cast<unsigned>(ways.size()))];
      const std::string name = "e" + std::to_string(++aliases_);
      names.push_back(name);
      std::string embed = (chance(15) ? "..." : "") + name + ':' + way.to;
      if (chance(20)) embed += "!inner";
      add(embed + '(' + node(way.table, path + name + '.', depth - 1) + ')');
    }
    parameters(table, path, names);
    return select;
  }

  void parameters(const std::string& table, const std::string& path, const std::vector<std::string>& embeds) {
    if (chance(40)) {
      std::string order = path + "order=";
      // Arrays have no order that can be merged.
      std::string column = column_of(table);
      if (column == "genre") column = "id";
      order += column;
      if (chance(50)) order += ".desc";
      if (chance(20)) order += ".nullslast";
      parameters_.push_back(order);
    }
    if (chance(path.empty() ? 60 : 35))
      parameters_.push_back(path + "limit=" + std::to_string(below(random_, 8)));
    if (chance(20)) parameters_.push_back(path + "offset=" + std::to_string(below(random_, 4)));
    const auto& key = tables().at(table).columns.front();
    if (chance(15)) parameters_.push_back(path + key + (key == "name" ? "=neq.Drama" : "=gt.3"));
    if (embeds.empty()) return;
    const auto& embed = embeds[below(random_, static_cast<unsigned>(embeds.size()))];
    if (chance(12)) parameters_.push_back(path + embed + (chance(50) ? "=is.null" : "=not.is.null"));
    if (chance(8))
      parameters_.push_back(path + "or=(" + embed + (chance(50) ? ".is.null," : ".not.is.null,") + key +
                            (key == "name" ? ".eq.Drama)" : ".lt.9)"));
  }

  Random random_;
  std::vector<std::string> parameters_;
  unsigned aliases_ = 0;
};

/// Some of the answers are asked for in other formats than plain JSON.
Headers format_of(unsigned seed) {
  if (seed % 5 == 0) return {{"Accept", "text/csv"}};
  if (seed % 7 == 0) return {{"Accept", "application/vnd.pgrst.array+json;nulls=stripped"}};
  if (seed % 11 == 0) return {{"Accept", "application/x-ndjson"}};
  return {};
}

}  // namespace

TEST_CASE("embeds over shards are what they are on one shard") {
  constexpr auto cases = tests::fewer_if_sanitized(1500);
  unsigned refused = 0, failures = 0;
  for (unsigned seed = 1; seed <= cases && failures < 10; ++seed) {
    const auto target = Requests(seed).next();
    const auto headers = format_of(seed);
    const auto expected = one().get(target, headers);
    const auto got = shards().get(target, headers);
    INFO("seed ", seed, ": GET ", target, headers.empty() ? "" : " as " + headers.front().second);
    if (got.error_code() == "SHARD400" && got.status == 400) {
      ++refused;
      continue;
    }
    INFO("one shard: ", expected.body, "\nshards:    ", got.body);
    CHECK(got.status == expected.status);
    CHECK(got.error_code() == expected.error_code());
    if (expected.status == 200) CHECK(got.body == expected.body);
    if (got.status != expected.status || (expected.status == 200 && got.body != expected.body)) ++failures;
  }
  MESSAGE(refused, " of ", cases, " requests were refused by the shards");
  CHECK(refused < cases / 10);
}

TEST_CASE("rows are related by equality, whatever the texts of their keys are") {
  for (const auto* by : {"by_code", "by_price", "by_time", "by_day", "by_label", "by_size"}) {
    for (const auto* select :
         {"/orders?select=id,stock!?(*)", "/orders?select=id,stock!?!inner(id,price)&limit=7&offset=3",
          "/orders?select=id,stock!?()&stock=is.null", "/stock?select=id,orders!?(id)&orders.limit=2",
          "/stock?select=id,orders!?(id,price)&orders.order=price.desc,id",
          "/stock?select=id,orders!?!inner()"}) {
      std::string target = select;
      target.replace(target.find('?', target.find('!')), 1, by);
      INFO(std::string(target));
      const auto expected = one().get(target);
      CHECK(expected.status == 200);
      CHECK(expected.body.find("\"id\":") != std::string::npos);
      CHECK(shards().get(target).body == expected.body);
    }
  }
}

TEST_CASE("arrays of a spread have the blanks and line ends that PostgreSQL gives them") {
  for (const auto* target :
       {"/stock?select=id,...orders!by_size(tags,spot,extra,list:extra-%3Ea,n:id::text)",
        "/stock?select=id,...orders!by_price(id,...stock!by_code(code:id,label),extra)",
        "/towns?select=id,...users(name,...ratings(score,...movies(genre,...genres(about:description))))",
        "/towns?select=id,...users(...ratings(...movies(name,...ratings(score))))",
        "/stock?select=id,...orders!by_size(also:tags::text,tags)"}) {
    INFO(std::string(target));
    const auto expected = one().get(target);
    CAPTURE(expected.body);
    CHECK(expected.status == 200);
    CHECK(shards().get(target).body == expected.body);
  }
}

TEST_CASE("aggregates of embeds that a shard makes are beside and inside what is looked up") {
  for (const auto* target :
       {"/movies?select=id,ratings(n:count(),score.avg()),lists(user_id)",
        "/users?select=id,ratings(score,movies(n:count(),imdb_score.max()))",
        "/towns?select=id,users(name,lists(count(),place.sum()),one:lists(count))",
        "/lists?select=user_id,movies(id,ratings(score,n:count()))&movies.ratings.order=score.desc",
        "/lists?select=user_id,...movies(name,ratings(count()))",
        "/towns?select=id,...users(name,lists(place,n:count()))",
        "/towns?select=id,users!inner(id,lists!inner(count()))&users.lists.place=eq.1"}) {
    INFO(std::string(target));
    const auto expected = one().get(target);
    CHECK(expected.status == 200);
    CHECK(shards().get(target).body == expected.body);
  }
}

TEST_CASE("aggregates of rows that are on other shards than those beside them are refused") {
  for (const auto* target :
       {"/users?select=id,ratings(count())", "/users?select=id,ratings(count)",
        "/users?select=id.max(),ratings(score)", "/users?select=count(),ratings!inner()",
        "/users?select=count,ratings!inner()", "/users?select=id,ratings!inner(score,n:count())",
        "/ratings?select=count(),...users(name)", "/ratings?select=score,...users(id.max())",
        "/movies?select=id,users!lists(count())"}) {
    INFO(std::string(target));
    CHECK(one().get(target).status == 200);
    const auto answer = shards().get(target);
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "SHARD400");
  }
}

TEST_CASE("an answer tells all shards that were asked, each once") {
  const auto answer = shards().get("/towns?select=id,users(name,movies!lists(name))");
  CHECK(answer.status == 200);
  CHECK(answer.header("Shardplex-Shards") == "alpha,beta,gamma");
}

TEST_CASE("a long answer streams with what is looked up for it, batch by batch") {
  // More rows than a batch, each with a film that its shard cannot know of.
  std::string many;
  for (unsigned i = 0; i < 3000; ++i)
    many += "{\"user_id\":" + std::to_string(1000 + i) +
            ",\"movie_id\":" + std::to_string((1 + i % films) * 1000003ULL) + "}\n";
  for (auto* site : {&shards(), &one()}) site->cluster.load("lists", many);
  const std::string target = "/lists?select=user_id,movies(name,ratings(score,users(name)))&user_id=gte.1000";
  const auto streamed = shards().get(target);
  CHECK(streamed.status == 200);
  CHECK(streamed.chunked);
  CHECK(streamed.body == one().get(target).body);
  const std::string some =
      "/lists?select=user_id,movies!inner(name)&movies.name=eq.Film%201&user_id=gte.1000&limit=5&offset=3";
  CHECK(shards().get(some).body == one().get(some).body);
}

TEST_CASE("what a shard may not answer at once is looked up for fewer rows") {
  const Router router(
      shards().cluster.map_file(),
      {.arguments = {"--max-answer-bytes", "30000"}, .environment = {}, .wait_until_ready = true});
  const std::string target =
      "/movies?select=id,lists(user_id)&lists.user_id=lt.5000&lists.order=user_id.desc";
  const auto answer = HttpClient(router.port()).get(target);
  CHECK(answer.status == 200);
  CHECK(answer.body.size() > 50'000);
  CHECK(answer.body == one().get(target).body);
}

TEST_CASE("rows that few rows of other shards choose are found among many") {
  for (const auto* target :
       {"/ratings?select=score,users!inner(name)&users.name=eq.u3",
        "/users?select=id,ratings!inner()&ratings.score=eq.5&ratings.movie_id=eq.1000003",
        "/users?select=id,ratings!inner()&ratings.score=eq.77",
        "/movies?select=id,users!lists!inner(name)&users.name=in.(u3,u4)&order=name.desc",
        "/orders?select=id,stock!by_price!inner(id)&stock.id=lt.4",
        "/orders?select=id,stock!by_label!inner(id)&stock.id=gt.2&limit=3&offset=20",
        "/orders?select=id,a:stock!by_time!inner(id),b:stock!by_day!inner(id)&a.id=gt.1&b.id=gt.1"}) {
    INFO(std::string(target));
    const auto expected = one().get(target);
    CHECK(expected.status == 200);
    CHECK(shards().get(target).body == expected.body);
  }
  // More than may be looked through in vain.
  std::string many;
  for (unsigned i = 0; i < 110'000; ++i)
    many += "{\"user_id\":" + std::to_string(100'000 + i) + ",\"movie_id\":1000003}\n";
  shards().cluster.load("lists", many + "{\"user_id\":1000000,\"movie_id\":2000006}\n");
  const auto found =
      shards().get("/lists?select=user_id,movies!inner(id)&movies.id=eq.2000006&user_id=gte.100000&limit=2");
  CHECK(found.body == "[{\"user_id\":1000000,\"movies\":{\"id\":2000006}}]");
  CHECK(
      shards().get("/lists?select=user_id,movies()&movies=is.null&user_id=gte.100000&limit=2").error_code() ==
      "SHARD400");
}

TEST_CASE("rows that other shards choose are counted") {
  for (const auto* target : {"/lists?select=user_id,movies!inner(name)&movies.id=lt.9000000&user_id=lt.100",
                             "/lists?select=user_id,movies!inner(name)&user_id=lt.100&limit=5&offset=2",
                             "/lists?select=user_id,movies!inner(name)&user_id=lt.100&limit=0",
                             "/users?select=id,ratings()&ratings=is.null&ratings.score=eq.1&limit=3",
                             "/users?select=id,ratings()&ratings=is.null&ratings.score=eq.1&offset=900"}) {
    INFO(std::string(target));
    const auto answer = HttpClient(shards().router->port()).get(target, {{"Prefer", "count=exact"}});
    const auto expected = HttpClient(one().router->port()).get(target, {{"Prefer", "count=exact"}});
    CHECK(answer.status == expected.status);
    CHECK(answer.header("Content-Range") == expected.header("Content-Range"));
    if (answer.status != 416) CHECK(answer.body == expected.body);
  }
}

TEST_CASE("embeds are whole while the slots of their rows move") {
  const std::vector<std::string> targets{
      "/lists?select=user_id,movie_id,movies(name)&user_id=lt.100",
      "/users?select=id,ratings(movie_id,score,movies(name))",
      "/genres?select=name,movies(id,ratings(score))&movies.limit=3",
      "/users?select=id,movies!ratings!inner(name)&movies.name=eq.Film%203"};
  std::vector<std::string> expected;
  for (const auto& target : targets) expected.push_back(one().get(target).body);
  SlotMover mover(shards().cluster);
  const std::size_t least_answers = 8 * targets.size();
  std::atomic<std::size_t> answers = 0, wrong = 0;
  std::atomic<bool> moving = true;
  std::string failure;
  std::thread moves([&] {
    try {
      std::mt19937_64 random(7);
      for (int i = 0; wrong < 5 && (i < 12 || answers < least_answers); ++i) mover.move_some(random);
    } catch (const std::exception& error) {
      failure = error.what();
    }
    moving = false;
  });
  for (bool last = false; !last && wrong < 5;) {
    last = !moving;
    for (std::size_t i = 0; i < targets.size(); ++i, ++answers) {
      const auto answer = shards().get(targets[i]);
      INFO(targets[i], "\n", answer.body, "\nexpected ", expected[i]);
      CHECK(answer.status == 200);
      CHECK(answer.body == expected[i]);
      wrong += answer.body != expected[i] ? 1 : 0;
    }
  }
  moves.join();
  CHECK(failure.empty());
  CHECK(wrong == 0);
  CHECK(answers >= least_answers);
}

TEST_CASE("values are found fault with also where no row asks for what they are about") {
  for (const auto* target :
       {"/users?select=id,towns(name)&id=eq.0&towns.id=eq.x",
        "/users?select=id,ratings(score,movies(name.sum()))&id=eq.0",
        "/users?select=id,movies!lists(id,ratings(users(id)))&id=eq.0&movies.ratings.users.id=lt.x",
        "/users?select=id,towns(name::nothing)&id=eq.0",
        "/users?select=id,towns(id)&id=eq.0&towns.name=is.true",
        "/ratings?select=score,movies(id,ratings(score::nothing),users!lists(id))&user_id=eq.0",
        "/orders?select=id,stock!by_code(id)&id=eq.0&stock.price=gt.{"}) {
    INFO(std::string(target));
    const auto answer = shards().get(target);
    CHECK(answer.status == one().get(target).status);
    CHECK(answer.error_code() == one().get(target).error_code());
    CHECK(answer.status >= 400);
  }
}

TEST_CASE("a lookup that a shard does not answer ends at the request's deadline") {
  const Router router(
      shards().cluster.map_file(),
      {.arguments = {"--request-timeout", "1s"}, .environment = {}, .wait_until_ready = true});
  pqxx::connection holder(shards().cluster.conninfo("alpha"));
  pqxx::work lock(holder);
  lock.exec("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
  HttpClient client(router.port());
  const auto began = std::chrono::steady_clock::now();
  const auto late = client.get("/ratings?select=score,users(name)");
  CHECK(late.status == 504);
  CHECK(late.error_code() == "SHARD504");
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
  lock.abort();
  wait_until("lookups are answered again",
             [&] { return client.get("/ratings?select=score,users(name)").status == 200; });
}

TEST_CASE("a client that has gone is not looked up for any more") {
  const Router router(
      shards().cluster.map_file(),
      {.arguments = {"--request-timeout", "600s"}, .environment = {}, .wait_until_ready = true});
  pqxx::connection holder(shards().cluster.conninfo("alpha"));
  pqxx::work lock(holder);
  lock.exec("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
  Database watcher(shards().cluster.conninfo("alpha"));
  const auto waiting = [&] {
    return watcher.number(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%unnest%'");
  };
  {
    RawConnection leaver(router.port());
    leaver.write("GET /ratings?select=score,users(name) HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_until("the lookup waits", [&] { return waiting() == 1; });
  }
  wait_until("it waits no more", [&] { return waiting() == 0; });
  lock.abort();
}

TEST_CASE("what cannot be bounded is refused") {
  for (const auto* target : {"/lists?select=user_id,movies!inner(name)&offset=10001",
                             "/lists?select=user_id,movies(name)&order=movies(name)"}) {
    const auto answer = shards().get(target);
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "SHARD400");
  }
  // Of the rows that another test has left there.
  CHECK(HttpClient(shards().router->port())
            .get("/lists?select=user_id,movies()&movies=is.null&limit=1", {{"Prefer", "count=exact"}})
            .error_code() == "SHARD400");
}

}  // namespace shardplex::integration
