// Prefer: partial=allow, with a shard that is gone.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/integration/cluster.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

using Ids = std::vector<std::int64_t>;

constexpr std::int64_t film_count = 300;
const Headers allowing{{"Prefer", "partial=allow"}};
const Headers strictly{{"Prefer", "handling=strict, partial=allow"}};
const std::string all_films = "/movies?select=id&order=id&limit=1000";

/// Three shards, which every test leaves as it found them.
const Cluster& cluster() {
  struct Loaded : Cluster {
    Loaded() : Cluster({.shards = 3, .replicas = 0, .map = "hash"}) {
      initialise();
      load("movies", make_movies({"--count", std::to_string(film_count)}));
      load("genres", make_movies({"--genres"}));
      load("ratings", make_movies({"--count", std::to_string(film_count), "--ratings", "9000"}));
    }
  };
  static const Loaded loaded;
  return loaded;
}

/// The cluster's map with relations: of films and their ratings, which are on one shard, and of users and
/// what these like, which are not.
std::string map_with_relations(const TemporaryFolder& folder) {
  std::ostringstream text;
  text << std::ifstream(cluster().map_file()).rdbuf() << R"(
relations:
  of_movie: { table: ratings, columns: [movie_id], foreign_table: movies, foreign_columns: [id] }
  liked: { table: ratings, columns: [user_id], foreign_table: movies, foreign_columns: [id] }
)";
  return folder.write("map.yaml", text.str());
}

/// A shard that is gone as long as this lives.
class Gone {
 public:
  explicit Gone(std::string shard) : shard_(std::move(shard)) { cluster().kill(shard_); }
  ~Gone() { cluster().start(shard_); }
  Gone(const Gone&) = delete;

 private:
  std::string shard_;
};

/// In their order.
Ids films_on(const std::set<std::string>& shards) {
  Ids ids;
  for (std::int64_t id = 1; id <= film_count; ++id)
    if (shards.contains(cluster().shard_of("movies", id))) ids.push_back(id);
  return ids;
}

Ids films_there() {
  return films_on({"alpha", "gamma"});
}

Ids ids_in(const HttpResponse& answer) {
  Ids ids;
  const auto rows = json::parse(answer.body);
  for (const auto& row : rows.as_array()) ids.push_back(row.at("id").to_number<std::int64_t>());
  return ids;
}

Ids part_of(const Ids& ids, std::size_t first, std::size_t count) {
  const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

std::string path_of(std::int64_t id) {
  return "/movies/" + std::to_string(id);
}

std::string field(const HttpResponse& answer, std::string_view name) {
  return answer.header(name).value_or("");
}

/// Without beta's rows, and saying so.
void check_lacks_beta(const HttpResponse& answer) {
  INFO(answer.body);
  CHECK(answer.status == 206);
  CHECK(field(answer, "Shardplex-Missing-Shards") == "beta");
  CHECK(field(answer, "Shardplex-Shards") == "alpha,gamma");
  CHECK(field(answer, "Preference-Applied") == "partial=allow");
  CHECK(field(answer, "Cache-Control") == "no-store");
}

void check_whole(const HttpResponse& answer) {
  INFO(answer.body);
  CHECK(answer.status == 200);
  CHECK_FALSE(answer.header("Shardplex-Missing-Shards"));
  CHECK_FALSE(answer.header("Cache-Control"));
}

void check_beta_is_unavailable(const HttpResponse& answer) {
  INFO(answer.body);
  CHECK(answer.status == 503);
  CHECK(answer.error_code() == "SHARD503");
  CHECK(answer.body.find("beta") != std::string::npos);
  CHECK_FALSE(answer.header("Shardplex-Missing-Shards"));
}

void check_unknown(const HttpResponse& answer) {
  INFO(answer.body);
  CHECK(answer.status == 400);
  CHECK(answer.error_code() == "PGRST122");
}

std::string up_to(std::size_t rows) {
  return "0-" + std::to_string(rows - 1) + "/*";
}

}  // namespace

