#include <atomic>
#include <fstream>
#include <thread>

#include "operations/move/objects.hpp"
#include "operations/shard/map_file.hpp"
#include "operations/shard/server.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::cli;
using namespace shardplex::test;

namespace {

CommandRun verify_text(const Cluster& cluster, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"verify", "--map", cluster.map()};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

boost::json::value verify_json(const Cluster& cluster, int expected_exit,
                               std::vector<std::string> more = {}) {
  more.emplace_back("--json");
  const CommandRun run = verify_text(cluster, more);
  REQUIRE_MESSAGE(run.exit == expected_exit, run);
  return boost::json::parse(run.out);
}

std::int64_t count(const boost::json::value& result, std::string_view check) {
  for (const auto& one : result.at("checks").as_array())
    if (one.at("check").as_string() == check) return one.at("problems").as_int64();
  FAIL("no such check");
  return -1;
}

std::int64_t count_all(const boost::json::value& result) {
  std::int64_t sum = 0;
  for (const auto& one : result.at("checks").as_array()) sum += one.at("problems").as_int64();
  return sum;
}

std::string text_of(const boost::json::value& result, std::size_t i = 0) {
  return boost::json::value_to<std::string>(result.at("problems").at(i).at("text"));
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// 600 films, some ratings, and two genres on each shard.
Cluster& filled(Cluster& shared) {
  Cluster& cluster = initialised(shared);
  std::string movies, ratings;
  for (int id = 1; id <= 600; ++id) {
    movies += "{\"id\":" + std::to_string(id) + ",\"name\":\"Film " + std::to_string(id) +
              "\",\"primary_genre\":\"" +
              (id % 3 == 0   ? "Drama"
               : id % 3 == 1 ? "Comedy"
                             : "Opera") +
              "\"}\n";
    ratings += "{\"movie_id\":" + std::to_string(id) + ",\"user_id\":1,\"score\":5}\n";
    ratings += "{\"movie_id\":" + std::to_string(id) + ",\"user_id\":2,\"score\":6}\n";
  }
  REQUIRE(load(cluster, "movies", movies).exit == 0);
  REQUIRE(load(cluster, "ratings", ratings).exit == 0);
  for (const auto& shard : cluster.shards())
    cluster.sql(shard, "INSERT INTO genres VALUES ('Drama', 1, 'sad'), ('Comedy', 2, 'glad')");
  return cluster;
}

/// A film of the shard, as text.
std::string film_on(const Cluster& cluster, const std::string& shard) {
  return cluster.sql(shard, "SELECT min(id) FROM movies");
}

/// Slots 0 to 31 go from alpha to beta; their states and rows are there, and the move is in the journals.
MoveEntry begin_move(const Cluster& cluster, const std::string& phase) {
  MoveEntry move;
  move.id = "m1";
  move.group = "catalog";
  move.slots = SlotSet::none(1024);
  for (std::uint32_t slot = 0; slot < 32; ++slot) move.slots.insert(Slot{slot});
  move.source = "alpha";
  move.target = "beta";
  for (const auto& shard : cluster.shards())
    cluster.sql(shard,
                "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) VALUES ('m1', "
                "1, 'catalog', "
                "'" +
                    array_literal(move.slots) + "', 'alpha', 'beta', '" + phase + "')");
  cluster.sql("beta", "SELECT shardplex.receive_slots('catalog', '" + array_literal(move.slots) + "')");
  pqxx::connection source(cluster.conninfo("alpha")), target(cluster.conninfo("beta"));
  for (const std::string table : {"movies", "ratings"})
    for (const auto& row : pqxx::nontransaction(source).exec("SELECT row_to_json(t.*)::text FROM " + table +
                                                             " t WHERE shardplex_slot < 32"))
      pqxx::nontransaction(target).exec_params(
          "INSERT INTO " + table + " SELECT * FROM json_populate_record(NULL::" + table + ", $1)",
          row[0].as<std::string>());
  return move;
}

}  // namespace

TEST_CASE("a cluster without faults is verified as clean, all its rows once") {
  Cluster& cluster = filled(hash_cluster());
  for (const std::string jobs : {"1", "3"}) {
    const auto result = verify_json(cluster, 0, {"--jobs", jobs});
    CHECK(count_all(result) == 0);
    CHECK(result.at("rows") == 600 + 1200 + 2);
    CHECK(result.at("problems").as_array().empty());
  }
  const CommandRun text = verify_text(cluster);
  CHECK(text.exit == 0);
  CHECK(text.says("rows on the wrong shard\t0"));
  CHECK(text.says("verified 1,802 rows"));
  CHECK(verify_json(cluster, 0, {"--table", "movies"}).at("rows") == 600);
}

TEST_CASE("a row in a slot that is not its key's is found, and the report's statements repair it") {
  Cluster& cluster = filled(hash_cluster());
  const std::string id = film_on(cluster, "alpha"), other = film_on(cluster, "beta");
  const std::string stored = cluster.sql("alpha", "SELECT shardplex_slot FROM movies WHERE id = " + id);
  const std::string wrong = stored == "7" ? "8" : "7";
  cluster.sql("alpha", "UPDATE movies SET shardplex_slot = " + wrong + " WHERE id = " + id);
  // A film of beta that has got into a slot of alpha's, with both its ratings.
  cluster.sql("alpha", "INSERT INTO movies (id, name, shardplex_slot) VALUES (" + other + ", 'it''s', 5)");
  cluster.sql("alpha", "INSERT INTO ratings (movie_id, user_id, score, shardplex_slot) VALUES (" + other +
                           ", 1, 1, 5), (" + other + ", 2, 1, 5)");
  cluster.sql("beta", "DELETE FROM movies WHERE id = " + other);
  cluster.sql("beta", "DELETE FROM ratings WHERE movie_id = " + other);

  const TemporaryFile report("");
  const auto result = verify_json(cluster, 1, {"--repair-report", report.path()});
  CHECK(count(result, "slot_value") == 4);
  CHECK(count_all(result) == 4);
  const std::string all = boost::json::serialize(result.at("problems"));
  CHECK(contains(all, "alpha: movies id=" + id + " is in slot " + wrong + "; its key belongs in slot " +
                          stored + ", which alpha owns"));
  CHECK(contains(all, "ratings movie_id=" + other + ", user_id=2 is in slot 5"));
  std::ifstream file(report.path());
  const std::string text(std::istreambuf_iterator<char>(file), {});
  CHECK(contains(text, "UPDATE \"public\".\"movies\" SET \"shardplex_slot\" = " + stored +
                           " WHERE \"id\" = '" + id + "'"));

  for (const auto& problem : result.at("problems").as_array()) {
    const auto repair = boost::json::value_to<std::string>(problem.at("repair"));
    const auto then = repair.find("-- Then on alpha:");
    if (then == std::string::npos) {
      cluster.sql("alpha", repair);
    } else {
      cluster.sql("beta", repair.substr(0, then));
      cluster.sql("alpha", repair.substr(then));
    }
  }
  CHECK(count_all(verify_json(cluster, 0)) == 0);
  CHECK(cluster.sql("beta", "SELECT name FROM movies WHERE id = " + other) == "it's");
}

TEST_CASE("rows in slots that are not here are found, unless an unfinished move explains them") {
  Cluster& cluster = filled(hash_cluster());
  cluster.sql("alpha",
              "UPDATE ratings SET shardplex_slot = 1000 WHERE movie_id = " + film_on(cluster, "alpha"));
  auto result = verify_json(cluster, 1);
  CHECK(count(result, "place") == 2);
  CHECK(contains(boost::json::serialize(result.at("problems")),
                 "alpha: 2 rows of ratings are in slot 1000, which was never here; beta owns it (movie_id=" +
                     film_on(cluster, "alpha")));

  filled(cluster);
  cluster.sql("alpha", "UPDATE movies SET shardplex_slot = -1 WHERE id = " + film_on(cluster, "alpha"));
  result = verify_json(cluster, 1, {"--table", "movies"});
  CHECK(count(result, "place") == 1);
  CHECK(contains(text_of(result), "which was never here; nobody owns it"));

  filled(cluster);
  begin_move(cluster, "moving");
  const std::string copied = cluster.sql("beta", "SELECT count(*) FROM ratings WHERE shardplex_slot < 32");
  REQUIRE(copied != "0");
  result = verify_json(cluster, 0);
  CHECK(contains(boost::json::serialize(result.at("notes")),
                 "beta: " + copied + " rows of ratings are the copy of move m1"));
  for (const auto& shard : cluster.shards())
    cluster.sql(shard, "UPDATE shardplex.moves SET phase = 'aborted'");
  result = verify_json(cluster, 1);
  CHECK(count(result, "place") > 0);
  CHECK(contains(boost::json::serialize(result), "is incoming here, by no unfinished move; alpha owns it"));
  CHECK(count(result, "leftovers") == 2);  // the slots' states and the target's row of the journal
}

TEST_CASE("keys of text and uuid are verified as integers are") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const TemporaryFile schema(
      "CREATE TABLE IF NOT EXISTS tags (word text PRIMARY KEY, n int);"
      "CREATE TABLE IF NOT EXISTS codes (code uuid, n int, PRIMARY KEY (code, n))");
  std::ifstream file(cluster.map());
  std::string map(std::istreambuf_iterator<char>(file), {});
  map = map.substr(0, map.find("tables:")) +
        "tables:\n  tags: { group: catalog, key: word }\n  codes: { group: catalog, key: code }\n";
  const TemporaryFile map_file(map);
  REQUIRE(init(map_file.path(), {"--schema", schema.path()}).exit == 0);
  std::string tags, codes;
  for (int n = 0; n < 300; ++n) {
    tags += "{\"word\":\"" + std::string(static_cast<std::size_t>(n % 40), 'w') + "é" + std::to_string(n) +
            "\",\"n\":1}\n";
    const std::string digits = std::to_string(100000 + n);
    codes += "{\"code\":\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd" + digits + "\",\"n\":1}\n";
  }
  const auto run = [&](std::vector<std::string> args, const std::string& input) {
    args.insert(args.end(), {"--map", map_file.path()});
    return run_shardplex(args, input);
  };
  REQUIRE(run({"load", "--table", "tags", "-"}, tags).exit == 0);
  REQUIRE(run({"load", "--table", "codes", "-"}, codes).exit == 0);
  const CommandRun clean = run({"verify"}, "");
  CHECK_MESSAGE(clean.exit == 0, clean);
  CHECK(clean.says("verified 600 rows"));
  const std::string next = "(SELECT min(slot) FROM shardplex.slots WHERE slot > shardplex_slot)";
  cluster.sql("alpha",
              "UPDATE tags SET shardplex_slot = " + next + " WHERE word = (SELECT min(word) FROM tags)");
  cluster.sql("alpha", "UPDATE codes SET shardplex_slot = " + next +
                           " WHERE code = (SELECT code FROM codes ORDER BY code LIMIT 1)");
  const CommandRun altered = run({"verify"}, "");
  CHECK(altered.exit == 1);
  CHECK(altered.says("rows in the wrong slot\t2"));
  CHECK(altered.says("tags word=" + cluster.sql("alpha", "SELECT min(word) FROM tags") + " is in slot"));
}

