// Rows of other tables in what writes return, compared byte for byte with the same tables on one shard, where
// one statement of PostgreSQL makes all of them, and with that statement.
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <pqxx/pqxx>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/lookup_site.hpp"
#include "tests/sanitized.hpp"

namespace shardplex::integration {
namespace {

using WriteRandom = std::mt19937;

Headers asking(const std::string& preference, const std::string& accept = "") {
  Headers headers{{"Content-Type", "application/json"}, {"Prefer", preference}};
  if (!accept.empty()) headers.emplace_back("Accept", accept);
  return headers;
}

const Headers representation = asking("return=representation");

HttpResponse send(const LookupSite& site, const std::string& method, const std::string& target,
                  const std::string& body, const Headers& headers = representation) {
  return HttpClient(site.router->port()).request(method, target, headers, body);
}

std::string film_id(unsigned number) {
  return std::to_string(number * 1000003ULL);
}

/// What the request means to one PostgreSQL that has all rows; it keeps nothing of it.
std::string as_one_statement(const std::string& sql) {
  Database database(one().cluster.conninfo("alpha"));
  pqxx::work work(database.connection());
  const auto rows = work.exec(sql);
  const auto text = rows[0][0].as<std::string>();
  work.abort();
  return text;
}

// ---- Random writes.

struct WayTo {
  std::string name, table;
};

struct Shape {
  std::vector<std::string> columns;
  std::vector<WayTo> ways;
};

const std::map<std::string, Shape>& shapes() {
  static const std::map<std::string, Shape> all{
      {"movies",
       {{"id", "name", "primary_genre", "imdb_score", "genre"},
        {{"ratings", "ratings"},
         {"genres", "genres"},
         {"users!lists", "users"},
         {"users!ratings", "users"},
         {"lists", "lists"}}}},
      {"ratings", {{"movie_id", "user_id", "score"}, {{"movies", "movies"}, {"users", "users"}}}},
      {"users",
       {{"id", "name", "town_id"},
        {{"towns", "towns"}, {"ratings", "ratings"}, {"lists", "lists"}, {"movies!lists", "movies"}}}},
      {"towns", {{"id", "name"}, {}}},
      {"lists", {{"user_id", "movie_id", "place"}, {{"users", "users"}, {"movies", "movies"}}}},
      {"genres", {{"name", "number", "description"}, {}}}};
  return all;
}

/// A write, and how its rows are to be shown.
struct RandomWrite {
  std::string method, table, filters, body;  ///< filters: "id=eq.5", or ""
  std::string shown;                         ///< "select=…" and what belongs to it
  std::string accept;

  std::string target(bool with_rows) const {
    std::string out = '/' + table + '?' + filters;
    if (with_rows) out += (filters.empty() ? "" : "&") + shown;
    return out;
  }
};

class RandomWrites {
 public:
  explicit RandomWrites(unsigned seed) : seed_(seed), random_(seed) {}

  RandomWrite next() {
    RandomWrite write = change();
    parameters_.clear();
    write.shown = "select=" + node(write.table, "", 2);
    for (const auto& parameter : parameters_) write.shown += '&' + parameter;
    if (chance(10)) write.accept = "text/csv";
    if (write.accept.empty() && chance(15)) write.accept = "application/vnd.pgrst.object+json";
    return write;
  }