TEST_CASE("rows of the shards that are there come in their order, and the answer names those that are not") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const auto before = client.get(all_films, allowing);
  check_whole(before);
  CHECK(field(before, "Preference-Applied") == "partial=allow");
  CHECK(ids_in(before) == films_on({"alpha", "beta", "gamma"}));
  {
    const Gone gone("beta");
    const auto there = films_there();
    for (int i = 0; i < 20; ++i) {
      const auto answer = client.get(all_films, allowing);
      check_lacks_beta(answer);
      CHECK(ids_in(answer) == there);
      CHECK(field(answer, "Content-Range") == up_to(there.size()));
      check_beta_is_unavailable(client.get(all_films));
    }
    const auto page = client.get("/movies?select=id&order=id&limit=10&offset=5", allowing);
    check_lacks_beta(page);
    CHECK(ids_in(page) == part_of(there, 5, 10));
    CHECK(field(page, "Content-Range") == "5-14/*");
    const auto behind = client.get("/movies?select=id&offset=5000&limit=5", allowing);
    check_lacks_beta(behind);
    CHECK(behind.body == "[]");
    CHECK(field(behind, "Content-Range") == "*/*");
    const auto backwards = client.get("/movies?select=id&order=id.desc&limit=1000", allowing);
    CHECK(ids_in(backwards) == Ids(there.rbegin(), there.rend()));
    // A stream, and what is read from primaries alone.
    CHECK(ids_in(client.get("/movies?select=id", strictly)) == there);
    const auto strong =
        client.get(all_films, {{"Prefer", "partial=allow"}, {"Shardplex-Consistency", "strong"}});
    check_lacks_beta(strong);
    CHECK(ids_in(strong) == there);
    check_lacks_beta(client.request("HEAD", all_films, allowing));
    // The filters may leave one of the shards that are there.
    const auto lone = films_on({"gamma"}).front(), lacking = films_on({"beta"}).front();
    const auto two = client.get(
        "/movies?select=id&id=in.(" + std::to_string(lone) + ',' + std::to_string(lacking) + ')', allowing);
    CHECK(two.status == 206);
    CHECK(field(two, "Shardplex-Missing-Shards") == "beta");
    CHECK(ids_in(two) == Ids{lone});
  }
  wait_until("films are read from all shards", [&] { return client.get(all_films).status == 200; });
  check_whole(client.get(all_films, allowing));
}

TEST_CASE("nobody says how many rows match while a shard is missing") {
  const Router router(cluster().map_file());
  const Router bounded(cluster().map_file(),
                       {.arguments = {"--max-rows", "250"}, .environment = {}, .wait_until_ready = true});
  const Router narrow(cluster().map_file(),
                      {.arguments = {"--max-rows", "50"}, .environment = {}, .wait_until_ready = true});
  const Gone gone("beta");
  const auto there = films_there();
  REQUIRE(there.size() < 250);
  for (const auto* count : {"exact", "planned", "estimated"})
    for (const auto* asked : {&router, &bounded}) {
      CAPTURE(std::string(count));
      HttpClient client(asked->port());
      const Headers counting{{"Prefer", "partial=allow, count=" + std::string(count)}};
      const auto answer = client.get("/movies?select=id&order=id", counting);
      check_lacks_beta(answer);
      CHECK(field(answer, "Content-Range") == up_to(there.size()));
      CHECK(ids_in(answer) == there);
      const auto behind = client.get("/movies?select=id&limit=5&offset=5000", counting);
      check_lacks_beta(behind);
      CHECK(field(behind, "Content-Range") == "*/*");
    }
  HttpClient client(narrow.port());
  const auto refused = client.get("/movies?select=id", allowing);
  CHECK(refused.status == 400);
  CHECK(refused.error_code() == "SHARD400");
}

TEST_CASE("a long answer without a shard streams, and says before its first row what it lacks") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  std::int64_t rows = 0;
  for (const auto* shard : {"alpha", "gamma"})
    rows += Database(cluster().conninfo(shard)).number("SELECT count(*) FROM ratings");
  const Gone gone("beta");
  const auto answer = client.get("/ratings", {{"Prefer", "partial=allow, count=exact"}});
  check_lacks_beta(answer);
  CHECK(answer.chunked);
  CHECK(field(answer, "Content-Range") == "*/*");
  CHECK(static_cast<std::int64_t>(json::parse(answer.body).as_array().size()) == rows);
  const auto lines =
      client.get("/ratings", {{"Prefer", "partial=allow"}, {"Accept", "application/x-ndjson"}});
  check_lacks_beta(lines);
  CHECK(std::count(lines.body.begin(), lines.body.end(), '\n') == rows);
}