TEST_CASE("a primary key on two shards is found under list") {
  Cluster& cluster = filled(genre_cluster());
  CHECK(count_all(verify_json(cluster, 0)) == 0);
  // Film 3 is a drama. It is put into the right slot of another genre too, on another shard.
  const ShardMap map = load_shard_map(cluster.map());
  const Group& group = map.groups().front();
  const auto slot_as = [&](const std::string& genre) {
    return slot_of_row(group, canonical_bytes(std::int64_t{3}), genre);
  };
  const ShardId first = group.placement[slot_as("Drama").value];
  std::string genre;
  for (const auto& [name, slots] : std::get<ListStrategy>(group.strategy).lists)
    if (group.placement[slot_as(name).value] != first) genre = name;
  REQUIRE(!genre.empty());
  const std::string second = map.shard(group.placement[slot_as(genre).value]).name;
  cluster.sql(second, "INSERT INTO movies (id, primary_genre, shardplex_slot) VALUES (3, '" + genre + "', " +
                          std::to_string(slot_as(genre).value) + ")");
  const auto result = verify_json(cluster, 1);
  CHECK(count(result, "doubled") == 1);
  CHECK(count_all(result) == 1);
  CHECK(contains(text_of(result), "movies id=3 is on "));
  CHECK(contains(text_of(result), map.shard(first).name));
  CHECK(contains(text_of(result), second));
}

