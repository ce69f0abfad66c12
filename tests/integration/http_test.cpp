// The router as an HTTP server: limits, methods, streams, connections, the admin port and the log.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <chrono>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "shard_map/key.hpp"
#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

constexpr int film_count = 500, rating_count = 100'000;
const Headers as_json{{"Content-Type", "application/json"}};
const Headers counting{{"Prefer", "count=exact"}};

struct Site : Cluster {
  Site() : Cluster({.shards = 2, .replicas = 0, .map = "hash"}) {
    initialise();
    load("movies", make_movies({"--count", std::to_string(film_count)}));
    load("genres", make_movies({"--genres"}));
    load("ratings", make_movies({"--count", "20000", "--ratings", std::to_string(rating_count)}));
  }
};

const Cluster& cluster() {
  static const Site site;
  return site;
}

/// The router of all tests that need no settings of their own.
const Router& router() {
  static const Router shared(cluster().map_file());
  return shared;
}

Router::Options with(std::vector<std::string> arguments) {
  return {.arguments = std::move(arguments), .environment = {}, .wait_until_ready = true};
}

void check_refused(const HttpResponse& answer, unsigned status, const std::string& code) {
  INFO(answer.body);
  CHECK(answer.status == status);
  CHECK(answer.error_code() == code);
  CHECK(answer.header("Content-Type") == "application/json; charset=utf-8");
  for (const auto* member : {"code", "details", "hint", "message"}) {
    const auto* found = json::parse(answer.body).as_object().if_contains(member);
    CHECK(found != nullptr);
  }
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::size_t occurrences(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

/// All ratings in the order of their key; `row` makes text of the row r of one, in SQL.
std::vector<std::string> ratings_as(const std::string& row_sql) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::string> rows;
  for (const auto& shard : cluster().shards())
    for (const auto& row : Database(cluster().conninfo(shard))
                               .run("SELECT movie_id, user_id, " + row_sql +
                                    " FROM (SELECT movie_id, user_id, score, rated_at FROM ratings) r"))
      rows[{row[0].as<std::int64_t>(), row[1].as<std::int64_t>()}] = row[2].as<std::string>();
  std::vector<std::string> texts;
  for (auto& [key, row] : rows) texts.push_back(std::move(row));
  return texts;
}

/// The same as one PostgreSQL's json_agg would write them.
const std::string& all_ratings() {
  static const std::string text = [] {
    std::string joined = "[";
    for (const auto& row : ratings_as("row_to_json(r)::text"))
      joined += (joined.size() > 1 ? ", \n " : "") + row;
    return joined + ']';
  }();
  return text;
}

}  // namespace

