// Embeds of rows on other shards, compared byte for byte with the same tables on one shard.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/lookup_site.hpp"
#include "tests/integration/process.hpp"
#include "tests/integration/slot_mover.hpp"
#include "tests/sanitized.hpp"

namespace shardplex::integration {
namespace {

using Random = std::mt19937;

unsigned below(Random& random, unsigned end) {
  return static_cast<unsigned>(random() % end);
}

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

/// Columns of which there are sums.
const std::vector<std::string>& numbers_of(const std::string& table) {
  static const std::map<std::string, std::vector<std::string>> all{
      {"movies", {"id", "imdb_score"}}, {"ratings", {"score", "user_id"}},
      {"users", {"id", "town_id"}},     {"towns", {"id"}},
      {"lists", {"place", "movie_id"}}, {"genres", {"number"}}};
  return all.at(table);
}

class Requests {
 public:
  /// `grouped`: how many of 100 embeds have groups of rows.
  explicit Requests(unsigned seed, unsigned grouped = 0) : random_(seed), grouped_(grouped) {}

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

  /// One whose rows are ordered by an embed.
  std::string next_ordered() {
    static const std::vector<std::string> roots{"ratings", "users", "lists", "movies"};
    return order_by_embed(roots[below(random_, 4)]);
  }

  /// One whose embed has rows in the order of what is embedded in them.
  std::string next_ordered_inside() {
    static const std::vector<Inside> all{
        {"users", "ratings", "ratings"},      {"movies", "ratings", "ratings"},
        {"movies", "lists", "lists"},         {"users", "lists", "lists"},
        {"towns", "users", "users"},          {"movies", "users!lists", "users"},
        {"users", "movies!ratings", "movies"}};
    const auto& [root, to, table] = all[below(random_, static_cast<unsigned>(all.size()))];
    std::vector<Way> to_one;
    for (const auto& way : tables().at(table).ways)
      if (way.to_one) to_one.push_back(way);
    const auto& way = to_one[below(random_, static_cast<unsigned>(to_one.size()))];
    std::string column = column_of(way.table);
    if (column == "genre") column = "id";
    std::string target = '/' + root + "?select=" + tables().at(root).columns.front() + ',' +
                         (chance(20) ? "..." : "") + "e:" + to + (chance(20) ? "!inner" : "") + '(' +
                         tables().at(table).columns.front() + ',' + (chance(20) ? "..." : "") +
                         "f:" + way.to + (chance(20) ? "!inner" : "") + '(' + column + "))&e.order=";
    if (chance(30)) target += tables().at(table).columns[1] + (chance(50) ? ".desc," : ",");
    target += "f(" + column + ')';
    if (chance(50)) target += ".desc";
    if (chance(30)) target += chance(50) ? ".nullsfirst" : ".nullslast";
    if (chance(50)) target += "&e.limit=" + std::to_string(below(random_, 5));
    if (chance(30)) target += "&e.offset=" + std::to_string(below(random_, 3));
    if (chance(20)) target += "&e.f." + tables().at(way.table).columns.front() + "=not.is.null";
    if (chance(50)) target += "&limit=" + std::to_string(below(random_, 30));
    return target;
  }

 private:
  /// A table, and one that is embedded in it as `to`.
  struct Inside {
    std::string root, to, table;
  };

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
      const bool is_grouped = grouped_ > 0 && chance(grouped_);
      std::string embed = (chance(15) && !is_grouped ? "..." : "") + name + ':' + way.to;
      if (chance(20)) embed += "!inner";
      const std::string below_it = path + name + '.';
      add(embed + '(' + (is_grouped ? groups(way.table, below_it) : node(way.table, below_it, depth - 1)) +
          ')');
    }
    parameters(table, path, names);
    return select;
  }

  std::string aggregate(const std::string& table) {
    static const std::vector<std::string> functions{"sum", "avg", "min", "max", "count"};
    std::string item = "a" + std::to_string(++aliases_) + ':';
    const auto& numbers = numbers_of(table);
    if (chance(35))
      item += "count()";
    else if (chance(70))
      item += numbers[below(random_, static_cast<unsigned>(numbers.size()))] + '.' +
              functions[below(random_, 5)] + "()";
    else
      item += column_of(table) + (chance(50) ? ".count()" : "::text.max()");
    return item + (chance(15) ? "::text" : "");
  }

