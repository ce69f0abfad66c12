// Tables that change under a running router, on one shard before the others.
#include <doctest/doctest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/related_map.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

const Headers as_json{{"Content-Type", "application/json"}};

/// Two shards with a few films, and one router that is never told of anything.
struct Site {
  Site() : cluster({.shards = 2, .replicas = 0}) {
    cluster.initialise();
    cluster.load("movies", make_movies({"--count", "60"}));
    cluster.load("ratings", make_movies({"--count", "60", "--ratings", "50"}));
    map.emplace(cluster);
    router.emplace(map->file());
  }

  Cluster cluster;
  std::optional<RelatedMap> map;
  std::optional<Router> router;

  HttpResponse get(const std::string& target) const { return HttpClient(router->port()).get(target); }
  HttpResponse send(const std::string& method, const std::string& target, const std::string& body) const {
    return HttpClient(router->port()).request(method, target, as_json, body);
  }
  void run_on(const std::string& shard, const std::string& sql) const {
    Database(cluster.conninfo(shard)).run(sql);
  }
  /// Until a GET is answered with this status.
  void wait_for(const std::string& target, unsigned status) const {
    wait_until(target + " is " + std::to_string(status), [&] { return get(target).status == status; });
  }
  std::int64_t count(const std::string& where) const {
    std::int64_t rows = 0;
    for (const auto& shard : cluster.shards())
      rows += Database(cluster.conninfo(shard)).number("SELECT count(*) FROM movies WHERE " + where);
    return rows;
  }
};

Site& site() {
  static Site site;
  return site;
}

void check_refused(const HttpResponse& answer, unsigned status, const std::string& code,
                   const std::string& says) {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
  CHECK(answer.body.find(says) != std::string::npos);
}

/// The values of a column in the order of the answer.
std::vector<std::string> column_of(const HttpResponse& answer, const std::string& column) {
  INFO(answer.body);
  REQUIRE(answer.status == 200);
  std::vector<std::string> values;
  const auto rows = json::parse(answer.body);
  for (const auto& row : rows.as_array())
    values.emplace_back(row.at(column).is_null() ? "null" : json::serialize(row.at(column)));
  return values;
}

}  // namespace

TEST_CASE("a number that is widened on one shard is merged and added up as before") {
  const std::string top = "/movies?select=imdb_votes&order=imdb_votes.desc.nullslast,id&limit=40",
                    added = "/movies?select=imdb_votes.sum(),imdb_votes.avg(),imdb_votes.max()";
  const auto before = column_of(site().get(top), "imdb_votes");
  const auto sums = site().get(added).body;
  site().run_on("alpha", "ALTER TABLE movies ALTER imdb_votes TYPE bigint");
  CHECK(column_of(site().get(top), "imdb_votes") == before);  // at once, before anybody has noticed
  CHECK(site().get(added).body == sums);
  site().run_on("beta", "ALTER TABLE movies ALTER imdb_votes TYPE bigint");
  CHECK(column_of(site().get(top), "imdb_votes") == before);
  CHECK(site().get(added).body == sums);
}

TEST_CASE("sums are never made of numbers of two types") {
  site().cluster.run_everywhere(
      "ALTER TABLE movies ADD COLUMN weight double precision; UPDATE movies SET weight = 0.1 * id");
  const std::string by_float = "/movies?select=weight.sum(),mean:weight.avg()";
  site().wait_for(by_float, 200);
  site().run_on("alpha", "ALTER TABLE movies ALTER weight TYPE numeric");
  check_refused(site().get(by_float), 503, "SHARD503", "weight");  // at once
  site().cluster.run_everywhere("ALTER TABLE movies ALTER weight TYPE numeric USING 0.1 * id");
  wait_until("sums are exact", [&] {
    return site().get("/movies?select=weight.sum()&id=lte.60").body == R"([{"sum":183.0}])";
  });
  site().cluster.run_everywhere("ALTER TABLE movies DROP COLUMN weight");
}