TEST_CASE("differing rows of reference tables are found by key") {
  Cluster& cluster = filled(hash_cluster());
  cluster.sql("beta",
              "UPDATE genres SET description = 'Sad' WHERE name = 'Drama'; INSERT INTO genres VALUES "
              "('Opera', 3, NULL)");
  const auto result = verify_json(cluster, 1);
  CHECK(count(result, "references") == 2);
  const std::string all = boost::json::serialize(result.at("problems"));
  CHECK(contains(all, "genres name=Drama is different on beta (as alpha has it)"));
  CHECK(contains(all, "genres name=Opera is unexpected on beta"));
  CHECK(count_all(verify_json(cluster, 0, {"--group", "catalog"})) == 0);
}

TEST_CASE("slots that nobody owns, or two, and other definitions than the map's are found") {
  Cluster& cluster = filled(hash_cluster());
  cluster.sql("alpha", "UPDATE shardplex.slots SET slot = 700 WHERE slot = 3");
  cluster.sql("beta", "UPDATE shardplex.definitions SET definition = 'other' WHERE subject = 'table movies'");
  const auto result = verify_json(cluster, 1, {"--slots", "100-200"});
  CHECK(count(result, "ownership") == 3);
  const std::string all = boost::json::serialize(result.at("problems"));
  CHECK(contains(all, "slot 3 has no owner"));
  CHECK(contains(all, "slot 700"));
}