  /// The select list of an embed whose rows are groups.
  std::string groups(const std::string& table, const std::string& path) {
    std::string key, select;
    if (chance(15)) {
      select = "count";
    } else {
      for (unsigned i = below(random_, 2); i > 0; --i) {
        key = column_of(table);
        select += (chance(20) ? "k" + std::to_string(++aliases_) + ':' + key + "::text" : key) + ',';
      }
      if (table == "ratings" && chance(15)) select += "movies(name),";
      select += aggregate(table);
      for (unsigned i = below(random_, 3); i > 0; --i) select += ',' + aggregate(table);
    }
    if (!key.empty() && key != "genre" && chance(40))
      parameters_.push_back(path + "order=" + key + (chance(50) ? ".desc" : ""));
    if (chance(25)) parameters_.push_back(path + "limit=" + std::to_string(below(random_, 4)));
    if (chance(15)) parameters_.push_back(path + "offset=" + std::to_string(below(random_, 3)));
    const auto& first = tables().at(table).columns.front();
    if (chance(20)) parameters_.push_back(path + first + (first == "name" ? "=neq.Drama" : "=gt.3"));
    if (first != "name" && chance(10)) parameters_.push_back(path + first + "=eq.5");
    return select;
  }

  /// An order by an embed to one, which its rows may be looked up for.
  std::string order_by_embed(const std::string& root) {
    const auto& ways = tables().at(root).ways;
    std::vector<Way> to_one;
    for (const auto& way : ways)
      if (way.to_one) to_one.push_back(way);
    const auto& way = to_one[below(random_, static_cast<unsigned>(to_one.size()))];
    std::string column = column_of(way.table);
    if (column == "genre") column = "id";
    const std::string shown = chance(30) ? "" : column + (chance(30) ? ",extra:" + column_of(way.table) : "");
    std::string target = '/' + root + "?select=" + tables().at(root).columns.front() + "," +
                         (chance(15) && !shown.empty() ? "..." : "") + "e:" + way.to +
                         (chance(20) ? "!inner" : "") + '(' + shown + ")&order=";
    if (chance(30)) target += column_of(root) + (chance(50) ? ".desc," : ",");
    target += "e(" + column + ')';
    if (chance(50)) target += ".desc";
    if (chance(30)) target += chance(50) ? ".nullsfirst" : ".nullslast";
    if (chance(60)) target += "&limit=" + std::to_string(below(random_, 12));
    if (chance(40)) target += "&offset=" + std::to_string(below(random_, 12));
    if (chance(20)) target += "&e." + tables().at(way.table).columns.front() + "=not.is.null";
    return target;
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
  unsigned grouped_;
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

/// Asks for `target` of so many seeds, and tells how many of them the shards have refused.
template <class Target>
unsigned compare(unsigned long cases, Target target_of) {
  unsigned refused = 0, failures = 0;
  for (unsigned seed = 1; seed <= cases && failures < 10; ++seed) {
    const std::string target = target_of(seed);
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
  return refused;
}

}  // namespace

TEST_CASE("embeds over shards are what they are on one shard") {
  constexpr auto cases = tests::fewer_if_sanitized(900);
  CHECK(compare(cases, [](unsigned seed) { return Requests(seed).next(); }) < cases / 10);
}

TEST_CASE("embeds of groups over shards are what they are on one shard") {
  constexpr auto cases = tests::fewer_if_sanitized(900);
  CHECK(compare(cases, [](unsigned seed) { return Requests(seed, 60).next(); }) < cases / 3);
}

TEST_CASE("rows over shards have the order by an embed that they have on one shard") {
  constexpr auto cases = tests::fewer_if_sanitized(600);
  CHECK(compare(cases, [](unsigned seed) { return Requests(seed).next_ordered(); }) < cases / 3);
}

TEST_CASE("embedded rows over shards have the order by an embed that they have on one shard") {
  constexpr auto cases = tests::fewer_if_sanitized(600);
  CHECK(compare(cases, [](unsigned seed) { return Requests(seed).next_ordered_inside(); }) < cases / 4);
}

TEST_CASE(
    "rows that come through a junction, or that others are ordered by, are not put in order once more") {
  for (const auto* target :
       {"/movies?select=id,users!ratings(id,towns(name))&users.order=towns(name)",
        "/ratings?select=score,users(name,towns(name))&order=users(name)&users.order=towns(name)"}) {
    INFO(std::string(target));
    CHECK(one().get(target).status == 200);
    const auto answer = shards().get(target);
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "SHARD400");
    CHECK(answer.body.find("are ordered by rows of towns") != std::string::npos);
  }
}

TEST_CASE("rows over shards have the order by jsonb that they have on one shard") {
  for (const auto* target :
       {"/orders?select=id,extra&order=extra,id",
        "/orders?select=id&order=extra.desc.nullslast&limit=9&offset=4",
        "/orders?select=id&order=extra-%3E0.desc", "/orders?select=id,tags&order=tags-%3E2,id.desc",
        "/orders?select=id&order=extra-%3Ea-%3E0.asc.nullsfirst,extra.desc&limit=20",
        "/stock?select=id,orders!by_price(id,extra)&orders.order=extra.desc,id",
        "/stock?select=id,...orders!by_price(id)&orders.order=extra-%3E0.desc.nullsfirst",
        "/lists?select=user_id,movies(genre)&order=movies(genre-%3E0).desc&limit=30",
        "/lists?select=user_id,movies(genre)&order=movies(genre-%3E1).nullsfirst,place"}) {
    INFO(std::string(target));
    const auto expected = one().get(target);
    const auto answer = shards().get(target);
    CHECK(answer.status == expected.status);
    if (expected.status == 200) CHECK(answer.body == expected.body);
  }
}

TEST_CASE("json has no order, over shards as in PostgreSQL") {
  for (const auto* target : {"/orders?select=id&order=raw", "/orders?select=id&order=raw-%3Ea.desc",
                             "/stock?select=id,orders!by_price(id)&orders.order=raw-%3E0"}) {
    INFO(std::string(target));
    for (const auto* site : {&one(), &shards()}) {
      const auto answer = site->get(target);
      CHECK(answer.status == 404);
      CHECK(answer.error_code() == "42883");
    }
  }
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
        "/towns?select=id,users!inner(id,lists!inner(count()))&users.lists.place=eq.1",
        "/users?select=id,ratings(score,film:movies(name),...movies(imdb_score.max()))"}) {
    INFO(std::string(target));
    const auto expected = one().get(target);
    CHECK(expected.status == 200);
    CHECK(shards().get(target).body == expected.body);
  }
}