TEST_CASE("a label that an enum has on one shard only is no fault of who asks for groups") {
  site().cluster.run_everywhere(
      "CREATE TYPE public.grade AS ENUM ('low', 'high'); ALTER TABLE movies ADD COLUMN grade grade; "
      "UPDATE movies SET grade = 'low'");
  const std::string asked = "/movies?select=grade,count()&id=lte.60&order=grade";
  site().wait_for(asked, 200);
  CHECK(site().get(asked).body == R"([{"grade":"low","count":60}])");
  site().run_on("alpha", "ALTER TYPE grade ADD VALUE 'top'");
  site().run_on("alpha", "UPDATE movies SET grade = 'top' WHERE id <= 60");
  const auto top =
      Database(site().cluster.conninfo("alpha")).number("SELECT count(*) FROM movies WHERE id <= 60");
  const auto body = R"([{"grade":"low","count":)" + std::to_string(60 - top) + R"(}, )" + "\n" +
                    R"( {"grade":"top","count":)" + std::to_string(top) + "}]";
  // Whichever shard finishes the groups, at once and when it has been noticed.
  for (int i = 0; i < 20; ++i) {
    const auto answer = site().get(asked);
    INFO(answer.body);
    CHECK((answer.status == 503 || answer.body == body));
  }
  // What the client asks for is still its own fault.
  CHECK(site().get("/movies?select=name.min()::int").error_code() == "22P02");
  site().run_on("beta", "ALTER TYPE grade ADD VALUE 'top'");
  site().wait_for(asked, 200);
  CHECK(site().get(asked).body == body);
  site().cluster.run_everywhere("ALTER TABLE movies DROP COLUMN grade; DROP TYPE grade");
}

TEST_CASE(
    "a column of another type on one shard is refused at once, that column alone, until it is one again") {
  const std::string by_budget = "/movies?select=id&order=production_budget.desc,id&limit=40";
  const auto before = column_of(site().get(by_budget), "id");
  site().run_on("alpha",
                "ALTER TABLE movies DROP CONSTRAINT movies_production_budget_check, "
                "ALTER production_budget TYPE text");
  check_refused(site().get(by_budget), 503, "SHARD503",
                "column production_budget is text collate C.UTF-8 on alpha and bigint on beta");
  check_refused(site().get("/movies?select=production_budget"), 503, "SHARD503", "production_budget");
  check_refused(site().get("/movies"), 503, "SHARD503", "production_budget");
  CHECK(site().get("/movies?select=id,name&order=name,id").status == 200);
  CHECK(site().send("PATCH", "/movies?id=eq.1", R"({"director":"Somebody"})").status == 204);
  CHECK(site().router->admin("/ready").status == 200);
  site().run_on("alpha",
                "ALTER TABLE movies ALTER production_budget TYPE bigint USING production_budget::bigint");
  site().wait_for("/movies", 200);
  CHECK(column_of(site().get(by_budget), "id") == before);
}

TEST_CASE("what clients have stored in a column that has become text never breaks out of an answer") {
  site().cluster.run_everywhere(
      "ALTER TABLE movies ADD COLUMN price numeric; UPDATE movies SET price = id + 0.50");
  site().wait_for("/movies?select=price&limit=1", 200);
  CHECK(site().get("/movies/7?select=price").body == R"({"price":7.50})");
  CHECK(column_of(site().get("/movies?id=eq.7&select=price"), "price").size() == 1);
  site().cluster.run_everywhere("ALTER TABLE movies ALTER price TYPE text USING '1}, {\"price\":' || id");
  for (const std::string target : {"/movies/7?select=price", "/movies?select=price&order=id&limit=40"})
    wait_until(target + " is served", [&] {
      const auto answer = site().get(target);
      CAPTURE(answer.body);
      boost::system::error_code failed;
      const auto body = json::parse(answer.body, failed);
      REQUIRE_FALSE(failed);
      if (answer.status != 200) {
        CHECK(answer.status == 503);
        return false;
      }
      const auto& row = body.is_array() ? body.at(0) : body;
      CHECK(row.at("price").is_string());
      return true;
    });
  site().cluster.run_everywhere("ALTER TABLE movies DROP COLUMN price");
  site().wait_for("/movies?limit=1", 200);
}