TEST_CASE(
    "a slot in a state that this version does not know is found with its shard, and the rest is verified") {
  Cluster& cluster = filled(hash_cluster());
  cluster.sql("alpha",
              "ALTER TABLE shardplex.slots DROP CONSTRAINT slots_state_check; "
              "UPDATE shardplex.slots SET state = 'frozen' WHERE grp = 'catalog' AND slot = 3");
  cluster.sql("beta", "UPDATE genres SET description = 'other' WHERE name = 'Drama'");
  const auto result = verify_json(cluster, 1);
  std::string all;
  for (const auto& problem : result.at("problems").as_array())
    all += boost::json::value_to<std::string>(problem.at("text")) + "\n";
  CHECK_MESSAGE(contains(all,
                         "alpha: it has slot 3 of group catalog in the state \"frozen\", which this version "
                         "does not know"),
                all);
  CHECK(count(result, "references") == 1);
}

TEST_CASE("only the slots and tables asked for are verified") {
  Cluster& cluster = filled(hash_cluster());
  cluster.sql("alpha", "UPDATE ratings SET shardplex_slot = 9 WHERE movie_id = " + film_on(cluster, "alpha"));
  CHECK(verify_json(cluster, 1).at("problems").as_array().size() == 2);
  CHECK(count_all(verify_json(cluster, 0, {"--table", "movies", "--table", "genres"})) == 0);
  CHECK(count_all(verify_json(cluster, 0, {"--slots", "10-1023"})) == 0);
  CHECK(count_all(verify_json(cluster, 1, {"--slots", "0-9", "--group", "catalog"})) == 2);
  CHECK(verify_text(cluster, {"--slots", "9-1"}).exit == 2);
  CHECK(verify_text(cluster, {"--jobs", "0"}).exit == 2);
  CHECK(verify_text(cluster, {"--group", "katalog"}).says("did you mean catalog?"));
  CHECK(verify_text(cluster, {"--table", "movie"}).says("did you mean movies?"));
  CHECK(verify_text(cluster, {"--repair-report", "/nowhere/report.sql"})
            .says("/nowhere/report.sql: cannot be written"));
}

TEST_CASE("the copy that a reversible move keeps is compared with the rows of the owner") {
  Cluster& cluster = filled(hash_cluster());
  const MoveEntry move = begin_move(cluster, "reversible");
  cluster.sql("alpha", "SELECT shardplex.fence_slots('catalog', '" + array_literal(move.slots) +
                           "'); SELECT shardplex.hand_over_slots('catalog', "
                           "'" +
                           array_literal(move.slots) + "')");
  cluster.sql("beta", "SELECT shardplex.own_slots('catalog', '" + array_literal(move.slots) + "')");
  const ShardMap map = load_shard_map(cluster.map());
  pqxx::connection owner(cluster.conninfo("beta")), copy(cluster.conninfo("alpha"));
  {
    pqxx::work work(owner);
    publish(work, move, read_moved_tables(work, map, map.groups().front()), move.reverse());
    work.commit();
    pqxx::nontransaction(owner).exec_params("SELECT pg_create_logical_replication_slot($1, 'pgoutput')",
                                            move.reverse());
    pqxx::work other(copy);
    place_marker(other, move.reverse(), 0);
    subscribe(other, move.reverse(), cluster.conninfo("beta"));
    other.commit();
  }
  CHECK(count_all(verify_json(cluster, 0)) == 0);
  const std::string id = cluster.sql("alpha", "SELECT min(movie_id) FROM ratings WHERE shardplex_slot < 32");
  cluster.sql("alpha", "UPDATE ratings SET score = 9 WHERE user_id = 2 AND movie_id = " + id);
  const auto result = verify_json(cluster, 1);
  CHECK(count(result, "copies") == 1);
  CHECK(count_all(result) == 1);
  CHECK(contains(text_of(result),
                 "ratings movie_id=" + id + ", user_id=2 is different on alpha in the copy of move m1"));
}

