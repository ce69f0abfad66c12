// What `shardplex load` reads: TSV, lists, gzip; on real shards.
#include "tests/operations/cluster_test.hpp"
#include "tests/operations/load/gzip_text.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

CommandRun load_file(const Cluster& cluster, const std::string& text, const std::string& suffix,
                     std::vector<std::string> more = {}) {
  const TemporaryFile file(text, suffix);
  std::vector<std::string> args{"load", "--map", cluster.map(), "--table", "movies", file.path()};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

/// A column of the film 1, which is on one of the shards.
std::string of_film(const Cluster& cluster, const std::string& column) {
  for (const auto& shard : cluster.shards())
    if (cluster.sql(shard, "SELECT count(*) FROM movies WHERE id = 1") == "1")
      return cluster.sql(shard, "SELECT (" + column + ")::text FROM movies WHERE id = 1");
  return "no shard has it";
}

}  // namespace

TEST_CASE("a TSV with \\N, quotes that are text and lists is loaded as it is") {
  Cluster& cluster = initialised(hash_cluster());
  const CommandRun run = load_file(cluster, "id\tname\tdirector\tgenre\n1\t\"A\" film\t\\N\tDrama|Comedy\n",
                                   ".tsv", {"--null", "\\N", "--no-quotes", "--list-separator", "|"});
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(of_film(cluster, "name") == "\"A\" film");
  CHECK(of_film(cluster, "director IS NULL") == "true");
  CHECK(of_film(cluster, "genre") == "{Drama,Comedy}");
  const CommandRun quotes = load_file(cluster, "id\tname\n2\tA \"film\"\n", ".tsv");
  CHECK(quotes.exit == 1);
  CHECK_MESSAGE(quotes.says("line 2: a quote inside a field that is not quoted (--no-quotes"), quotes);
  const CommandRun nulls = load_file(cluster, "id\tname\n2\t\\N\n", ".tsv");
  CHECK_MESSAGE(nulls.says("give --null '\\N'"), nulls);
  const CommandRun lists = load_file(cluster, "id,name\n2,a|b\n", ".csv", {"--list-separator", "|"});
  CHECK_MESSAGE(lists.says("--list-separator is for arrays, and none of the header's columns is one"), lists);
  CHECK(rows_of(cluster, "movies") == 1);
}

TEST_CASE("gzip is loaded as what it holds, from a file of any name and from standard input") {
  Cluster& cluster = initialised(hash_cluster());
  std::string rows;
  for (int id = 1; id <= 2000; ++id) rows += "{\"id\":" + std::to_string(id) + "}\n";
  const CommandRun named = load_file(cluster, gzip_text("id,name\n1,a\n"), ".csv.gz");
  REQUIRE_MESSAGE(named.exit == 0, named);
  CHECK(of_film(cluster, "name") == "a");
  const CommandRun piped = load(cluster, "movies", gzip_text(rows), {"--keep-good"});
  CHECK_MESSAGE(piped.says("line 1: duplicate key value"), piped);
  CHECK(rows_of(cluster, "movies") == 2000);
  CHECK(load_file(cluster, "id,name\n2001,b\n", ".csv.gz").exit == 0);
}

TEST_CASE("of gzip that is cut off nothing is kept") {
  Cluster& cluster = initialised(hash_cluster());
  std::string rows = "id,name\n";
  for (int id = 1; id <= 200'000; ++id) rows += std::to_string(id) + ",film " + std::to_string(id) + "\n";
  const std::string whole = gzip_text(rows);
  const CommandRun run = load_file(cluster, whole.substr(0, whole.size() - 100), ".csv.gz");
  CHECK(run.exit == 1);
  CHECK_MESSAGE(run.says("the gzip input ends early: a part of it is missing"), run);
  CHECK(run.says("nothing of the load was kept"));
  CHECK(rows_of(cluster, "movies") == 0);
}