TEST_CASE("embeds are refused while a column of theirs differs, and follow the tables when they change") {
  const std::string shown = "/movies?select=id,ratings(user_id,rated_at)&order=id&limit=40",
                    joined = "/movies?select=id,ratings(user_id)&order=id&limit=40";
  const auto before = site().get(shown).body, rated = site().get(joined).body;
  REQUIRE(before.find("\"rated_at\":") != std::string::npos);
  site().run_on("alpha", "ALTER TABLE ratings ALTER rated_at DROP DEFAULT, ALTER rated_at TYPE text");
  wait_until("the difference is noticed", [&] { return site().get(shown).status == 503; });
  check_refused(site().get(shown), 503, "SHARD503", "rated_at");
  CHECK(site().get(joined).body == rated);
  site().run_on("alpha",
                "ALTER TABLE ratings ALTER rated_at TYPE timestamptz USING rated_at::timestamptz, "
                "ALTER rated_at SET DEFAULT now()");
  wait_until("it is gone", [&] { return site().get(shown).body == before; });

  site().cluster.run_everywhere("ALTER TABLE ratings RENAME rated_at TO at");
  const std::string renamed = "/movies?select=id,ratings(user_id,rated_at:at)&order=id&limit=40";
  site().wait_for(renamed, 200);
  CHECK(site().get(renamed).body == before);
  wait_until("the old name is gone", [&] { return site().get(shown).error_code() == "42703"; });
  site().cluster.run_everywhere("ALTER TABLE ratings RENAME at TO rated_at");
  wait_until("it is back", [&] { return site().get(shown).body == before; });
}

TEST_CASE("rows are never merged by an order of an enum's labels that a shard does not have") {
  site().cluster.run_everywhere(
      "CREATE TYPE public.mood AS ENUM ('glad', 'calm', 'sad'); "
      "ALTER TABLE movies ADD COLUMN mood mood; "
      "UPDATE movies SET mood = (ARRAY['sad', 'glad', 'calm'])[1 + id % 3]::mood");
  const std::string by_mood = "/movies?select=mood&order=mood,id&limit=60";
  site().wait_for("/movies?select=mood&limit=1", 200);  // a new column is noticed without a signal
  CHECK(column_of(site().get(by_mood), "mood").front() == "\"glad\"");
  // A type that no shard has is not taken for an enum that is gone.
  check_refused(site().get("/movies?select=name::no_such_type&order=mood"), 400, "42704", "no_such_type");

  site().run_on("alpha",
                "ALTER TYPE mood RENAME VALUE 'glad' TO 'x'; ALTER TYPE mood RENAME VALUE 'sad' TO 'glad'; "
                "ALTER TYPE mood RENAME VALUE 'x' TO 'sad'");
  check_refused(site().get(by_mood), 503, "SHARD503", "mood");
  site().run_on("beta",
                "ALTER TYPE mood RENAME VALUE 'glad' TO 'x'; ALTER TYPE mood RENAME VALUE 'sad' TO 'glad'; "
                "ALTER TYPE mood RENAME VALUE 'x' TO 'sad'");
  site().wait_for(by_mood, 200);  // the shards agree again
  const auto renamed = column_of(site().get(by_mood), "mood");
  CHECK(renamed.front() == "\"sad\"");
  CHECK(renamed.back() == "\"glad\"");

  const std::string groups = "/movies?select=mood,count()&order=mood";
  CHECK(column_of(site().get(groups), "mood").front() == "\"sad\"");
  const auto rename = [&](const std::string& shard) {
    site().run_on(
        shard,
        "ALTER TYPE mood RENAME VALUE 'glad' TO 'x'; ALTER TYPE mood RENAME VALUE 'calm' TO 'glad'; "
        "ALTER TYPE mood RENAME VALUE 'x' TO 'calm'");
  };
  rename("alpha");
  check_refused(site().get(groups), 503, "SHARD503", "mood");
  rename("beta");
  site().wait_for(groups, 200);
  CHECK(column_of(site().get(groups), "mood").back() == "\"calm\"");
  rename("alpha");
  rename("beta");
  site().wait_for(groups, 200);

  site().cluster.run_everywhere("ALTER TYPE mood ADD VALUE 'first' BEFORE 'sad'");
  site().cluster.run_everywhere("UPDATE movies SET mood = 'first' WHERE id % 5 = 0");
  site().wait_for(by_mood, 200);  // until both have been looked at, 503 and never a wrong order
  const auto added = column_of(site().get(by_mood), "mood");
  CHECK(added.front() == "\"first\"");
  CHECK(added.back() == "\"glad\"");
  site().cluster.run_everywhere("ALTER TABLE movies DROP COLUMN mood");
  const auto without = site().get("/movies");
  INFO(without.body);
  CHECK(without.status == 200);  // at once, although `*` stood for the column too
}

