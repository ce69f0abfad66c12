// `shardplex import` of tables whose shard keys have two columns.
#include "tests/cli/import_fixture.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

/// The servers of the cluster, with a map of notes and their lines.
TemporaryFile map_of_notes(const Cluster& cluster) {
  std::ifstream file(cluster.map());
  std::string text(std::istreambuf_iterator<char>(file), {});
  const auto end = text.find("\ngroups:");
  REQUIRE(end != std::string::npos);
  return TemporaryFile(text.substr(0, end + 1) +
                       "groups:\n  tenants:\n    strategy: { hash: {} }\n"
                       "    placement: { alpha: [0-511], beta: [512-1023] }\n"
                       "tables:\n  notes: { group: tenants, key: [tenant, id] }\n"
                       "  lines: { group: tenants, key: [tenant, note] }\n");
}

void make_notes(Cluster& source) {
  source.sql(source_server,
             "CREATE TABLE notes (tenant text, id bigint, title text, PRIMARY KEY (tenant, id)); "
             "CREATE TABLE lines (tenant text, note bigint, number integer, words text, "
             "  PRIMARY KEY (tenant, note, number), "
             "  CONSTRAINT of_note FOREIGN KEY (tenant, note) REFERENCES notes); "
             "INSERT INTO notes SELECT 'tenant ' || i % 7, i, 'note ' || i FROM generate_series(1, 400) i; "
             "INSERT INTO lines SELECT tenant, id, n, 'line ' || n FROM notes, generate_series(1, 2) n "
             "  WHERE id % 10 > 5");
}

CommandRun import_notes(const std::string& verb, const TemporaryFile& map, const Cluster& source,
                        std::vector<std::string> more = {}) {
  std::vector<std::string> args{"import",   verb,     "--map",
                                map.path(), "--from", source.conninfo(source_server)};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

/// The shards together have the source's rows, each where its two columns say.
void check_notes(const Cluster& cluster, const Cluster& source, const ShardMap& map) {
  for (const std::string table : {"notes", "lines"}) {
    std::multiset<std::string> together;
    for (const auto& shard : cluster.shards()) together.merge(rows_on(cluster, shard, table));
    CHECK_MESSAGE(together == rows_on(source, source_server, table), table);
  }
  const Group& group = map.groups().front();
  const std::vector types{KeyType::text, KeyType::integer};
  long misplaced = 0;
  for (std::size_t i = 0; i < map.shards().size(); ++i) {
    pqxx::connection connection(cluster.conninfo(map.shards()[i].name));
    for (const auto& row : pqxx::nontransaction(connection)
                               .exec("SELECT tenant, id, shardplex_slot FROM notes UNION ALL "
                                     "SELECT tenant, note, shardplex_slot FROM lines")) {
      const auto bytes = canonical_bytes(types, {row[0].as<std::string>(), row[1].as<std::string>()});
      const Slot slot = slot_of_row(group, bytes.value(), std::nullopt);
      if (slot.value != row[2].as<std::uint32_t>() || group.placement[slot.value].value != i) ++misplaced;
    }
  }
  CHECK(misplaced == 0);
}

}  // namespace

TEST_CASE("tables with keys of two columns are imported, and followed while both columns change") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = empty_source();
  make_notes(source);
  const TemporaryFile file = map_of_notes(cluster);
  const auto map = std::get<ShardMap>(read_shard_map_file(file.path()));
  const CommandRun check = import_notes("check", file, source);
  REQUIRE_MESSAGE(check.exit == 0, check);
  // The key leads from shard key to shard key, so the shards can keep it.
  CHECK_FALSE(check.says("of_note"));
  const CommandRun rehearsal = import_notes("run", file, source, {"--rehearse"});
  REQUIRE_MESSAGE(rehearsal.exit == 0, rehearsal);
  source.sql(source_server,
             "UPDATE notes SET tenant = 'moved' WHERE id % 10 = 1; "
             "UPDATE notes SET id = id + 100000 WHERE id % 10 = 2; "
             "UPDATE notes SET tenant = 'both', id = id + 200000 WHERE id % 10 = 3; "
             "UPDATE notes SET title = 'changed' WHERE id % 10 = 4; DELETE FROM notes WHERE id % 10 = 5; "
             "INSERT INTO notes VALUES ('', 1, 'of nobody'), ('t', 1, NULL); "
             "UPDATE lines SET number = number + 10 WHERE number = 1; DELETE FROM lines WHERE number = 2; "
             "INSERT INTO lines VALUES ('', 1, 1, 'of nobody')");
  const CommandRun run = import_notes("run", file, source);
  REQUIRE_MESSAGE(run.exit == 0, run);
  check_notes(cluster, source, map);
  const CommandRun verified = run_shardplex({"verify", "--map", file.path()});
  CHECK_MESSAGE(verified.exit == 0, verified);
}

TEST_CASE("import check tells of foreign keys that lead along a part of the key only") {
  Cluster& cluster = emptied(hash_cluster());
  Cluster& source = empty_source();
  make_notes(source);
  source.sql(source_server,
             "ALTER TABLE lines ADD reply_to text, ADD CONSTRAINT crossed FOREIGN KEY (reply_to, note) "
             "REFERENCES notes (tenant, id)");
  const CommandRun run = import_notes("check", map_of_notes(cluster), source);
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("lines: foreign key crossed leads to notes, but not from shard key to shard key"),
                run);
}