TEST_CASE("a request over a limit is refused with an error that names it") {
  HttpClient client(router().port());
  check_refused(client.get("/movies?name=eq." + repeated("x", 9000)), 414, "SHARD400");
  check_refused(client.get("/movies?name=eq." + repeated("x", 100'000)), 414, "SHARD400");
  check_refused(client.get("/movies", {{"X-Long", repeated("x", 30'000)}}), 431, "SHARD400");
  check_refused(client.request("POST", "/movies", as_json, R"({"name":")" + repeated("x", 2'000'000) + "\"}"),
                413, "SHARD400");
  check_refused(client.get("/movies?" + repeated("id=eq.1&", 101)), 400, "PGRST100");
  CHECK(client.get("/movies?" + repeated("id=eq.1&", 100)).status == 200);
  check_refused(client.get("/movies?and=" + repeated("(and", 8) + "(id.eq.1)" + repeated(")", 8)), 400,
                "PGRST100");
  CHECK(client.get("/movies?and=" + repeated("(and", 7) + "(id.eq.1)" + repeated(")", 7)).status == 200);

  const Router strict(cluster().map_file(), with({"--max-rows", "100", "--max-list-items", "3"}));
  HttpClient bounded(strict.port());
  check_refused(bounded.get("/movies"), 400, "SHARD400");
  check_refused(bounded.get("/movies?limit=101"), 400, "SHARD400");
  CHECK(json::parse(bounded.get("/movies?limit=100").body).as_array().size() == 100);
  CHECK(json::parse(bounded.get("/movies", {{"Range", "0-99"}}).body).as_array().size() == 100);
  CHECK(bounded.get("/movies?id=lte.100").status == 200);
  CHECK(bounded.get("/movies?id=in.(1,2,3)").status == 200);
  check_refused(bounded.get("/movies?id=in.(1,2,3,4)"), 400, "PGRST100");
}

TEST_CASE("a connection over the limit is turned away, and there is room again when one has gone") {
  const Router small(cluster().map_file(), with({"--workers", "1", "--max-connections", "2"}));
  HttpClient first(small.port()), second(small.port());
  CHECK(first.get("/movies/1").status == 200);
  CHECK(second.get("/movies/1").status == 200);
  const auto refusal = RawConnection(small.port()).read_to_end();
  CHECK(refusal.starts_with("HTTP/1.1 503 "));
  CHECK(refusal.find("Retry-After: ") != std::string::npos);
  CHECK(refusal.find(R"("code":"SHARD503")") != std::string::npos);
  first.close();
  wait_until("there is room", [&] {
    HttpClient third(small.port());
    return third.get("/movies/1").status == 200;
  });
  CHECK(second.get("/movies/1").status == 200);
}

TEST_CASE("clients that keep the router waiting are let go") {
  const Router impatient(cluster().map_file(), with({"--header-timeout", "300ms", "--idle-timeout", "400ms",
                                                     "--body-timeout", "300ms"}));
  CHECK(RawConnection(impatient.port()).read_to_end().empty());  // idle: closed without a word

  RawConnection slow_head(impatient.port());
  slow_head.write("GET /movies/1 HTTP/1.1\r\nHost:");
  CHECK(slow_head.read_to_end().starts_with("HTTP/1.1 408 "));

  RawConnection slow_body(impatient.port());
  slow_body.write(
      "POST /movies HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{");
  CHECK(slow_body.read_to_end().starts_with("HTTP/1.1 408 "));

  RawConnection idle_later(impatient.port());
  idle_later.write("GET /movies/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(occurrences(idle_later.read_to_end(), "HTTP/1.1 200 OK") == 1);
}

TEST_CASE("methods and paths that are not there are named") {
  HttpClient client(router().port());
  for (const std::string path : {"/movies", "/movies/1"}) {
    const auto answer = client.request("OPTIONS", path);
    CHECK(answer.status == 200);
    CHECK(answer.body.empty());
    const auto allowed = answer.header("Allow").value_or("");
    for (const auto* method : {"OPTIONS", "GET", "HEAD", "PUT", "PATCH", "DELETE"})
      CHECK(allowed.find(method) != std::string::npos);
    CHECK((allowed.find("POST") != std::string::npos) == (path == "/movies"));
  }
  check_refused(client.request("POST", "/movies/1", as_json, "{}"), 405, "PGRST101");
  check_refused(client.request("TRACE", "/movies"), 405, "PGRST101");
  check_refused(client.request("BREW", "/movies"), 405, "PGRST117");
  check_refused(client.get("/nothing"), 404, "PGRST205");
  check_refused(client.request("POST", "/", as_json, "{}"), 405, "PGRST101");
  check_refused(client.get("/movies/1/2"), 404, "PGRST125");
  check_refused(client.get("/movies/%zz"), 404, "PGRST125");
  check_refused(client.get("/pg_class"), 404, "PGRST205");
  check_refused(client.get("/movies?name=eq.%zz"), 400, "PGRST100");
  check_refused(client.get("/movies?name=eq.%00"), 400, "PGRST100");
  check_refused(client.get("/movies?name=eq.%ff"), 400, "PGRST100");
  for (const auto* type : {"text/xml", "text/plain", "application/octet-stream", "application/geo+json"})
    check_refused(client.get("/movies?limit=1", {{"Accept", type}}), 406, "PGRST107");
  check_refused(client.get("/movies", {{"Accept", "application/vnd.pgrst.object+json"}}), 406, "PGRST116");
  check_refused(client.get("/movies/999999"), 404, "PGRST116");
  check_refused(client.get("/movies", {{"Shardplex-Consistency", "weak"}}), 400, "SHARD400");
  CHECK(client.get("/movies/1/").status == 200);
  CHECK(client.get("/movies?&limit=1&").status == 200);

  RawConnection nonsense(router().port());
  nonsense.write("this is not HTTP at all\r\n\r\n");
  CHECK(nonsense.read_to_end().starts_with("HTTP/1.1 400 "));
}

TEST_CASE("Content-Range and status tell where a page lies") {
  HttpClient client(router().port());
  const auto total = std::to_string(film_count);
  struct Page {
    std::string query;
    Headers headers;
    unsigned status;
    std::string range;
  };
  const auto ranged = [](const std::string& range, bool counted) {
    Headers headers{{"Range-Unit", "items"}, {"Range", range}};
    if (counted) headers.insert(headers.end(), counting.begin(), counting.end());
    return headers;
  };
  const Page pages[] = {
      {"?limit=10", {}, 200, "0-9/*"},
      {"?limit=10", counting, 206, "0-9/" + total},
      {"?limit=10&offset=" + std::to_string(film_count - 5), counting, 206, "495-499/" + total},
      {"?limit=1000", counting, 200, "0-499/" + total},
      {"?offset=" + total, counting, 206, "*/" + total},
      {"?limit=0", counting, 206, "*/" + total},
      {"?id=eq.0", counting, 200, "*/0"},
      {"?id=eq.0", {}, 200, "*/*"},
      {"", ranged("10-19", true), 206, "10-19/" + total},
      {"", ranged("490-1000", false), 200, "490-499/*"},
      {"?limit=5", ranged("2-19", false), 200, "2-4/*"},
  };
  for (const auto& page : pages) {
    INFO(page.query);
    for (const std::string method : {"GET", "HEAD"}) {
      const bool has_range =
          std::ranges::any_of(page.headers, [](const auto& h) { return h.first == "Range"; });
      if (has_range && method == "HEAD") continue;  // Range is for GET alone
      const auto answer = client.request(method, "/movies" + page.query, page.headers);
      CHECK(answer.status == page.status);
      if (!answer.chunked || answer.header("Content-Range"))
        CHECK(answer.header("Content-Range") == page.range);
      CHECK(answer.body.empty() == (method == "HEAD"));
    }
  }
  const auto beyond = client.get("/movies?offset=501", counting);
  check_refused(beyond, 416, "PGRST103");
  CHECK(beyond.header("Content-Range") == "*/" + total);
  CHECK(client.request("HEAD", "/movies?limit=7", ranged("10-5", true)).header("Content-Range") ==
        "0-6/" + total);
  CHECK(client.get("/movies?limit=7&offset=-3").header("Content-Range") == "0-3/*");
  check_refused(client.get("/movies", ranged("10-5", false)), 416, "PGRST103");
  check_refused(client.get("/movies?limit=-1"), 416, "PGRST103");
  CHECK(client.get("/movies?limit=1", counting).header("Preference-Applied") == "count=exact");
}

TEST_CASE("rows are counted by what the planners of the shards expect") {
  cluster().run_everywhere("ANALYZE movies; ANALYZE ratings");
  const Headers planned{{"Prefer", "count=planned"}}, estimated{{"Prefer", "count=estimated"}};
  HttpClient client(router().port());
  const auto page = client.get("/movies?limit=7&order=id", planned);
  CHECK(page.status == 206);
  CHECK(page.header("Content-Range") == "0-6/500");
  CHECK(page.header("Preference-Applied") == "count=planned");
  CHECK(client.get("/movies?limit=7&order=id").body == page.body);
  CHECK(client.get("/movies?offset=501", planned).status == 416);
  // It is an estimate: nobody counts.
  const auto few = client.get("/movies?imdb_score=gt.5&name=neq.x&or=(id.lt.400,id.gt.450)&limit=3", planned);
  CHECK(few.header("Content-Range").value_or("").starts_with("0-2/"));
  CHECK(
      client.get("/movies?id=in.(1,2,3)", planned).header("Content-Range").value_or("").starts_with("0-2/"));
  CHECK(client.get("/genres?limit=1", planned).status < 300);
  // Rows, and not the groups of them, as for an exact count.
  const auto groups = client.get("/movies?select=primary_genre,count()&limit=2", planned);
  CHECK(groups.status == 206);
  CHECK(groups.header("Content-Range") == "0-1/500");
  CHECK(client.get("/movies?select=count()", planned).header("Content-Range") == "0-0/500");
  CHECK(client.request("HEAD", "/movies?limit=7", planned).header("Content-Range") == "0-6/500");
  const auto streamed = client.get("/ratings", planned);
  CHECK(streamed.chunked);
  CHECK(streamed.header("Content-Range") == "*/" + std::to_string(rating_count));
  check_refused(client.get("/movies?name.x=eq.1", planned), 400, "PGRST108");
  check_refused(client.get("/movies?imdb_score=eq.x", planned), 400, "22P02");

  CHECK(client.get("/movies?limit=2&id=lte.250", estimated).header("Content-Range") == "0-1/250");
  const Router bounded(cluster().map_file(), with({"--max-rows", "100"}));
  HttpClient other(bounded.port());
  CHECK(other.get("/movies?limit=2&id=lte.50", estimated).header("Content-Range") == "0-1/50");
  CHECK(other.get("/movies?limit=2", estimated).header("Content-Range") == "0-1/500");
  CHECK(other.get("/movies?select=primary_genre,count()&limit=2&id=lte.50", estimated)
            .header("Content-Range") == "0-1/50");
}

TEST_CASE("HEAD tells what GET would") {
  HttpClient client(router().port());
  for (const std::string target : {"/movies/1", "/movies?limit=3", "/movies?id=eq.1", "/movies?id=eq.0"}) {
    const auto get = client.get(target), head = client.request("HEAD", target);
    INFO(target);
    CHECK(head.body.empty());
    CHECK(head.status == get.status);
    for (const auto* name : {"Content-Length", "Content-Type", "Content-Range", "Shardplex-Shards"})
      CHECK(head.header(name) == get.header(name));
  }
  CHECK(client.request("HEAD", "/movies/999999").status == 404);
  const auto streamed = client.request("HEAD", "/ratings");
  CHECK(streamed.status == 200);
  CHECK(client.get("/movies/1").status == 200);  // nothing of it is left in the connection
}

TEST_CASE("a big answer streams in chunks and is all there") {
  HttpClient client(router().port());
  auto answer = client.get("/ratings");
  CHECK(answer.status == 200);
  CHECK(answer.chunked);
  CHECK(answer.body == all_ratings());

  answer = client.get("/ratings", counting);
  CHECK(answer.chunked);
  CHECK(answer.header("Content-Range") == "0-99999/100000");
  CHECK(answer.body == all_ratings());

  answer =
      client.get("/ratings?limit=60000&offset=20000&select=user_id&order=user_id.desc,movie_id", counting);
  CHECK(answer.status == 206);
  CHECK(answer.chunked);
  CHECK(answer.header("Content-Range") == "20000-79999/100000");
  CHECK(json::parse(answer.body).as_array().size() == 60'000);
}

TEST_CASE("a big answer streams in every format") {
  HttpClient client(router().port());
  std::string csv = "movie_id,user_id,score,rated_at", lines, stripped = "[";
  for (const auto& row : ratings_as("substring(r::text, 2, length(r::text) - 2)")) csv += '\n' + row;
  for (const auto& row : ratings_as("row_to_json(r)::text")) lines += row + '\n';
  for (const auto& row : ratings_as("json_strip_nulls(row_to_json(r))::text"))
    stripped += (stripped.size() > 1 ? "," : "") + row;
  for (const auto& [type, body] : {std::pair<std::string, std::string>{"text/csv", csv},
                                   {"application/x-ndjson", lines},
                                   {"application/vnd.pgrst.array+json;nulls=stripped", stripped + ']'}}) {
    CAPTURE(type);
    const auto answer = client.get("/ratings", {{"Accept", type}, {"Prefer", "count=exact"}});
    CHECK(answer.status == 200);
    CHECK(answer.chunked);
    CHECK(answer.header("Content-Type") == type + "; charset=utf-8");
    CHECK(answer.header("Content-Range") == "0-99999/100000");
    CHECK((answer.body == body));  // too long to be printed
  }
}

TEST_CASE("an answer has the format that the client likes best of those that are served") {
  HttpClient client(router().port());
  const std::string json = "application/json", csv = "text/csv", lines = "application/x-ndjson";
  for (const auto& [accept, type] : {std::pair<std::string, std::string>{"*/*", json},
                                     {"text/html, text/csv;q=0.5, */*;q=0.1", csv},
                                     {"text/csv;q=0.5, application/json", json},
                                     {"TEXT/CSV; header=present", csv},
                                     {"application/x-ndjson", lines}}) {
    CAPTURE(accept);
    for (const std::string target : {"/movies?limit=2&select=id,name", "/movies?id=eq.1", "/movies/1"}) {
      CAPTURE(target);
      const auto get = client.get(target, {{"Accept", accept}});
      const auto head = client.request("HEAD", target, {{"Accept", accept}});
      CHECK(get.status == 200);
      CHECK(get.header("Content-Type") == type + "; charset=utf-8");
      CHECK((head.body.empty() && head.status == 200));
      for (const auto* name : {"Content-Type", "Content-Length", "Content-Range"})
        CHECK(head.header(name) == get.header(name));
    }
  }
  const Headers as_csv{{"Accept", csv}};
  CHECK(client.get("/movies?id=eq.1&select=i:id,id", as_csv).body == "i,id\n1,1");
  CHECK(client.get("/movies/1?select=id", as_csv).body == "id\n1");
  CHECK(client.get("/movies?id=eq.0", as_csv).body == "\n");
  CHECK(client.get("/movies?id=lt.0", as_csv).body == "\n");
  for (const std::string target : {"/movies?id=eq.0", "/movies?id=lt.0"})
    for (const std::string method : {"GET", "HEAD"}) {
      const auto none = client.request(method, target, {{"Accept", lines}});
      CHECK(none.body.empty());
      CHECK(none.header("Content-Type") == lines + "; charset=utf-8");
      CHECK(none.header("Content-Length") == "0");
    }
  check_refused(client.get("/movies/999999", as_csv), 404, "PGRST116");
  check_refused(client.get("/movies?select=none", as_csv), 400, "42703");
  const Headers one{{"Accept", "application/vnd.pgrst.object+json;nulls=stripped"}};
  CHECK(client.get("/movies?id=eq.1&select=id", one).body == R"({"id":1})");
  check_refused(client.get("/movies", one), 406, "PGRST116");
  check_refused(client.get("/movies?id=eq.0", one), 406, "PGRST116");
}

TEST_CASE("clients that go away in the middle of big answers leave nothing behind") {
  const Router own(cluster().map_file(), with({"--workers", "1"}));
  for (int i = 0; i < 20; ++i) {
    RawConnection leaver(own.port());
    leaver.write("GET /ratings HTTP/1.1\r\nHost: x\r\n\r\n");
    leaver.read_until("movie_id");
  }
  HttpClient client(own.port());
  CHECK(client.get("/ratings").body == all_ratings());
  for (const auto& shard : cluster().shards()) {
    Database database(cluster().conninfo(shard));
    wait_until("no statement runs any more", [&] {
      return database.number(
                 "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%ratings%' "
                 "AND pid <> pg_backend_pid()") == 0;
    });
  }
}

TEST_CASE("a big answer under way comes whole though its servers leave the map") {
  std::ostringstream text;
  text << std::ifstream(cluster().map_file()).rdbuf();
  const TemporaryFolder folder;
  const auto map = folder.write("map.yaml", text.str());
  Router own(map, with({"--workers", "1", "--stream-window-bytes", "1024"}));
  RawConnection reader(own.port());
  reader.write("GET /ratings HTTP/1.0\r\n\r\n");
  auto answer = reader.read_until("movie_id");

  // The same servers by other connection strings: for a worker, other servers.
  folder.write("map.yaml", std::regex_replace(text.str(), std::regex("primary: .*"), "$& connect_timeout=9"));
  own.process().signal(SIGHUP);
  wait_until("the new map serves",
             [&] { return json::parse(own.admin("/map").body).at("version").to_number<int>() == 2; });
  HttpClient client(own.port());
  CHECK(client.get("/movies/1").status == 200);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // some turns of the worker's ticking
  answer += reader.read_to_end();
  CHECK(answer.substr(answer.find("\r\n\r\n") + 4) == all_ratings());
}

TEST_CASE("HTTP/1.0 is answered in its own way") {
  RawConnection small(router().port());
  small.write("GET /movies/1?select=id HTTP/1.0\r\n\r\n");
  const auto answer = small.read_to_end();
  CHECK(answer.starts_with("HTTP/1.0 200 OK\r\n"));
  CHECK(answer.ends_with("\r\n\r\n{\"id\":1}"));

  RawConnection big(router().port());
  big.write("GET /ratings HTTP/1.0\r\n\r\n");
  const auto streamed = big.read_to_end();
  CHECK(streamed.find("chunked") == std::string::npos);
  CHECK(streamed.substr(streamed.find("\r\n\r\n") + 4) == all_ratings());
}

TEST_CASE("requests on one connection are answered in turn, however they arrive") {
  RawConnection pipelined(router().port());
  pipelined.write(
      "GET /movies/1?select=id HTTP/1.1\r\nHost: x\r\n\r\n"
      "HEAD /ratings HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /movies HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n5"
      "GET /movies/2?select=id HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto answers = pipelined.read_to_end();
  CHECK(occurrences(answers, "HTTP/1.1 ") == 4);
  CHECK(answers.find("{\"id\":1}") < answers.find("PGRST102"));
  CHECK(answers.find("PGRST102") < answers.find("{\"id\":2}"));
  CHECK(answers.ends_with("{\"id\":2}"));

  RawConnection by_bytes(router().port());
  for (const char c : std::string("GET /movies/3?select=id HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    by_bytes.write({&c, 1});
  CHECK(by_bytes.read_to_end().ends_with("{\"id\":3}"));

  RawConnection asking(router().port());
  asking.write(
      "PATCH /movies/4 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 15\r\n"
      "Connection: close\r\nExpect: 100-continue\r\n\r\n");
  asking.read_until("HTTP/1.1 100 Continue\r\n\r\n");
  asking.write("{\"name\":\"four\"}");
  asking.shut_down_writing();
  CHECK(asking.read_to_end().starts_with("HTTP/1.1 204 "));

  RawConnection chunked(router().port());
  chunked.write(
      "PATCH /movies/4 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: "
      "chunked\r\n"
      "Connection: close\r\n\r\n8\r\n{\"name\":\r\n7\r\n\"five\"}\r\n0\r\n\r\n");
  CHECK(chunked.read_to_end().starts_with("HTTP/1.1 204 "));
  CHECK(HttpClient(router().port()).get("/movies/4?select=name").body == R"({"name":"five"})");
}

TEST_CASE("groups are bounded: in number where shards share them, and by --max-rows") {
  const auto shard = cluster().shard_of("ratings", 1);
  Database database(cluster().conninfo(shard));
  const auto slot = std::to_string(slot_of(canonical_bytes(std::int64_t{1}), 1024).value);
  database.run("INSERT INTO ratings (movie_id, user_id, score, shardplex_slot) SELECT 1, -n, 1, " + slot +
               " FROM generate_series(1, 100001) n");
  HttpClient client(router().port());
  check_refused(client.get("/ratings?select=user_id,count()&user_id=lt.0"), 400, "SHARD400");
  // On one shard it makes no difference how many there are, nor where each group is on one.
  CHECK(client.get("/ratings?select=user_id,count()&user_id=lt.0&movie_id=eq.1").status == 200);
  CHECK(client.get("/ratings?select=movie_id,user_id,count()&user_id=lt.0").status == 200);
  database.run("DELETE FROM ratings WHERE user_id < 0");

  const Router bounded(cluster().map_file(), with({"--max-rows", "5"}));
  HttpClient strict(bounded.port());
  check_refused(strict.get("/ratings?select=score,count()"), 400, "SHARD400");
  check_refused(strict.get("/ratings?select=movie_id,count()"), 400, "SHARD400");
  CHECK(strict.get("/ratings?select=score,count()&score=lt.4").status == 200);
  CHECK(strict.get("/ratings?select=score,count()&limit=5").status == 200);
  CHECK(strict.get("/ratings?select=count()").status == 200);
}

TEST_CASE("groups that are too big to be put together are refused, and the router is none the worse for it") {
  const auto shard = cluster().shard_of("movies", 1);
  Database database(cluster().conninfo(shard));
  const auto distributor = database.value("SELECT distributor FROM movies WHERE id = 1").value_or("");
  const auto distribute = [&](const std::string& sql) {
    database.run("UPDATE movies SET distributor = " + sql + " WHERE id = 1");
  };
  HttpClient client(router().port());
  distribute("repeat('x', 17000000)");
  const auto refused = client.get("/movies?select=distributor,count()");
  check_refused(refused, 400, "SHARD400");
  CHECK(refused.body.find("16777216 bytes") != std::string::npos);
  CHECK(client.get("/movies?select=distributor.count()").status == 200);
  // Quotes are written twice as long.
  distribute("repeat('\"', 8000000)");
  CHECK(client.get("/movies?select=distributor,count()").status == 200);
  const Router small(cluster().map_file(), with({"--memory-budget-bytes", "40000000"}));
  check_refused(HttpClient(small.port()).get("/movies?select=distributor,count()"), 503, "SHARD503");
  CHECK(HttpClient(small.port()).get("/movies?select=primary_genre,count()").status == 200);
  distribute(database.quote(distributor));
}

TEST_CASE("aggregates are answered once, and by nobody where the operator does not allow them") {
  HttpClient client(router().port());
  const auto answer = client.get("/ratings?select=count()");
  CHECK(answer.body == R"([{"count":)" + std::to_string(rating_count) + "}]");
  CHECK(answer.header("Content-Range") == "0-0/*");
  CHECK(answer.header("Shardplex-Shards") == "alpha,beta");
  CHECK(client.get("/ratings?select=count").body == answer.body);
  CHECK(client.get("/ratings?select=count()&score=gt.10").body == R"([{"count":0}])");
  CHECK(client.get("/ratings?select=score,count()&score=gt.10").body == "[]");
  CHECK(client.get("/ratings?select=score.sum()&score=gt.10").body == R"([{"sum":null}])");
  CHECK(client.get("/movies/1?select=count()").body == R"({"count":1})");

  const Router without(cluster().map_file(), with({"--aggregates", "off"}));
  check_refused(HttpClient(without.port()).get("/ratings?select=count()"), 400, "PGRST123");
  CHECK(HttpClient(without.port()).get("/ratings?limit=1").status == 200);
  // PostgreSQL takes it for a function of the row, and PostgREST with it.
  CHECK(HttpClient(without.port()).get("/ratings?select=count").body == answer.body);
  check_refused(HttpClient(without.port()).get("/ratings?select=score,count"), 400, "42803");
}

TEST_CASE("every answer says how it was made") {
  HttpClient client(router().port());
  const auto one = client.get("/movies/1"), all = client.get("/movies?limit=1"), any = client.get("/genres");
  CHECK(one.header("Shardplex-Shards") == cluster().shard_of("movies", 1));
  CHECK(all.header("Shardplex-Shards") == "alpha,beta");
  CHECK(any.header("Shardplex-Shards").value_or("").find(',') == std::string::npos);
  for (const auto& answer : {one, all, any, client.get("/ratings"), client.get("/movies?id=eq.abc")}) {
    CHECK(answer.header("Vary") ==
          "Accept, Accept-Encoding, Prefer, Range, Accept-Profile, Shardplex-Consistency");
    const auto timing = answer.header("Server-Timing").value_or("");
    for (const auto* stage : {"parse;dur=", "plan;dur=", "shards;dur=", "merge;dur="})
      CHECK(timing.find(stage) != std::string::npos);
  }
  CHECK(client.request("PATCH", "/movies/1", as_json, R"({"director":"Ada"})").header("Shardplex-Shards") ==
        cluster().shard_of("movies", 1));
}

TEST_CASE("answers are compressed for clients that take them so, unless the operator says no") {
  const Headers gzip{{"Accept-Encoding", "gzip"}};
  HttpClient client(router().port());
  const auto plain = client.get("/movies?limit=100"), compressed = client.get("/movies?limit=100", gzip);
  CHECK_FALSE(plain.header("Content-Encoding").has_value());
  CHECK(compressed.header("Content-Encoding") == "gzip");
  CHECK(compressed.header("Vary") == plain.header("Vary"));
  CHECK(compressed.body.size() < plain.body.size() / 2);
  const Router without(cluster().map_file(), with({"--compression", "off"}));
  const auto as_it_is = HttpClient(without.port()).get("/movies?limit=100", gzip);
  CHECK_FALSE(as_it_is.header("Content-Encoding").has_value());
  CHECK(as_it_is.body == plain.body);
}

TEST_CASE("the admin port tells the router's state, and nothing of the data") {
  CHECK(router().admin("/live").status == 200);
  const auto ready = json::parse(router().admin("/ready").body);
  CHECK(ready.at("ready").as_bool());
  CHECK(ready.at("missing").as_array().empty());
  const auto map = json::parse(router().admin("/map").body);
  CHECK(map.at("cluster").as_string() == "movies");
  CHECK(map.at("groups").at("catalog").at("slots").to_number<int>() == 1024);
  CHECK(map.at("tables").at("genres").at("reference").as_bool());
  const auto shards = json::parse(router().admin("/shards").body).as_array();
  REQUIRE(shards.size() == 2);
  CHECK(shards[0].at("shard").as_string() == "alpha");
  CHECK(shards[0].at("servers").at(0).at("role").as_string() == "primary");
  CHECK(router().admin("/movies").status == 404);
  CHECK(HttpClient(router().admin_port()).request("POST", "/live").status == 405);
  CHECK(HttpClient(router().port()).get("/metrics").status == 404);
}

TEST_CASE("a port that cannot be had is named with its address, and with the flag that takes another one") {
  const auto port = std::to_string(router().port()), admin_port = std::to_string(router().admin_port());
  struct Refused {
    std::vector<std::string> arguments;
    std::string told, flag;
  };
  const Refused refused[] = {
      {{"--port", port, "--admin-port", "0"},
       "cannot listen on 127.0.0.1:" + port + ": Address already in use; ",
       "--port"},
      {{"--port", "0", "--admin-port", admin_port},
       "cannot listen on 127.0.0.1:" + admin_port + ": Address already in use; ",
       "--admin-port"},
      {{"--port", port, "--admin-port", "0", "--address", "192.0.2.1"},  // of no machine (RFC 5737)
       "cannot listen on 192.0.2.1:" + port + ": Cannot assign requested address; ",
       "--address"},
  };
  std::ifstream nonlocal("/proc/sys/net/ipv4/ip_nonlocal_bind");
  const bool any_address = nonlocal.get() == '1';
  for (const auto& [arguments, told, flag] : refused) {
    if (flag == "--address" && any_address) continue;  // this machine binds them all
    std::vector<std::string> command{shardplexd_program(), "--map", cluster().map_file()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto ended = run(command);
    INFO(ended.errors);
    CHECK(ended.status == 1);
    const auto at = ended.errors.find(told);
    REQUIRE(at != std::string::npos);
    CHECK(ended.errors.find(flag, at) != std::string::npos);
  }
}

TEST_CASE("the metrics are well-formed and count what was asked") {
  const Router own(cluster().map_file());
  HttpClient client(own.port());
  for (int i = 0; i < 7; ++i) client.get("/movies/1");
  client.get("/movies/999999");
  client.get("/movies?limit=1");
  const auto metrics = own.admin("/metrics").body;
  const auto epoch = Database(cluster().conninfo("alpha")).value("SELECT epoch FROM shardplex.shard").value();
  const std::string lines[] = {
      R"(shardplex_http_requests_total{route="row",method="GET",code="200"} 7)",
      R"(shardplex_http_requests_total{route="row",method="GET",code="404"} 1)",
      R"(shardplex_http_requests_total{route="table",method="GET",code="200"} 1)",
      R"(shardplex_http_connections 1)",
      R"(shardplex_server_writable{shard="beta",server="beta"} 1)",
      R"(shardplex_map_epoch{shard="alpha",server="alpha"} )" + epoch,
  };
  for (const auto& line : lines) CHECK_MESSAGE(metrics.find(line + '\n') != std::string::npos, line);
  for (const auto* family :
       {"shardplex_build_info", "shardplex_http_request_duration_seconds", "shardplex_shard_queries_total",
        "shardplex_shard_query_duration_seconds", "shardplex_pool_connections", "shardplex_point_batch_size",
        "shardplex_fan_out_shards"})
    CHECK(metrics.find(std::string("# TYPE ") + family + ' ') != std::string::npos);
  const auto lint = run({"promtool", "check", "metrics"}, metrics);
  if (lint.status == 127)
    MESSAGE("promtool is not installed: its check is left out");
  else
    CHECK_MESSAGE(lint.status == 0, lint.output, lint.errors);
}

TEST_CASE("the log is JSON, and holds neither passwords nor values of parameters, nor do the patterns") {
  const std::string password = "secret-xyz", value = "private-value-17";
  Router talkative(cluster().map_file(),
                   {.arguments = {"--access-log", "--log-level", "debug", "--slow-request", "1ms"},
                    .environment = {{"PGPASSWORD", password}},
                    .wait_until_ready = true});
  HttpClient client(talkative.port());
  CHECK(client.get("/movies?name=eq." + value).status == 200);
  CHECK(client.get("/movies/" + value).status == 400);
  CHECK(client.get("/movies/" + value + "/").status == 400);
  CHECK(client.get("/movies/" + value + "/cast").status == 404);
  CHECK(client.get("/movies/" + value + "%zz").status == 404);
  CHECK(client.request("BREW", "/movies/" + value).status == 405);
  CHECK(client.get("/movies?release_date=eq." + value).status == 400);
  CHECK(client.get("/movies?select=name::" + value).status == 400);
  CHECK(client.request("POST", "/movies", as_json, R"({"imdb_score":")" + value + "\"}").status == 400);
  CHECK(client.request("PATCH", "/movies/1", as_json, R"({"name":")" + value + "\"}").status == 204);
  const auto patterns = talkative.admin("/patterns").body;
  CHECK(patterns.find("GET /movies?name=eq.?") != std::string::npos);
  CHECK(patterns.find(value) == std::string::npos);
  CHECK(talkative.stop() == 0);
  const auto lines = talkative.process().errors();
  std::size_t requests = 0;
  for (const auto& line : lines) {
    INFO(line);
    boost::system::error_code ec;
    const auto parsed = json::parse(line, ec);
    REQUIRE_FALSE(ec);
    for (const auto* member : {"time", "level", "message"}) {
      const auto* found = parsed.as_object().if_contains(member);
      CHECK(found != nullptr);
    }
    requests += parsed.at("message").as_string() == "request";
    CHECK(line.find(password) == std::string::npos);
    CHECK(line.find(value) == std::string::npos);
  }
  CHECK(requests == 10);
}

TEST_CASE("/load counts the requests for each slot, and those for many slots on none") {
  Router own(cluster().map_file());
  HttpClient client(own.port());
  const auto load = [&] {
    const auto answer = json::parse(own.admin("/load").body);
    return json::value_to<std::vector<std::int64_t>>(answer.at("groups").at("catalog"));
  };
  const auto slot = [](std::int64_t id) { return slot_of(canonical_bytes(id), 1024).value; };
  REQUIRE(slot(1) != slot(2));
  std::vector<std::int64_t> expected(1024);
  CHECK(load() == expected);
  REQUIRE(client.get("/movies/1").status == 200);                   // by the fast way
  REQUIRE(client.get("/movies?id=eq.1", counting).status == 200);   // and by the general one
  REQUIRE(client.get("/ratings?movie_id=in.(1,2)").status == 200);  // a slot each
  REQUIRE(client
              .request("PATCH", "/movies?id=eq.2&director=eq.nobody", as_json,  // a write, of nothing
                       R"({"imdb_votes":1})")
              .status < 300);
  expected[slot(1)] = 3;
  expected[slot(2)] = 2;
  CHECK(load() == expected);
  REQUIRE(client.get("/movies?limit=5").status < 300);
  REQUIRE(client.get("/genres").status == 200);
  CHECK(load() == expected);

  const auto said_before = own.process().errors().size();
  own.process().signal(SIGHUP);
  own.process().wait_for_line(
      "that the map was read",
      [](const std::string& line) { return line.find("shard map read") != std::string::npos; }, said_before);
  wait_until("the map read again serves",
             [&] { return json::parse(own.admin("/map").body).at("version").to_number<int>() == 2; });
  REQUIRE(client.get("/movies/1").status == 200);
  ++expected[slot(1)];
  CHECK(load() == expected);
}

}  // namespace shardplex::integration