TEST_CASE("a column that not all shards have is not offered yet, and all else goes on") {
  site().run_on("alpha", "ALTER TABLE movies ADD COLUMN subtitle text");
  wait_until("the router says so", [&] {
    return site().router->admin("/map").body.find("column subtitle is missing on beta") != std::string::npos;
  });
  check_refused(site().get("/movies?select=subtitle"), 400, "42703", "subtitle");
  check_refused(site().send("POST", "/movies", R"({"subtitle":"a"})"), 400, "PGRST204", "subtitle");
  CHECK(site().get("/movies").body.find("subtitle") == std::string::npos);
  CHECK(site().send("POST", "/movies", R"({"name":"a"})").status == 201);
  CHECK(site().router->admin("/ready").status == 200);
  CHECK(site().router->admin("/metrics").body.find("shardplex_table_differences{table=\"movies\"} 1") !=
        std::string::npos);
  site().run_on("beta", "ALTER TABLE movies ADD COLUMN subtitle text");
  site().wait_for("/movies?select=subtitle", 200);
  CHECK(site().send("POST", "/movies", R"({"subtitle":"a"})").status == 201);
  site().cluster.run_everywhere("ALTER TABLE movies DROP COLUMN subtitle");
}

TEST_CASE("a key of another form is refused, by routers and by init, and is served when it is back") {
  site().cluster.run_everywhere("ALTER TABLE movies ALTER id TYPE text");
  site().wait_for("/movies?select=name", 404);
  check_refused(site().get("/movies?id=eq.1"), 404, "SHARD404", "placed by keys of the form integer");
  const auto init = run_shardplex({"cluster", "init", "--map", site().cluster.map_file()});
  INFO(init.errors);
  CHECK(init.status != 0);
  CHECK(init.errors.find("placed by keys of the form integer") != std::string::npos);
  site().cluster.run_everywhere("ALTER TABLE movies ALTER id TYPE bigint USING id::bigint");
  site().wait_for("/movies?select=name", 200);
  CHECK(column_of(site().get("/movies?select=id&id=eq.1"), "id") == std::vector<std::string>{"1"});
}

TEST_CASE("a primary key with the slot column in it is refused, and nobody dies of it") {
  site().cluster.run_everywhere(
      "ALTER TABLE ratings DROP CONSTRAINT ratings_pkey, "
      "ADD PRIMARY KEY (movie_id, user_id, shardplex_slot)");
  site().wait_for("/ratings", 404);
  check_refused(site().get("/ratings"), 404, "SHARD404", "the primary key contains shardplex_slot");
  check_refused(site().get("/movies?select=ratings(score)"), 404, "SHARD404",
                "the primary key contains shardplex_slot");
  site().cluster.run_everywhere(
      "ALTER TABLE ratings DROP CONSTRAINT ratings_pkey, ADD PRIMARY KEY (movie_id, user_id)");
  site().wait_for("/ratings", 200);
}