 private:
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::string film() { return film_id(1 + below(films)); }
  std::string user() { return std::to_string(1 + below(users)); }
  std::string fresh() const { return std::to_string(100'000 + seed_); }

  RandomWrite change() {
    const std::string genre = chance(50) ? R"("Drama")" : chance(50) ? R"("Unknown")" : "null";
    switch (below(11)) {
      case 0:
        return {"POST", "movies",
                "",     R"({"id":)" + fresh() + R"(,"name":"New \"film\"","primary_genre":)" + genre + '}',
                "",     ""};
      case 1:
        return {"PATCH", "movies", "id=eq." + film(), R"({"name":"Changed","primary_genre":)" + genre + '}',
                "",      ""};
      case 2: {
        const auto id = film();
        return {"PUT",
                "movies",
                "id=eq." + id,
                R"({"id":)" + id + R"(,"name":"Put","primary_genre":"Action","imdb_score":7.5})",
                "",
                ""};
      }
      case 3:
        return {"DELETE", "movies", "id=eq." + film(), "", "", ""};
      case 4: {
        const auto id = film();
        return {"POST",
                "ratings",
                "",
                "[{\"movie_id\":" + id + ",\"user_id\":" + fresh() + ",\"score\":3},{\"movie_id\":" + id +
                    ",\"user_id\":" + user() + ",\"score\":4}]",
                "",
                ""};
      }
      case 5:
        return {"PATCH", "ratings", "movie_id=eq." + film() + "&score=gte.2", R"({"score":5})", "", ""};
      case 6:
        return {"DELETE", "ratings", "movie_id=eq." + film() + "&user_id=lt.9", "", "", ""};
      case 7:
        return {"POST",
                "users",
                "",
                R"({"id":)" + fresh() + R"(,"name":"new","town_id":)" + std::to_string(1 + below(7)) + '}',
                "",
                ""};
      case 8:
        return {"PATCH", "users", "id=eq." + user(), R"({"town_id":)" + std::to_string(1 + below(7)) + '}',
                "",      ""};
      case 9:
        return {"POST", "lists",
                "",     R"({"user_id":)" + user() + R"(,"movie_id":)" + film() + R"(,"place":1})",
                "",     ""};
      default:
        return {"PATCH", "lists", "user_id=eq." + user(), R"({"place":2})", "", ""};
    }
  }

  const std::string& column_of(const std::string& table) {
    const auto& columns = shapes().at(table).columns;
    return columns[below(static_cast<unsigned>(columns.size()))];
  }

  /// The select list of a node, whose parameters begin with `path`.
  std::string node(const std::string& table, const std::string& path, unsigned depth) {
    const auto& ways = shapes().at(table).ways;
    std::string select = shapes().at(table).columns.front();
    if (chance(60)) select += ",x" + std::to_string(++aliases_) + ':' + column_of(table);
    // When a rating was made, the shard has to say.
    if (path.empty() && table != "ratings" && chance(10)) select = "*";
    const unsigned embeds = path.empty() ? 1 + below(2) : below(2);
    for (unsigned i = 0; depth > 0 && !ways.empty() && i < embeds; ++i) {
      const auto& way = ways[below(static_cast<unsigned>(ways.size()))];
      const std::string name = "e" + std::to_string(++aliases_);
      select += ',' + std::string(chance(15) ? "..." : "") + name + ':' + way.name;
      if (chance(10)) select += "!inner";
      const bool is_grouped = way.table == "ratings" && chance(20);
      select +=
          '(' + (is_grouped ? "count(),score.max()" : node(way.table, path + name + '.', depth - 1)) + ')';
      if (is_grouped) continue;
      const auto& key = shapes().at(way.table).columns.front();
      if (chance(30)) parameters_.push_back(path + name + ".order=" + key + (chance(50) ? ".desc" : ""));
      if (chance(20)) parameters_.push_back(path + name + ".limit=" + std::to_string(below(3)));
      if (chance(20))
        parameters_.push_back(path + name + '.' + key + (key == "name" ? "=neq.Drama" : "=gt.3"));
    }
    if (path.empty() && chance(20)) parameters_.push_back("order=" + key_order(table));
    return select;
  }

  std::string key_order(const std::string& table) {
    return shapes().at(table).columns.front() + (chance(50) ? ".desc" : "");
  }

  unsigned seed_;
  WriteRandom random_;
  std::vector<std::string> parameters_;
  unsigned aliases_ = 0;
};

std::int64_t rows_of(const std::string& table, const std::string& where) {
  std::int64_t rows = 0;
  for (const auto& shard : shards().cluster.shards())
    rows += Database(shards().cluster.conninfo(shard))
                .number("SELECT count(*) FROM " + table + " WHERE " + where);
  return rows;
}

/// A film and a user on these shards.
std::pair<std::string, std::string> film_and_user_on(const std::string& of_film, const std::string& of_user) {
  const auto& cluster = shards().cluster;
  std::pair<std::string, std::string> out;
  for (unsigned i = 1; i <= films; ++i)
    if (cluster.shard_of("movies", static_cast<std::int64_t>(i) * 1000003) == of_film) out.first = film_id(i);
  for (unsigned i = 1; i <= users; ++i)
    if (cluster.shard_of("users", i) == of_user) out.second = std::to_string(i);
  REQUIRE_FALSE(out.first.empty());
  REQUIRE_FALSE(out.second.empty());
  return out;
}

}  // namespace

TEST_CASE("what is embedded in written rows is what one statement of PostgreSQL embeds") {
  struct Case {
    std::string method, target, body, sql;
  };
  const auto rows_of_write = [](const std::string& write, const std::string& columns) {
    return "WITH w AS (" + write + " RETURNING *) SELECT coalesce(json_agg(a), '[]')::text FROM (SELECT " +
           columns + " FROM w) a";
  };
  const std::string two = film_id(2), three = film_id(3), nine = film_id(9);
  const Case cases[] = {
      // A film's ratings are those that were there before.
      {"POST", "/ratings?select=user_id,score,movies(name,ratings(score))",
       R"({"movie_id":)" + two + R"(,"user_id":501,"score":4})",
       rows_of_write("INSERT INTO ratings (movie_id, user_id, score) VALUES (" + two + ", 501, 4)",
                     "w.user_id, w.score, (SELECT row_to_json(m) FROM (SELECT movies.name, "
                     "coalesce((SELECT json_agg(r) FROM (SELECT ratings.score FROM ratings WHERE "
                     "ratings.movie_id = movies.id ORDER BY movie_id, user_id) r), '[]') AS ratings FROM "
                     "movies WHERE movies.id = w.movie_id) m) AS movies")},
      {"PATCH", "/movies?id=eq." + nine + "&select=id,ratings(user_id),genres(description)",
       R"({"primary_genre":"Horror"})",
       rows_of_write("UPDATE movies SET primary_genre = 'Horror' WHERE id = " + nine,
                     "w.id, coalesce((SELECT json_agg(r) FROM (SELECT ratings.user_id FROM ratings WHERE "
                     "ratings.movie_id = w.id ORDER BY movie_id, user_id) r), '[]') AS ratings, (SELECT "
                     "row_to_json(g) FROM (SELECT genres.description FROM genres WHERE genres.name = "
                     "w.primary_genre) g) AS genres")},
      {"DELETE", "/movies?id=eq." + three + "&select=name,...genres(about:description),ratings(count())", "",
       rows_of_write("DELETE FROM movies WHERE id = " + three,
                     "w.name, (SELECT genres.description FROM genres WHERE genres.name = w.primary_genre) AS "
                     "about, (SELECT json_agg(n) FROM (SELECT count(*) FROM ratings WHERE ratings.movie_id = "
                     "w.id) n) AS ratings")},
      // Looked up, where the tables are on several shards.
      {"POST", "/ratings?select=score,users(name,towns(name))",
       R"([{"movie_id":)" + two + R"(,"user_id":7777,"score":1},{"movie_id":)" + two +
           R"(,"user_id":502,"score":2}])",
       rows_of_write("INSERT INTO ratings (movie_id, user_id, score) VALUES (" + two + ", 7777, 1), (" + two +
                         ", 502, 2)",
                     "w.score, NULL::json AS users")},
      {"PATCH", "/users?id=eq.7&select=id,towns(id,name),ratings(score)&ratings.order=score.desc,movie_id",
       R"({"town_id":2})",
       rows_of_write("UPDATE users SET town_id = 2 WHERE id = 7",
                     "w.id, (SELECT row_to_json(t) FROM (SELECT towns.id, towns.name FROM towns WHERE "
                     "towns.id = w.town_id) t) AS towns, coalesce((SELECT json_agg(r) FROM (SELECT "
                     "ratings.score FROM ratings WHERE ratings.user_id = w.id ORDER BY score DESC, movie_id) "
                     "r), '[]') AS ratings")}};
  for (const auto& [method, target, body, sql] : cases) {
    INFO(method, ' ', target);
    const auto expected = as_one_statement(sql);
    for (const auto* site : {&one(), &shards()}) {
      const auto answer = send(*site, method, target, body);
      INFO(answer.body);
      CHECK(answer.status == (method == "POST" ? 201 : 200));
      CHECK(answer.body == expected);
      CHECK(answer.header("Preference-Applied") == "return=representation");
    }
  }
}

TEST_CASE("what is wrong with an embed is said before anything is written") {
  const auto id = film_id(4);
  const std::string body = R"({"movie_id":)" + id + R"(,"user_id":601,"score":4})";
  struct Case {
    const char *query, *code;
    unsigned status;
  };
  for (const auto& [query, code, status] :
       {Case{"select=score,nobody(name)", "PGRST200", 400},
        Case{"select=score,movies(nothing)", "42703", 400}, Case{"select=score,users(nothing)", "42703", 400},
        Case{"select=movies(name),movies(id)", "42712", 400},
        Case{"select=score,movies(name)&movies.id=eq.x", "22P02", 400},
        Case{"select=score,users(name)&users.id=eq.x", "22P02", 400},
        Case{"select=score,users(name)&order=movies(name)", "PGRST108", 400},
        Case{"select=count(),movies(name)", "SHARD400", 400},
        Case{"select=score,...movies(imdb_score.max())", "SHARD400", 400},
        Case{"select=score,users!inner(name)", "SHARD400", 400},
        Case{"select=score,users(name)&order=users(name)", "SHARD400", 400},
        Case{"select=score,users(name,ratings(score))", "SHARD400", 400}}) {
    CAPTURE(query);
    const auto answer = send(shards(), "POST", std::string("/ratings?") + query, body);
    INFO(answer.body);
    CHECK(answer.status == status);
    CHECK(answer.error_code() == code);
  }
  const auto ambiguous = send(shards(), "PATCH", "/movies?id=eq." + id + "&select=name,users(name)",
                              R"({"name":"not to be kept"})");
  CHECK(ambiguous.status == 300);
  CHECK(ambiguous.error_code() == "PGRST201");
  CHECK(rows_of("ratings", "user_id = 601") == 0);
  CHECK(rows_of("movies", "name = 'not to be kept'") == 0);
  // Whoever wants no rows is not refused for them.
  const auto minimal = asking("return=minimal");
  CHECK(send(shards(), "POST", "/ratings?select=score,users!inner(name)", body, minimal).status == 201);
  CHECK(send(shards(), "POST", "/ratings?select=score,nobody(name)", body, minimal).error_code() ==
        "PGRST200");
  CHECK(rows_of("ratings", "user_id = 601") == 1);
  // The one shard of comparison does not have it.
  CHECK(send(shards(), "DELETE", "/ratings?user_id=eq.601&movie_id=eq." + id, "", minimal).status == 204);
}

TEST_CASE("!inner leaves rows out of what is returned, and rows that are named have to be in it") {
  const std::string id = film_id(5);
  const std::string inner = "select=name,ratings!inner(score)&ratings.score=eq.99";
  for (const auto* site : {&one(), &shards()}) {
    const auto name = [&] { return site->get("/movies/" + id + "?select=name").body; };
    const auto patch = [&](const std::string& target, const std::string& value, const Headers& headers) {
      return send(*site, "PATCH", target, R"({"name":")" + value + R"("})", headers);
    };
    const auto before = name();
    CHECK(patch("/movies/" + id + '?' + inner, "a", representation).status == 404);
    const auto object = asking("return=representation", "application/vnd.pgrst.object+json");
    CHECK(patch("/movies?id=eq." + id + '&' + inner, "b", object).status == 406);
    const auto put =
        send(*site, "PUT", "/movies?id=eq." + id + '&' + inner, R"({"id":)" + id + R"(,"name":"c"})");
    CHECK(put.status == 400);
    CHECK(put.error_code() == "PGRST115");
    CHECK(name() == before);
    // A row that nothing is set of is there also where nobody asks for what it shows.
    const auto unchanged = [&](const Headers& headers) {
      return send(*site, "PATCH", "/movies/" + id + '?' + inner, "{}", headers).status;
    };
    CHECK(unchanged(asking("return=minimal")) == 204);
    CHECK(unchanged(representation) == 404);

    const auto left_out =
        patch("/movies?id=eq." + id + '&' + inner, "d", asking("return=representation, count=exact"));
    CHECK(left_out.status == 200);
    CHECK(left_out.body == "[]");
    CHECK(left_out.header("Content-Range") == "*/0");
    CHECK(name() == R"({"name":"d"})");
  }
}

TEST_CASE("written rows with embeds come in the format that was asked for") {
  const std::string target = "/movies?id=eq." + film_id(6) + "&select=id,genres(name),...ratings(score)";
  const std::string body = R"({"primary_genre":"Drama","name":"formats"})";
  const auto as = [&](const LookupSite& site, const std::string& accept) {
    return send(site, "PATCH", target, body, asking("return=representation", accept));
  };
  for (const auto* accept : {"text/csv", "application/x-ndjson", "application/vnd.pgrst.object+json",
                             "application/vnd.pgrst.array+json;nulls=stripped"}) {
    CAPTURE(accept);
    const auto over_shards = as(shards(), accept);
    CHECK(over_shards.status == 200);
    CHECK(over_shards.body == as(one(), accept).body);
  }
  CHECK(as(shards(), "text/csv").body.starts_with("id,genres,score\n"));
  // Rows of other shards are there when it is too late to find that they cannot be stripped.
  const auto stripped =
      send(shards(), "PATCH", "/lists?user_id=eq.1&select=place,movies(name)", R"({"place":3})",
           asking("return=representation", "application/vnd.pgrst.array+json;nulls=stripped"));
  CHECK(stripped.error_code() == "SHARD400");
}

TEST_CASE("parameters that name an embed by its table are warned of") {
  const auto answer =
      send(shards(), "PATCH", "/movies?id=eq." + film_id(7) + "&select=name,r:ratings(score)&ratings.limit=1",
           R"({"name":"warned"})");
  CHECK(answer.status == 200);
  CHECK(answer.header("Warning").value_or("").find("ratings") != std::string::npos);
}

TEST_CASE("random writes over shards return what they return on one shard") {
  constexpr auto cases = tests::fewer_if_sanitized(600);
  unsigned refused = 0, failures = 0;
  for (unsigned seed = 1; seed <= cases && failures < 10; ++seed) {
    const auto write = RandomWrites(seed).next();
    const auto target = write.target(true);
    const auto headers = asking("return=representation, count=exact", write.accept);
    const auto expected = send(one(), write.method, target, write.body, headers);
    const auto got = send(shards(), write.method, target, write.body, headers);
    INFO("seed ", seed, ": ", write.method, ' ', target, ' ', write.body, ' ', write.accept);
    INFO("one shard: ", expected.status, ' ', expected.body, "\nshards:    ", got.status, ' ', got.body);
    if (got.status == 400 && got.error_code() == "SHARD400" && expected.error_code() != "SHARD400") {
      ++refused;
      // Nothing was written there: to go on from the same rows, it is written without what was refused.
      if (expected.status >= 300) continue;
      const auto plain =
          send(shards(), write.method, write.target(false), write.body, asking("return=minimal"));
      INFO(plain.body);
      REQUIRE(plain.status < 300);
      continue;
    }
    const bool same = got.status == expected.status && got.error_code() == expected.error_code() &&
                      (expected.status >= 300 || got.body == expected.body) &&
                      got.header("Content-Range") == expected.header("Content-Range");
    CHECK(same);
    failures += same ? 0 : 1;
  }
  MESSAGE(refused, " of ", cases, " writes were refused by the shards");
  CHECK(refused < cases / 2);
}

TEST_CASE("a write stands whose rows cannot be looked up afterwards, and is told without them") {
  const auto [film, user] = film_and_user_on("alpha", "beta");
  shards().cluster.kill("beta");
  const std::string where = "movie_id = " + film + " AND user_id = " + user + " AND score = 9";
  HttpClient(shards().router->port())
      .request("DELETE", "/ratings?movie_id=eq." + film + "&user_id=eq." + user);
  const auto answer = send(shards(), "POST", "/ratings?select=score,users(name)",
                           R"({"movie_id":)" + film + R"(,"user_id":)" + user + R"(,"score":9})");
  INFO(answer.body);
  CHECK(answer.status == 201);
  CHECK(answer.body.empty());
  CHECK(answer.header("Preference-Applied") == "return=minimal");
  CHECK(answer.header("Warning").value_or("").find("SHARD503") != std::string::npos);
  CHECK(Database(shards().cluster.conninfo("alpha")).number("SELECT count(*) FROM ratings WHERE " + where) ==
        1);
  shards().cluster.start("beta");
  shards().router->wait_until_ready();
}

}  // namespace shardplex::integration