TEST_CASE("aggregates of rows on other shards are those of each row") {
  for (const auto* target :
       {"/users?select=id,ratings(count())", "/users?select=id,ratings(count)",
        "/users?select=id,ratings(count)&ratings.score=gt.9",
        "/users?select=id,ratings!inner(score,n:count())&ratings.score=gt.2&limit=5&offset=3",
        "/users?select=id,ratings(score,count(),movie_id.avg(),rated_at.max())&ratings.order=score.desc",
        "/users?select=id,ratings(score.avg(),score.sum()::text,n:score.count()::text)",
        "/users?select=id,ratings(count())&ratings.movie_id=eq.1000003&ratings.movie_id=eq.2000006",
        "/users?select=id,ratings(count())&ratings.limit=0",
        "/users?select=id,ratings(count())&ratings.offset=1",
        "/users?select=id,ratings!inner(count())&ratings.limit=0",
        "/users?select=id,ratings(count())&ratings=is.null&limit=2",
        // Rows without a town have no key, and those of a town that is not there find no rows.
        "/users?select=id,towns(count())", "/users?select=id,towns(name,count())",
        "/towns?select=id,users(count(),name.min(),name.max())",
        "/towns?select=id,users(name,count())&users.limit=2&users.order=name.desc",
        "/movies?select=id,users!lists(count())", "/movies?select=id,users!lists(town_id,count(),id.sum())",
        "/genres?select=name,movies(imdb_score.avg(),imdb_score.max(),genre,count())",
        "/towns?select=id,users(id,ratings(count(),score.avg()))",
        "/towns?select=id,...users(name,ratings(count()))"}) {
    INFO(std::string(target));
    for (const Headers& headers : {Headers{}, Headers{{"Accept", "text/csv"}}}) {
      const auto expected = one().get(target, headers);
      CHECK(expected.status == 200);
      CHECK(shards().get(target, headers).body == expected.body);
    }
  }
}

