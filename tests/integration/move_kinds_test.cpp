// What can be moved: groups under hash and under list, columns of every type, rows of megabytes; onto shards
// that are new, from ones that are to be emptied, several at a time.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/moves.hpp"

namespace shardplex::integration {
namespace {

const std::vector<std::string> tables{"movies", "ratings"};

/// The rows of all shards as PostgreSQL writes them, each with how often it is there.
std::map<std::string, int> rows_of(Cluster& cluster, const std::vector<std::string>& shards) {
  std::map<std::string, int> rows;
  for (const auto& shard : shards) {
    Database database(cluster.conninfo(shard));
    for (const auto& table : tables)
      for (const auto& row : database.run("SELECT md5(t::text) FROM public." + table + " t"))
        ++rows[table + row[0].as<std::string>()];
  }
  return rows;
}

void rebalance(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{"rebalance"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto done = run_shardplex(command);
  REQUIRE_MESSAGE(done.status == 0, arguments.front() << ": " << done.output << done.errors);
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Gives the films columns of every kind, filled with values and nulls.
void widen(const Cluster& cluster) {
  cluster.run_everywhere(R"sql(
    CREATE TYPE mood AS ENUM ('bright', 'dark');
    ALTER TABLE public.movies
      ADD COLUMN a_bool boolean, ADD COLUMN a_small smallint, ADD COLUMN a_real real, ADD COLUMN a_numeric numeric,
      ADD COLUMN a_time time, ADD COLUMN a_stamp timestamp, ADD COLUMN a_zoned timestamptz, ADD COLUMN a_span interval,
      ADD COLUMN a_uuid uuid, ADD COLUMN a_json json, ADD COLUMN a_jsonb jsonb, ADD COLUMN a_bytea bytea,
      ADD COLUMN a_mood mood, ADD COLUMN an_array integer[], ADD COLUMN a_range int4range, ADD COLUMN an_inet inet,
      ADD COLUMN a_search tsvector, ADD COLUMN "a strange ""name""" text, ADD COLUMN big text,
      ADD COLUMN name_length integer GENERATED ALWAYS AS (length(name)) STORED;
    CREATE INDEX ON public.movies USING gin (a_jsonb);
    CREATE INDEX ON public.movies (lower(name)) WHERE a_bool;
    UPDATE public.movies SET a_bool = id % 2 = 0, a_small = id % 100, a_real = 'NaN', a_numeric = '1.500', a_time = '12:34',
      a_stamp = '-infinity', a_zoned = '2024-02-29 12:00+02', a_span = '1 month 2 days', a_uuid = gen_random_uuid(),
      a_json = '{"a" : 1,  "a":2}', a_jsonb = '{"b": [1, null]}', a_bytea = '\x00ff', a_mood = 'dark',
      an_array = '{{1,2},{3,NULL}}', a_range = '[1,5)', an_inet = '10.0.0.1/8', a_search = to_tsvector(name),
      "a strange ""name""" = E'tab\t, comma, \\ and "quotes"'
      WHERE id % 3 > 0;
    UPDATE public.movies SET big = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 60000) i) WHERE id % 200 = 7)sql");
}

TEST_CASE(
    "all column types, generated columns, nulls and rows of megabytes arrive as they were, changed ones "
    "too") {
  Moves moves;
  widen(moves.cluster());
  const auto [from, to] = moves.owner_and_other();
  const auto mover = moves.run_until("before:catch_up");
  // What is changed now goes through replication and not through the copy.
  moves.shard(from).run(
      "UPDATE public.movies SET a_numeric = '2.50', a_jsonb = NULL, name = name || '!' WHERE id % 5 = 0");
  moves.shard(from).run("DELETE FROM public.movies WHERE id % 50 = 1");
  const auto rows = rows_of(moves.cluster(), moves.cluster().shards());
  std::map<std::string, int> once;  // what is copied already is there twice
  for (const auto& [row, times] : rows) once[row] = 1;
  const auto truth = [&] {
    std::map<std::string, int> owned;
    for (const auto& shard : moves.cluster().shards())
      for (const auto& table : tables)
        for (const auto& row : moves.shard(shard).run(
                 "SELECT md5(t::text) FROM public." + table +
                 " t JOIN shardplex.slots s ON s.slot = t.shardplex_slot AND s.state IN ('owned', 'fenced')"))
          ++owned[table + row[0].as<std::string>()];
    return owned;
  };
  const auto before = truth();
  mover->signal(SIGCONT);
  const auto status = mover->wait();
  std::string log;
  for (const auto& line : mover->errors()) log += line + '\n';
  REQUIRE_MESSAGE(status == 0, log);
  CHECK(truth() == before);
  moves.expect("finish");
  CHECK(rows_of(moves.cluster(), moves.cluster().shards()) == before);
}

TEST_CASE("slots of a list move as those of a hash do, and a read of a genre follows them") {
  Cluster cluster({.shards = 2, .replicas = 0, .map = "genre"});
  cluster.initialise();
  std::string films;
  for (int id = 1; id <= 900; ++id)
    films += "{\"id\":" + std::to_string(id) + ",\"name\":\"film\",\"primary_genre\":" +
             std::vector<std::string>{"\"Drama\"", "\"Comedy\"", "null"}[static_cast<std::size_t>(id % 3)] +
             "}\n";
  cluster.load("movies", films);
  Router router(cluster.map_file());
  HttpClient client(router.port());
  const auto dramas = [&] {
    const auto answer = client.get("/movies?select=id,name&primary_genre=eq.Drama&order=id",
                                   {{"Shardplex-Consistency", "strong"}});
    CHECK_MESSAGE(answer.status == 200, answer.body);
    return answer;
  };
  const auto before = dramas();
  Database alpha(cluster.conninfo("alpha"));
  const auto slots = alpha.value(
      "SELECT string_agg(slot::text, ', ') FROM shardplex.slots WHERE grp = 'by_genre' AND state = 'owned' "
      "AND slot < 256");
  REQUIRE(slots);
  TemporaryFolder folder;
  const auto plan =
      folder.write("plan.yaml", "version: 1\ncluster: movies\nmoves:\n  - {group: by_genre, slots: [" +
                                    *slots + "], from: alpha, to: beta}\n");
  rebalance({"run", "--map", cluster.map_file(), plan});
  CHECK(dramas().body == before.body);
  CHECK(dramas().header("Shardplex-Shards") == "beta");
  rebalance({"reverse", "--map", cluster.map_file()});
  CHECK(dramas().body == before.body);
  CHECK(dramas().header("Shardplex-Shards") == before.header("Shardplex-Shards"));
  rebalance({"run", "--map", cluster.map_file(), plan, "--finish"});
  CHECK(dramas().body == before.body);
}

TEST_CASE("several moves at a time, and the map file follows with its comments") {
  Cluster cluster({.shards = 3, .replicas = 0});
  cluster.initialise();
  cluster.load("movies", film_rows(600));
  cluster.load("ratings", rating_rows(600));
  const auto before = rows_of(cluster, cluster.shards());
  TemporaryFolder folder;
  const auto text = text_of(cluster.map_file());
  const auto map_file = folder.write("map.yaml", "# our shards\n" + text + "# the end\n");
  const auto plan = folder.write("plan.yaml", R"(version: 1
cluster: movies
moves:
  - {group: catalog, slots: [0-49], from: alpha, to: beta}
  - {group: catalog, slots: [50-99], from: alpha, to: gamma}
  - {group: catalog, slots: [400-449], from: beta, to: gamma}
  - {group: catalog, slots: [800-849], from: gamma, to: alpha}
)");
  rebalance({"run", "--map", map_file, plan, "--parallel", "3", "--finish"});
  CHECK(rows_of(cluster, cluster.shards()) == before);
  const auto after = text_of(map_file);
  CHECK(after.starts_with("# our shards\n"));
  CHECK(after.ends_with("# the end\n"));
  CHECK(text_of(map_file + ".bak") != after);
  const auto checked = run_shardplex({"verify", "--map", map_file});
  CHECK_MESSAGE(checked.status == 0, checked.output << checked.errors);
  const auto status = run_shardplex({"cluster", "status", "--map", map_file});
  CHECK_MESSAGE(status.status == 0, status.output << status.errors);
}

TEST_CASE("numbers that two shards gave to rows keep them from moving, until they are told apart") {
  Moves moves;
  Cluster& cluster = moves.cluster();
  cluster.run_everywhere(
      "ALTER TABLE public.ratings DROP CONSTRAINT ratings_pkey; ALTER TABLE public.ratings ADD id bigserial "
      "PRIMARY KEY");
  Router router(cluster.map_file());
  HttpClient client(router.port());
  const auto rate_all = [&](int user) {
    for (int movie = 1; movie <= 40; ++movie)
      CHECK(client
                .request("POST", "/ratings", {{"Content-Type", "application/json"}},
                         "{\"movie_id\":" + std::to_string(movie) + ",\"user_id\":" + std::to_string(user) +
                             ",\"score\":3}")
                .status == 201);
  };
  rate_all(8);
  const auto refused = moves.run("run");
  CHECK(refused.status == 1);
  CHECK(refused.errors.find("ratings_pkey (id) of table ratings") != std::string::npos);
  const auto mended =
      run_shardplex({"cluster", "duplicates", "--map", cluster.map_file(), "--renumber", "ratings_pkey"});
  CHECK_MESSAGE(mended.status == 0, mended.output << mended.errors);
  moves.expect("run");
  rate_all(9);  // on both, in slots that have moved and that have not
  const auto broken = [&] {
    return moves.run("status").output.find("there is no way back: alpha cannot apply");
  };
  CHECK(broken() == std::string::npos);
  // Somebody gives a number by hand, on both. The source can take the target's row when its own has another.
  for (const auto& [shard, slot] : {std::pair("alpha", "300"), std::pair("beta", "5")})
    moves.shard(shard).run(
        std::string("INSERT INTO public.ratings (id, movie_id, user_id, score, shardplex_slot) VALUES "
                    "(1000000, 1, 1, 1, ") +
        slot + ")");
  wait_until("status tells of the way back", [&] { return broken() != std::string::npos; });
  const auto again =
      run_shardplex({"cluster", "duplicates", "--map", cluster.map_file(), "--renumber", "ratings_pkey"});
  CHECK_MESSAGE(again.status == 0, again.output << again.errors);
  wait_until("the way back goes on", [&] {
    return moves.shard("alpha").number(
               "SELECT count(*) FROM public.ratings WHERE id = 1000000 AND shardplex_slot = 5") == 1;
  });
  moves.expect("reverse");
  const auto [ratings, numbers] = [&] {
    std::map<std::int64_t, int> found;
    int count = 0;
    for (const std::string shard : {"alpha", "beta"})
      for (const auto& row : moves.shard(shard).run("SELECT id FROM public.ratings"))
        ++found[row[0].as<std::int64_t>()], ++count;
    return std::pair(count, found.size());
  }();
  CHECK(ratings == 682);
  CHECK(numbers == 682);
}

TEST_CASE("a shard is added and another one drained, under a router that never sees the new file") {
  Moves moves;
  Cluster& cluster = moves.cluster();
  cluster.load("genres", "{\"name\":\"Drama\",\"number\":1}\n");
  TemporaryFolder folder;
  Router router(folder.write("private-map.yaml", text_of(cluster.map_file())));
  Writer writer(router.port(), moves.moved_films());
  const auto [name, conninfo] = cluster.add_shard();
  const auto plan = folder.path() + "/plan.yaml";
  rebalance({"plan", "--map", cluster.map_file(), "--add-shard", name + "=" + conninfo, "--out", plan});
  rebalance({"run", "--map", cluster.map_file(), plan, "--finish"});

  Database added(conninfo);
  CHECK(added.number("SELECT count(*) FROM shardplex.slots WHERE state = 'owned'") > 100);
  CHECK(added.number("SELECT count(*) FROM public.movies") > 100);
  CHECK(added.number("SELECT count(*) FROM public.genres") == 1);
  CHECK(added.number("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'") ==
        moves.shard("alpha").number("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'"));

  rebalance({"plan", "--map", cluster.map_file(), "--drain", "beta", "--out", plan});
  rebalance({"run", "--map", cluster.map_file(), plan, "--finish"});
  CHECK(moves.shard("beta").number("SELECT count(*) FROM shardplex.slots") == 0);
  CHECK(moves.shard("beta").number("SELECT count(*) FROM public.movies") == 0);

  const auto written = writer.written.load();
  wait_until("more is written", [&] { return writer.written > written + 50; });
  const auto counts = writer.stop();
  const auto complaints = writer.complaints();
  CHECK_MESSAGE(complaints.empty(), complaints.front());
  // Every film is read through the router that has never heard of the new shard from its file.
  HttpClient client(router.port());
  for (const auto& [id, count] : counts)
    CHECK(client
              .get("/movies/" + std::to_string(id) + "?select=imdb_votes",
                   {{"Shardplex-Consistency", "strong"}})
              .body == "{\"imdb_votes\":" + std::to_string(count) + "}");
  const auto checked = run_shardplex({"verify", "--map", cluster.map_file()});
  CHECK_MESSAGE(checked.status == 0, checked.output << checked.errors);
}

}  // namespace
}  // namespace shardplex::integration