TEST_CASE("a trigger that rewrites what decides the slot is named, and its row is not stored") {
  const std::string body = "$$ LANGUAGE plpgsql";
  const auto create = [&](const std::string& does) {
    site().cluster.run_everywhere("CREATE OR REPLACE FUNCTION rewrite() RETURNS trigger AS $$ BEGIN " + does +
                                  "; RETURN NEW; END " + body);
  };
  create("NEW.id := NEW.id + 1000000");
  site().cluster.run_everywhere(
      "CREATE TRIGGER rewriter BEFORE INSERT OR UPDATE ON movies FOR EACH ROW "
      "EXECUTE FUNCTION rewrite()");
  const auto before = site().count("true");
  const std::string several = R"([{"id":900001,"name":"a"},{"id":900003,"name":"b"}])";
  const auto check_all_refused = [&] {
    check_refused(site().send("POST", "/movies", R"({"id":900001,"name":"a"})"), 400, "SHARD400", "rewriter");
    check_refused(site().send("PUT", "/movies?id=eq.900001", R"({"id":900001,"name":"a"})"), 400, "SHARD400",
                  "rewriter");
    check_refused(site().send("PUT", "/movies?id=eq.1", R"({"id":1,"name":"a"})"), 400, "SHARD400",
                  "rewriter");
    for (const std::string preference : {"return=minimal", "return=representation"}) {
      auto headers = as_json;
      headers.emplace_back("Prefer", preference);
      const auto changed = HttpClient(site().router->port())
                               .request("PATCH", "/movies?id=eq.1", headers, R"({"name":"rewritten"})");
      check_refused(changed, 400, "SHARD400", "rewriter");
    }
  };
  check_all_refused();
  create("NEW.shardplex_slot := (NEW.shardplex_slot + 1) % 1024");
  check_all_refused();
  CHECK(site().count("true") == before);
  CHECK(site().count("name = 'rewritten'") == 0);

  create("NEW.name := NEW.name || '!'");  // any other column is the trigger's to change
  CHECK(site().send("PATCH", "/movies?id=eq.1", R"({"name":"rewritten"})").status == 204);
  CHECK(site().count("name = 'rewritten!'") == 1);
  CHECK(site().send("POST", "/movies", R"({"id":900001,"name":"a"})").status == 201);
  CHECK(site().get("/movies/900001").status == 200);
  site().cluster.run_everywhere("DROP TRIGGER rewriter ON movies");
}