TEST_CASE("a cluster that is written to, and whose slots move, gives no false alarm") {
  Cluster& cluster = filled(hash_cluster());
  std::atomic<bool> done = false;
  // Rows come, change and go on both shards, and a slot's ownership goes to and fro as in moves.
  std::thread writer([&] {
    pqxx::connection connection(cluster.conninfo("alpha"));
    for (int n = 0; !done; ++n) {
      pqxx::work work(connection);
      work.exec("UPDATE movies SET name = name || 'x'");
      work.exec("DELETE FROM ratings WHERE user_id = 2");
      work.exec("INSERT INTO ratings SELECT id, 2, 3, now(), shardplex_slot FROM movies");
      work.commit();
    }
  });
  std::thread mover([&] {
    pqxx::connection alpha(cluster.conninfo("alpha")), beta(cluster.conninfo("beta"));
    const auto run = [](pqxx::connection& connection, const std::string& sql) {
      pqxx::nontransaction(connection).exec(sql);
    };
    for (int n = 0; !done; ++n) {
      const std::string id = "mm" + std::to_string(n);
      run(alpha, "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) VALUES ('" +
                     id + "', 1, 'catalog', '{3}', 'alpha', 'beta', 'moving')");
      run(beta, "SELECT shardplex.receive_slots('catalog', '{3}')");
      run(beta, "CREATE PUBLICATION shardplex_" + id + "_r FOR TABLE movies");
      run(alpha, "SELECT shardplex.fence_slots('catalog', '{3}')");
      run(alpha, "SELECT shardplex.hand_over_slots('catalog', '{3}')");
      run(beta, "SELECT shardplex.own_slots('catalog', '{3}')");
      run(beta, "SELECT shardplex.fence_slots('catalog', '{3}')");
      run(beta, "SELECT shardplex.hand_over_slots('catalog', '{3}')");
      run(alpha, "SELECT shardplex.receive_slots('catalog', '{3}')");
      run(alpha, "SELECT shardplex.own_slots('catalog', '{3}')");
      run(beta, "SELECT shardplex.forget_slots('catalog', '{3}')");
      run(beta, "DROP PUBLICATION shardplex_" + id + "_r");
      run(alpha, "UPDATE shardplex.moves SET phase = 'finished' WHERE id = '" + id + "'");
    }
  });
  for (int run = 0; run < 5; ++run) {
    const CommandRun result = verify_text(cluster);
    CHECK_MESSAGE(result.exit == 0, result);
  }
  done = true;
  writer.join();
  mover.join();
}

TEST_CASE("a film that changes its genre and shard again and again is never told as doubled") {
  Cluster& cluster = filled(genre_cluster());
  const ShardMap map = load_shard_map(cluster.map());
  const Group& group = map.groups().front();
  const auto slot_as = [&](const std::string& genre) {
    return slot_of_row(group, canonical_bytes(std::int64_t{3}), genre);
  };
  std::vector<std::string> genres{"Drama"};
  for (const auto& [name, slots] : std::get<ListStrategy>(group.strategy).lists)
    if (group.placement[slot_as(name).value] != group.placement[slot_as("Drama").value])
      genres = {"Drama", name};
  REQUIRE(genres.size() == 2);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (std::size_t n = 0; !done; ++n) {
      const std::string from = genres[n % 2], to = genres[(n + 1) % 2];
      cluster.sql(map.shard(group.placement[slot_as(to).value]).name,
                  "INSERT INTO movies (id, primary_genre, shardplex_slot) VALUES (3, '" + to + "', " +
                      std::to_string(slot_as(to).value) + ")");
      cluster.sql(map.shard(group.placement[slot_as(from).value]).name, "DELETE FROM movies WHERE id = 3");
    }
  });
  for (int run = 0; run < 10; ++run) {
    const CommandRun result = verify_text(cluster, {"--table", "movies"});
    CHECK_MESSAGE(result.exit == 0, result);
  }
  done = true;
  writer.join();
}

TEST_CASE("a table that cannot be read as the map describes it is named") {
  Cluster& cluster = filled(hash_cluster());
  for (const auto& shard : cluster.shards())
    cluster.sql(shard, "ALTER TABLE ratings DROP CONSTRAINT ratings_pkey");
  CommandRun run = verify_text(cluster);
  CHECK(run.exit == 1);
  CHECK(run.says("error: table ratings cannot be verified: it has no primary key"));
  for (const auto& shard : cluster.shards()) cluster.sql(shard, "DROP TABLE movies");
  run = verify_text(cluster);
  CHECK(run.says("error: table movies does not exist"));
}
