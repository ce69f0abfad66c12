// An unsharded source for imports, a writer that changes it all the while, and what is compared in the end.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <pqxx/pqxx>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "operations/process/program.hpp"
#include "shard_map/yaml_map.hpp"
#include "tests/operations/cluster_test.hpp"

namespace shardplex::test {

inline constexpr unsigned import_seed = 20240611;
inline constexpr const char* source_server = "alpha";

/// The server of the unsharded database.
inline Cluster& source_cluster() {
  static Cluster source("--shards 1 --replicas 0 --map none");
  return source;
}

/// The unsharded database, without tables and without traces of an import.
inline Cluster& empty_source() {
  Cluster& source = source_cluster();
  source.reset();
  source.sql(source_server,
             "DROP SCHEMA IF EXISTS shardplex_import CASCADE; "
             "DO $$ DECLARE name text; BEGIN FOR name IN SELECT pubname FROM pg_publication LOOP "
             "EXECUTE format('DROP PUBLICATION %I', name); END LOOP; END $$; "
             "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
  return source;
}

/// Shards-to-be, without tables. Subscriptions of the source use replication slots of theirs.
inline Cluster& emptied(Cluster& cluster) {
  source_cluster().reset();
  cluster.reset();
  return cluster;
}

/// The movies database with so many films: text that COPY has to escape, TOASTed text, arrays and nulls.
inline Cluster& filled_source(int films) {
  Cluster& source = empty_source();
  std::ifstream schema(movies_schema);
  source.sql(source_server, std::string(std::istreambuf_iterator<char>(schema), {}));
  const std::string n = std::to_string(films);
  source.sql(
      source_server,
      "INSERT INTO movies (id, name, distributor, genre, primary_genre, imdb_score, release_date) "
      "SELECT i, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN E'a\\tb\\\\N\\n' || i ELSE 'film ' || i END, "
      "  CASE WHEN i % 10 = 0 THEN (SELECT string_agg(md5(i::text || k), '') FROM generate_series(1, 200) k) "
      "END, "
      "  ARRAY['x', E'\\\\', NULL], (ARRAY['Drama', 'Comedy', 'Anime', NULL])[1 + i % 4], i % 101 / 10.0, "
      "  date '1990-01-01' + i FROM generate_series(1, " +
          n +
          ") i; "
          "INSERT INTO ratings SELECT i % " +
          n + " + 1, i, 1 + i % 10 FROM generate_series(1, " + n +
          " * 2) i; "
          "INSERT INTO genres SELECT 'genre ' || i, i FROM generate_series(1, 20) i");
  return source;
}

/// Under the genre map no primary key holds the list's column.
inline std::vector<std::string> import_arguments(const std::string& verb, const Cluster& cluster,
                                                 const Cluster& source, std::vector<std::string> more = {}) {
  std::vector<std::string> args{"import", verb, "--map", cluster.map()};
  if (verb == "run" || verb == "check")
    args.insert(args.end(), {"--from", source.conninfo(source_server), "--allow", "unique-per-shard"});
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

inline CommandRun import(const std::string& verb, const Cluster& cluster, const Cluster& source,
                         std::vector<std::string> more = {}) {
  return run_shardplex(import_arguments(verb, cluster, source, std::move(more)));
}

/// The same, of what has to succeed.
inline CommandRun expect_import(const std::string& verb, const Cluster& cluster, const Cluster& source,
                                std::vector<std::string> more = {}) {
  CommandRun run = import(verb, cluster, source, std::move(more));
  REQUIRE_MESSAGE(run.exit == 0, run);
  return run;
}

/// Runs the command in a process of its own, which dies at the crash point. 137 where it did.
inline int import_until(const std::string& crash_point, const std::string& verb, const Cluster& cluster,
                        const Cluster& source) {
  std::vector<std::string> command = import_arguments(verb, cluster, source);
  command.insert(command.begin(), SHARDPLEX_PROGRAM);
  return operations::run_program(command, {}, {{"SHARDPLEX_CRASH_AT", crash_point}}).status;
}

/// Changes the source in every way, in transactions of one or several changes, until it is stopped or
/// refused.
class SourceWriter {
 public:
  explicit SourceWriter(const Cluster& source, int films)
      : films_(films), connection_(source.conninfo(source_server)), thread_([this] { run(); }) {}
  ~SourceWriter() { stop(); }

  void stop() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int transactions() const { return transactions_; }
  bool refused() const { return refused_; }

 private:
  void run() {
    std::mt19937 random(import_seed);
    while (!stopped_ && !refused_) try {
        pqxx::work transaction(connection_);
        for (unsigned changes = 1 + static_cast<unsigned>(random() % 3); changes > 0; --changes)
          transaction.exec(change(random));
        if (random() % 10 == 0)
          transaction.abort();
        else
          transaction.commit();
        ++transactions_;
        std::this_thread::sleep_for(std::chrono::microseconds(500));  // a load, not a race with the import
      } catch (const pqxx::sql_error& error) {
        refused_ = error.sqlstate() == "25006";
        if (!refused_ && error.sqlstate() != "23505") throw;
      }
  }

  std::string change(std::mt19937& random) {
    const std::string id = std::to_string(1 + random() % static_cast<unsigned>(films_));
    const std::string fresh = std::to_string(1'000'000 + random() % 1'000'000'000);
    switch (random() % 9) {
      case 0:
        return "INSERT INTO movies (id, name, primary_genre) VALUES (" + fresh +
               ", E'new \\\\ \\t', 'Drama')";
      case 1:
        return "UPDATE movies SET name = 'changed " + fresh + "', imdb_score = NULL WHERE id = " + id;
      case 2:
        return "UPDATE movies SET primary_genre = (ARRAY['Drama', 'Western', 'Unheard of', NULL])[" +
               std::to_string(1 + random() % 4) + "] WHERE id = " + id;
      case 3:  // of every tenth the distributor is TOASTed, and left unchanged
        return "UPDATE movies SET id = " + fresh + " WHERE id = " + id;
      case 4:
        return "DELETE FROM movies WHERE id = " + id;
      case 5:
        return "INSERT INTO ratings VALUES (" + id + ", " + fresh + ", 3)";
      case 6:
        return "UPDATE ratings SET score = 11 - score, movie_id = movie_id + 7 WHERE movie_id = " + id;
      case 7:
        return "DELETE FROM ratings WHERE movie_id = " + id;
      default:
        return "UPDATE genres SET description = '" + fresh +
               "' WHERE number = " + std::to_string(1 + random() % 20);
    }
  }

  int films_;
  pqxx::connection connection_;
  std::atomic<bool> stopped_ = false, refused_ = false;
  std::atomic<int> transactions_ = 0;
  std::thread thread_;
};

/// The rows of a table as text, without the slot.
inline std::multiset<std::string> rows_on(const Cluster& cluster, const std::string& server,
                                          const std::string& table) {
  std::multiset<std::string> rows;
  pqxx::connection connection(cluster.conninfo(server));
  for (const auto& row : pqxx::nontransaction(connection)
                             .exec("SELECT (to_jsonb(t) - 'shardplex_slot')::text FROM " + table + " t"))
    rows.insert(row[0].as<std::string>());
  return rows;
}

/// The shards together hold the source's rows, the reference table whole on each, and each row where its key
/// says.
inline void check_same_rows(const Cluster& cluster, const Cluster& source) {
  for (const std::string table : {"movies", "ratings"}) {
    std::multiset<std::string> together;
    for (const auto& shard : cluster.shards()) together.merge(rows_on(cluster, shard, table));
    CHECK_MESSAGE(together == rows_on(source, source_server, table), table);
  }
  for (const auto& shard : cluster.shards())
    CHECK_MESSAGE(rows_on(cluster, shard, "genres") == rows_on(source, source_server, "genres"), shard);
  const auto map = std::get<ShardMap>(read_shard_map_file(cluster.map()));
  const Group& group = map.group(*map.find_table("movies")->group);
  long misplaced = 0;
  for (std::size_t i = 0; i < map.shards().size(); ++i) {
    pqxx::connection connection(cluster.conninfo(map.shards()[i].name));
    for (const auto& row :
         pqxx::nontransaction(connection).exec("SELECT id, primary_genre, shardplex_slot FROM movies")) {
      const auto genre = row[1].is_null() ? std::optional<std::string>() : row[1].as<std::string>();
      const Slot slot = slot_of_row(group, canonical_bytes(row[0].as<std::int64_t>()), genre);
      if (slot.value != row[2].as<std::uint32_t>() || group.placement[slot.value].value != i) ++misplaced;
    }
  }
  CHECK(misplaced == 0);
}

/// The import ended well: every slot has its owner, the source refuses writes and has nothing of the import
/// but that and the way back.
inline void check_cut_over(const Cluster& cluster, const Cluster& source) {
  check_same_rows(cluster, source);
  for (const auto& shard : cluster.shards())
    CHECK(cluster.sql(shard, "SELECT DISTINCT state FROM shardplex.slots") == "owned");
  CHECK(cluster.sql(cluster.shards().front(), "SELECT phase FROM shardplex.imports") == "reversible");
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_subscription WHERE subenabled") ==
        std::to_string(cluster.shards().size()));
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_replication_slots") == "0");
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_publication") == "0");
  CHECK(source.sql(source_server,
                   "SELECT string_agg(DISTINCT relreplident, '') FROM pg_class WHERE relkind = 'r' "
                   "AND relnamespace = 'public'::regnamespace") == "d");
  for (const std::string statement : {"DELETE FROM movies", "TRUNCATE ratings",
                                      "INSERT INTO genres VALUES ('x', 99)", "UPDATE movies SET name = ''"})
    CHECK_THROWS(source.sql(source_server, statement));
}

/// Nothing is left of the way back.
inline void check_no_way_back(const Cluster& cluster, const Cluster& source) {
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_subscription") == "0");
  for (const auto& shard : cluster.shards()) {
    CHECK(cluster.sql(shard, "SELECT count(*) FROM pg_publication") == "0");
    CHECK(cluster.sql(shard, "SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical'") == "0");
  }
}

inline void check_finished(const Cluster& cluster, const Cluster& source) {
  check_no_way_back(cluster, source);
  CHECK(cluster.sql(cluster.shards().front(), "SELECT phase FROM shardplex.imports") == "done");
  CHECK_THROWS(source.sql(source_server, "DELETE FROM movies"));
}

/// The source has what the shards have, takes writes, and no shard owns a slot.
inline void check_returned(const Cluster& cluster, const Cluster& source) {
  check_no_way_back(cluster, source);
  check_same_rows(cluster, source);
  for (const auto& shard : cluster.shards())
    CHECK(cluster.sql(shard, "SELECT DISTINCT state FROM shardplex.slots") == "moved");
  CHECK(cluster.sql(cluster.shards().front(), "SELECT phase FROM shardplex.imports") == "returned");
  source.sql(source_server, "INSERT INTO genres VALUES ('writes are let in', 100)");
}

/// Nothing on the shards and the source tells of an import.
inline void check_no_trace(const Cluster& cluster, const Cluster& source) {
  for (const auto& shard : cluster.shards()) {
    CHECK(cluster.sql(shard, "SELECT count(*) FROM pg_namespace WHERE nspname = 'shardplex'") == "0");
    CHECK(cluster.sql(shard, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") ==
          "0");
    CHECK(cluster.sql(shard, "SELECT count(*) FROM pg_type WHERE typnamespace = 'public'::regnamespace") ==
          "0");
    CHECK(cluster.sql(shard, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace") ==
          "0");
  }
  check_no_way_back(cluster, source);
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_replication_slots") == "0");
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_publication") == "0");
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_namespace WHERE nspname = 'shardplex_import'") ==
        "0");
  CHECK(source.sql(source_server, "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == "0");
  CHECK(source.sql(source_server,
                   "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relreplident <> 'd' "
                   "AND relnamespace = 'public'::regnamespace") == "0");
}

}  // namespace shardplex::test