TEST_CASE("rows that a trigger writes after the statement's are held to where they are looked for") {
  Site& at = site();
  const auto after = [&](const std::string& does, const std::string& kind = "TRIGGER afterwards AFTER") {
    at.cluster.run_everywhere(
        "DROP TRIGGER IF EXISTS afterwards ON movies; CREATE OR REPLACE FUNCTION bump() RETURNS trigger AS "
        "$$ BEGIN " +
        does + "; RETURN NULL; END $$ LANGUAGE plpgsql; CREATE " + kind +
        " INSERT OR UPDATE OF name ON movies " +
        (kind.starts_with("CONSTRAINT") ? "DEFERRABLE INITIALLY DEFERRED " : "") +
        "FOR EACH ROW EXECUTE FUNCTION bump()");
  };
  const std::string row = R"({"id":910001,"name":"a"})";
  const auto before = at.count("true");
  const auto check_all_refused = [&] {
    for (const auto& answer : {at.send("POST", "/movies", row), at.send("PUT", "/movies?id=eq.910001", row),
                               at.send("PATCH", "/movies?id=eq.1", R"({"name":"moved"})")})
      check_refused(answer, 400, "SHARD400", "bump()");
    CHECK(at.count("true") == before);
    CHECK(at.count("name = 'moved'") == 0);
  };
  const std::string once = " WHERE id = NEW.id AND id < 920000";
  for (const std::string& does : {"UPDATE movies SET id = id + 1000000" + once,
                                  "UPDATE movies SET shardplex_slot = (shardplex_slot + 1) % 1024" + once}) {
    CAPTURE(does);
    after(does);
    check_all_refused();
    after(does, "CONSTRAINT TRIGGER afterwards AFTER");
    check_all_refused();
  }
  // That they insert rows is looked at since somebody has triggers at all.
  at.cluster.initialise();
  after("IF NEW.id < 2000000 THEN NEW.id := NEW.id + 2000000; INSERT INTO movies SELECT (NEW).*; END IF");
  check_all_refused();
  const std::string rate = "INSERT INTO ratings (movie_id, user_id, score, shardplex_slot) VALUES (NEW.id";
  after(rate + " + 1, 77, 1, NEW.shardplex_slot)");
  check_all_refused();

  after(rate + ", 77, 1, NEW.shardplex_slot) ON CONFLICT DO NOTHING; UPDATE movies SET director = 'x'" +
        once);
  CHECK(at.send("POST", "/movies", row).status == 201);
  CHECK(at.get("/ratings?movie_id=eq.910001&user_id=eq.77").body.find("910001") != std::string::npos);
  CHECK(at.get("/movies?id=eq.910001&director=eq.x").body.find("910001") != std::string::npos);
  at.cluster.run_everywhere("DROP TRIGGER afterwards ON movies");
  CHECK(at.send("DELETE", "/ratings?movie_id=eq.910001", "").status == 204);
  CHECK(at.send("DELETE", "/movies?id=eq.910001", "").status == 204);
}

TEST_CASE("a part of the primary key that decides no slot may be changed") {
  Site& at = site();
  const std::string two = [&] {
    std::string list;
    for (std::int64_t id = 930'000, found = 0; found < 2; ++id)
      if (at.cluster.shard_of("movies", id) == "alpha") {
        list += (found++ ? "," : "") + std::to_string(id);
        CHECK(
            at.send("POST", "/ratings", R"({"movie_id":)" + std::to_string(id) + R"(,"user_id":1,"score":1})")
                .status == 201);
      }
    return list;
  }();
  CHECK(at.send("PATCH", "/ratings?movie_id=in.(" + two + ")", R"({"user_id":2})").status == 204);
  CHECK(column_of(at.get("/ratings?movie_id=in.(" + two + ")&select=user_id"), "user_id") ==
        std::vector<std::string>{"2", "2"});
  CHECK(at.send("DELETE", "/ratings?movie_id=in.(" + two + ")", "").status == 204);
}

TEST_CASE("rows that were placed by other definitions than the map's are noticed without a signal") {
  Site& at = site();
  const auto define = [&](const std::string& as, const std::string& subject) {
    at.run_on("beta",
              "UPDATE shardplex.definitions SET definition = " + as + " WHERE subject = '" + subject + "'");
  };
  define("'text'", "key movies");
  at.wait_for("/movies", 404);
  check_refused(at.get("/movies"), 404, "SHARD404", "rows were placed by keys of the form text");
  define("'integer'", "key movies");
  at.wait_for("/movies", 200);
  define("replace(definition, 'slots=1024', 'slots=512')", "group catalog");
  at.wait_for("/ratings", 404);
  check_refused(at.get("/ratings"), 404, "SHARD404",
                "group catalog was made with slots=512 hash; the map has slots=1024");
  define("replace(definition, 'slots=512', 'slots=1024')", "group catalog");
  at.wait_for("/ratings", 200);
}

TEST_CASE("a change of many rows is held to where each of them was") {
  Site& at = site();
  at.cluster.run_everywhere("ALTER TABLE movies ADD COLUMN IF NOT EXISTS batch text");
  at.wait_for("/movies?select=batch", 200);
  const auto ids = [&] {
    std::string list;
    for (std::int64_t id = 1, found = 0; found < 5; ++id)
      if (at.cluster.shard_of("movies", id) == "alpha") list += (found++ ? "," : "") + std::to_string(id);
    return list;
  }();
  const auto change = [&](const std::string& value) {
    auto headers = as_json;
    headers.emplace_back("Prefer", "count=exact");
    return HttpClient(at.router->port())
        .request("PATCH", "/movies?id=in.(" + ids + ")", headers, R"({"batch":")" + value + "\"}");
  };
  const auto changed = change("first");
  CHECK(changed.status == 204);
  CHECK(changed.header("Content-Range") == "0-4/5");
  CHECK(at.count("batch = 'first'") == 5);
  at.cluster.run_everywhere(
      "CREATE OR REPLACE FUNCTION rewrite() RETURNS trigger AS $$ BEGIN "
      "NEW.shardplex_slot := (NEW.shardplex_slot + 1) % 1024; RETURN NEW; END $$ LANGUAGE plpgsql; "
      "CREATE TRIGGER mover BEFORE UPDATE ON movies FOR EACH ROW EXECUTE FUNCTION rewrite()");
  check_refused(change("second"), 400, "SHARD400", "mover");
  CHECK(at.count("batch = 'second'") == 0);
  at.cluster.run_everywhere("DROP TRIGGER mover ON movies");
}