TEST_CASE("aggregates of rows of a table that others are looked up for are refused") {
  for (const auto* target :
       {"/users?select=id.max(),ratings(score)", "/users?select=count(),ratings!inner()",
        "/users?select=count,ratings!inner()", "/users?select=id,ratings(count(),users(name))",
        "/ratings?select=count(),...users(name)", "/ratings?select=score,...users(id.max())",
        "/users?select=id,movies!lists(count())"}) {
    INFO(std::string(target));
    CHECK(one().get(target).status == 200);
    const auto answer = shards().get(target);
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "SHARD400");
  }
}

TEST_CASE(
    "a read has a plan of PostgreSQL's where each shard makes its embeds, and is refused where rows are "
    "looked up") {
  Router::Options with_plans;
  with_plans.arguments = {"--plans", "on"};
  const Router router(shards().cluster.map_file(), with_plans);
  HttpClient client(router.port());
  const Headers plan{{"Accept", "application/vnd.pgrst.plan"}};
  CHECK(client.get("/movies?select=id,ratings(score)", plan).status == 200);
  CHECK(client.get("/users?select=id,lists!inner(place)", plan).status == 200);
  for (const auto* target :
       {"/users?select=id,ratings(score)", "/users?select=id,ratings!inner(score)",
        "/users?select=id,ratings()&ratings=is.null", "/genres?select=name,movies(id)"}) {
    INFO(std::string(target));
    const auto answer = client.get(target, plan);
    CHECK(answer.status == 400);
    CHECK(answer.error_code() == "SHARD400");
  }
}

TEST_CASE("an answer tells all shards that were asked, each once") {
  const auto answer = shards().get("/towns?select=id,users(name,movies!lists(name))");
  CHECK(answer.status == 200);
  CHECK(answer.header("Shardplex-Shards") == "alpha,beta,gamma");
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

TEST_CASE("rows in the order of rows of other shards are counted, and paged by Range") {
  for (const auto& headers : {Headers{{"Prefer", "count=exact"}}, Headers{{"Range", "3-6"}}})
    for (const auto* target : {"/ratings?select=score,users(name)&order=users(name).desc&limit=4&offset=3",
                               "/ratings?select=score,users!inner(name)&order=users(name)&limit=4",
                               "/users?select=id,towns(name)&order=towns(name),name.desc"}) {
      INFO(std::string(target));
      const auto answer = HttpClient(shards().router->port()).get(target, headers);
      const auto expected = HttpClient(one().router->port()).get(target, headers);
      CHECK(answer.status == expected.status);
      CHECK(answer.header("Content-Range") == expected.header("Content-Range"));
      CHECK(answer.body == expected.body);
    }
}

TEST_CASE("embeds are whole while the slots of their rows move") {
  const std::vector<std::string> targets{
      "/lists?select=user_id,movie_id,movies(name)&user_id=lt.100",
      "/users?select=id,ratings(movie_id,score,movies(name))",
      "/users?select=id,ratings(count(),score.avg(),movie_id.max())",
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
      for (int i = 0; wrong < 5 && (i < 12 || answers < least_answers); ++i) {
        mover.move_some(random);
        // Where slots move without a pause, none of the reads need ever find all of them at rest.
        const auto before = answers.load();
        wait_until("something is answered between two moves", [&] { return answers > before; });
      }
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
        "/users?select=id,towns(name::nothing)&id=eq.0", "/users?select=id,ratings(count()::uuid)&id=eq.0",
        "/users?select=id,ratings(score,name:user_id.sum()::nothing)&id=eq.0",
        "/users?select=id,ratings(rated_at.sum())&id=eq.0",
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

}  // namespace shardplex::integration