TEST_CASE("pages by cursor lead through the rows of the shards that are there") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const Gone gone("beta");
  Ids ids;
  for (std::string target = "/movies?select=id&order=id&limit=40&after="; !target.empty();) {
    const auto page = client.get(target, allowing);
    check_lacks_beta(page);
    const auto on_page = ids_in(page);
    ids.insert(ids.end(), on_page.begin(), on_page.end());
    const auto links = field(page, "Link");
    target = links.find("rel=\"next\"") == std::string::npos ? "" : links.substr(1, links.find('>') - 1);
  }
  CHECK(ids == films_there());
}

TEST_CASE("what is no answer in part is refused as without the preference, and strictly as an unknown one") {
  const Router router(cluster().map_file());
  HttpClient client(router.port());
  const Gone gone("beta");
  const auto films = films_on({"beta"});
  const auto film = path_of(films.front()), key = std::to_string(films.front());
  for (const auto& target : {film, "/movies?id=eq." + key, std::string("/movies?select=count()"),
                             std::string("/movies?select=primary_genre,imdb_score.avg()"),
                             std::string("/movies?select=id,count()&order=id")}) {
    CAPTURE(target);
    check_beta_is_unavailable(client.get(target, allowing));
    check_unknown(client.get(target, strictly));
  }
  for (const auto& [preference, status] :
       {std::pair("partial=allow", 503U), std::pair("handling=strict, partial=allow", 400U)}) {
    const Headers object{{"Prefer", preference}, {"Accept", "application/vnd.pgrst.object+json"}};
    CHECK(client.get("/movies?id=in.(" + key + ")", object).status == status);
    const Headers body{{"Prefer", preference}, {"Content-Type", "application/json"}};
    CHECK(client.request("PATCH", film, body, R"({"director":"nobody"})").status == status);
    CHECK(client.request("DELETE", "/movies?id=eq." + key, body).status == status);
  }
  // Where none of the shards that are asked is there, there is nothing to be answered.
  const auto none = "/movies?id=in.(" + key + ',' + std::to_string(films.at(1)) + ')';
  check_beta_is_unavailable(client.get(none, allowing));
  check_beta_is_unavailable(client.get(none, strictly));
  // Any shard has all of a reference table.
  check_whole(client.get("/genres?limit=3", strictly));
}

TEST_CASE("rows come with what their own shard embeds in them, and not with what is looked up on others") {
  const TemporaryFolder folder;
  const Router router(map_with_relations(folder));
  HttpClient client(router.port());
  const Gone gone("beta");
  const auto rated = client.get("/movies?select=id,ratings!of_movie(score)&order=id&limit=1000", allowing);
  check_lacks_beta(rated);
  CHECK(ids_in(rated) == films_there());
  CHECK(rated.body.find("\"score\":") != std::string::npos);
  const auto* looked_up = "/ratings?select=score,movies!liked(name)&limit=50";
  check_beta_is_unavailable(client.get(looked_up, allowing));
  check_unknown(client.get(looked_up, strictly));
}

TEST_CASE("a router that has never reached a shard answers without it where it may") {
  const Gone gone("beta");
  const Router router(cluster().map_file(), {.arguments = {}, .environment = {}, .wait_until_ready = false});
  HttpClient client(router.port());
  wait_until("the other shards are read", [&] {
    const auto answer = client.get(all_films, allowing);
    return field(answer, "Shardplex-Missing-Shards") == "beta";
  });
  const auto answer = client.get(all_films, allowing);
  check_lacks_beta(answer);
  CHECK(ids_in(answer) == films_there());
  CHECK(client.get(all_films).status == 503);
}

}  // namespace shardplex::integration