TEST_CASE("groups of text are refused while it depends on the shard what letters there are") {
  Site& at = site();
  const std::string by_first = "/movies?select=genre->>0,count()", first = "/movies?select=genre->>0.max()";
  const auto groups = at.get(by_first).body, last = at.get(first).body;
  REQUIRE(at.get(by_first).status == 200);
  const std::string type = " FROM pg_database WHERE datname = current_database()",
                    own = Database(at.cluster.conninfo("beta")).value("SELECT datctype" + type).value();
  const auto set = [&](const std::string& character_type) {
    at.run_on("beta", "UPDATE pg_database SET datctype = '" + character_type +
                          "' WHERE datname = current_database()");
  };
  set("C");
  at.wait_for(by_first, 400);
  check_refused(at.get(by_first), 400, "SHARD400", "default collation");
  check_refused(at.get(first), 400, "SHARD400", "default collation");
  CHECK(at.get("/movies?select=primary_genre,count(),name.max()").status == 200);
  set(own);
  at.wait_for(by_first, 200);
  CHECK(at.get(by_first).body == groups);
  CHECK(at.get(first).body == last);
}

TEST_CASE("one body is one instant, whatever time zone each shard has") {
  Site& at = site();
  at.run_on("alpha", "ALTER DATABASE movies SET TimeZone = 'Asia/Tokyo'");
  at.run_on("beta", "ALTER DATABASE movies SET TimeZone = 'America/Lima'");
  Router other(at.cluster.map_file());
  HttpClient client(other.port());
  for (const std::string shard : {"alpha", "beta"}) {
    std::int64_t id = 700'000;
    while (at.cluster.shard_of("movies", id) != shard) ++id;
    const auto body =
        R"({"movie_id":)" + std::to_string(id) + R"(,"user_id":1,"score":1,"rated_at":"2026-01-01 00:00"})";
    CHECK(client.request("POST", "/ratings", as_json, body).status == 201);
  }
  const auto stored = client.get("/ratings?select=rated_at&movie_id=gte.700000");
  const auto times = column_of(stored, "rated_at");
  REQUIRE(times.size() == 2);
  CHECK(times.front() == times.back());
  const auto init = run_shardplex({"cluster", "init", "--map", at.cluster.map_file()});
  CHECK(init.status != 0);
  CHECK(init.errors.find("TimeZone is Asia/Tokyo on alpha and America/Lima on beta") != std::string::npos);
  at.cluster.run_everywhere("ALTER DATABASE movies RESET TimeZone");
}

}  // namespace shardplex::integration
