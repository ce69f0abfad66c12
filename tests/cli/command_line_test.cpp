#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "shard_map/key.hpp"
#include "shard_map/suggestion.hpp"
#include "tests/cli/command_run.hpp"

using namespace shardplex;
using test::CommandRun;
using test::run_shardplex;
using test::TemporaryFile;

namespace {

// Nobody listens on port 1, and none of the commands here connects.
const std::string hash_map = R"(version: 1
cluster: movies
shards:
  alpha: { primary: host=127.0.0.1 port=1 dbname=a, replicas: [host=127.0.0.1 port=1 dbname=b] }
  beta: { primary: host=127.0.0.1 port=1 dbname=c }
groups:
  catalog:
    slots: 16
    strategy: { hash: {} }
    placement: { alpha: [0-7], beta: [8-15] }
tables:
  movies: { group: catalog, key: id }
  genres: { reference: true }
)";

const std::string list_map = R"(version: 1
cluster: movies
shards:
  alpha: { primary: host=127.0.0.1 port=1 dbname=a }
  beta: { primary: host=127.0.0.1 port=1 dbname=b }
groups:
  by_genre:
    slots: 16
    strategy:
      list:
        column: primary_genre
        spread_by: id
        lists: { Drama: [0-3], "Thriller/Suspense": [4], "A=B C": [5] }
        otherwise: [6-15]
    placement: { alpha: [0-7], beta: [8-15] }
tables:
  movies: { group: by_genre }
)";

boost::json::value route_json(const TemporaryFile& map, std::vector<std::string> values) {
  std::vector<std::string> args{"route", "--map", map.path(), "--json", "movies"};
  args.insert(args.end(), values.begin(), values.end());
  const CommandRun run = run_shardplex(args);
  REQUIRE_MESSAGE(run.exit == 0, run);
  return boost::json::parse(run.out);
}

}  // namespace

TEST_CASE("the version is printed") {
  const CommandRun run = run_shardplex({"--version"});
  CHECK(run.exit == 0);
  CHECK(run.out.starts_with("shardplex "));
}

TEST_CASE("every command has a help that goes to standard output") {
  for (const std::string command : {"map check", "map show", "route", "explain", "queries", "advise",
                                    "cluster init", "cluster status", "load"}) {
    CAPTURE(command);
    std::vector<std::string> args;
    std::istringstream words(command);
    for (std::string word; words >> word;) args.push_back(word);
    args.push_back("--help");
    const CommandRun run = run_shardplex(args);
    CHECK(run.exit == 0);
    CHECK(run.out.starts_with("usage: shardplex " + command));
    args.pop_back();
    args.insert(args.begin(), "help");
    CHECK(run_shardplex(args).out == run.out);
    CHECK(run_shardplex({"--help"}).out.find(command) != std::string::npos);
  }
}

TEST_CASE("a router that explains nothing is named with the reason") {
  const CommandRun nobody = run_shardplex({"explain", "--router", "http://127.0.0.1:1", "GET /movies"});
  CHECK(nobody.exit == 1);
  CHECK(nobody.says("error: router http://127.0.0.1:1: Connection refused\n"));
  const CommandRun no_url = run_shardplex({"explain", "--router", "127.0.0.1:9090", "GET /movies"});
  CHECK(no_url.exit == 1);
  CHECK(no_url.says("http://host:port of the router's admin port is expected"));
}

TEST_CASE("all routers that tell no patterns are named with the reason") {
  const CommandRun run =
      run_shardplex({"queries", "--router", "http://127.0.0.1:1", "--router", "127.0.0.1:9090"});
  CHECK(run.exit == 1);
  CHECK(run.says("error: router http://127.0.0.1:1: "));
  CHECK(run.says("error: router 127.0.0.1:9090: http://host:port of the router's admin port is expected"));
  CHECK(run.out.empty());
}

TEST_CASE("what is not understood exits with 2 and suggests what is near") {
  struct Row {
    std::vector<std::string> args;
    std::string says;
  };
  const std::vector<Row> rows{
      {{}, "usage: shardplex COMMAND"},
      {{"laod"}, "did you mean load?"},
      {{"map", "chek"}, "did you mean map check?"},
      {{"map"}, "map check, map show"},
      {{"frobnicate"}, "unknown command 'frobnicate'"},
      {{"map", "check"}, "FILE is missing"},
      {{"map", "check", "a", "b"}, "too many arguments"},
      {{"route", "movies"}, "--map FILE is missing"},
      {{"load", "--tabel", "x"}, "did you mean --table?"},
      {{"load", "--map", "m", "--table", "t"}, "FILE (or - for standard input) is missing"},
      {{"load", "--map", "m", "--table", "t", "x.parquet"}, "give --format"},
      {{"load", "--map", "m", "--table", "t", "x.parquet.gz"}, "give --format"},
      {{"load", "--map", "m", "--table", "t", "--format", "xml", "-"}, "ndjson, csv or tsv is expected"},
      {{"load", "--map", "m", "--table", "t", "--delimiter", "", "x.csv"}, "--delimiter"},
      {{"load", "--map", "m", "--table", "t", "--delimiter", "::", "x.csv"}, "one character is expected"},
      {{"load", "--map", "m", "--table", "t", "--delimiter", "\"", "x.csv"}, "other than a quote"},
      {{"load", "--map", "m", "--table", "t", "--delimiter", ";", "-"},
       "--delimiter, --null and --no-quotes are for --format csv"},
      {{"load", "--map", "m", "--table", "t", "--format", "tsv", "--delimiter", ";", "x"},
       "--format csv takes --delimiter"},
      {{"load", "--map", "m", "--table", "t", "--null", "\\N", "x.ndjson"},
       "--delimiter, --null and --no-quotes are for --format csv"},
      {{"load", "--map", "m", "--table", "t", "--null", "a,b", "x.csv"},
       "--null holds a delimiter, a quote or a line end"},
      {{"load", "--map", "m", "--table", "t", "--null", "a\tb", "x.tsv.gz"},
       "--null holds a delimiter, a quote or a line end"},
      {{"load", "--map", "m", "--table", "t", "--no-quotes", "x.jsonl"},
       "--delimiter, --null and --no-quotes are for --format csv"},
      {{"load", "--map", "m", "--table", "t", "--list-separator", "|", "x.ndjson.gz"},
       "in NDJSON a list is an array"},
      {{"load", "--map", "m", "--table", "t", "--list-separator", "", "x.csv"}, "--list-separator"},
      {{"load", "--map", "m", "--table", "t", "--list-separator", ", ", "x.csv"},
       "one character is expected"},
      {{"load", "--map", "m", "--table", "t", "--list-separator", ",", "x.csv"},
       "is the delimiter of the fields; give another --delimiter"},
      {{"load", "--map", "m", "--table", "t", "--list-separator", "tab", "x.tsv"},
       "is the delimiter of the fields; give another --delimiter"},
      {{"load", "--map", "m", "--table", "t", "--upsert", "--replace", "-"},
       "--upsert keeps the rows that are not in the input, --replace does not"},
      {{"load", "--map", "m", "--table", "t", "--replace", "--keep-good", "-"},
       "would delete the rows that are bad in the input; mend them, or load with --upsert --keep-good"},
      {{"load", "--map", "m", "--table", "t", "--jobs", "0", "-"}, "--jobs takes a number from 1 to 64"},
      {{"load", "--map", "m", "--table", "t", "--jobs", "many", "-"}, "jobs"},
      {{"explain"}, "'GET /table?…' is missing"},
      {{"explain", "DELETE /movies?id=eq.1"}, "only reads are explained"},
      {{"explain", "movies"}, "'GET /table?…' is expected"},
      {{"explain", "GET /movies", "GET /genres"}, "too many arguments"},
      {{"explain", "--header", "Prefer", "GET /movies"}, "--header takes 'Name: value'"},
      {{"explain", "--header", "Prefer: a\r\nX: y", "GET /movies"}, "--header takes 'Name: value'"},
      {{"queries"}, "--router URL is missing, or --map FILE, or both"},
      {{"queries", "--router", "http://127.0.0.1:1", "--order", "rows"},
       "--order takes time, calls or errors"},
      {{"queries", "--router", "http://127.0.0.1:1", "--limit", "0"}, "--limit takes a number above 0"},
      {{"queries", "--router", "http://127.0.0.1:1", "--limit=-3"}, "--limit takes a number above 0"},
      {{"queries", "--router", "http://127.0.0.1:1", "--limit", "few"}, "limit"},
      {{"queries", "http://127.0.0.1:1"}, "too many arguments"},
      {{"advise"}, "--map FILE is missing"},
      {{"advise", "--map", "x", "--min-days=-1"}, "--min-days takes a number of days, 0 or more"},
      {{"advise", "--map", "x", "--min-days", "nan"}, "--min-days takes a number of days, 0 or more"},
      {{"advise", "--map", "x", "--min-days", "week"}, "min-days"},
      {{"advise", "--map", "x", "--min-calls", "0"}, "--min-calls takes a number above 0"},
      {{"advise", "--map", "x", "--min-calls", "many"}, "min-calls"},
      {{"advise", "--map", "x", "--routers", "y"}, "--router"},
      {{"advise", "--map", "x", "http://127.0.0.1:1"}, "too many arguments"},
  };
  for (const auto& row : rows) {
    const CommandRun run = run_shardplex(row.args);
    CAPTURE(run);
    CHECK(run.exit == 2);
    CHECK(run.says(row.says));
    CHECK(run.out.empty());
  }
}

TEST_CASE("a good map is found good") {
  const TemporaryFile map(hash_map);
  const CommandRun run = run_shardplex({"map", "check", map.path()});
  CHECK(run.exit == 0);
  CHECK(run.out == map.path() + ": ok (2 shards, 1 groups, 2 tables)\n");
}

TEST_CASE("every problem of a bad map is told, by every command that reads one") {
  std::string text = hash_map;
  text.replace(text.find("[8-15]"), 6, "[7-14]");
  text.replace(text.find("reference: true"), 15, "reference: maybe");
  const TemporaryFile map(text);
  const std::vector<std::vector<std::string>> commands{
      {"map", "check", map.path()},
      {"map", "show", map.path()},
      {"route", "--map", map.path(), "movies", "id=1"},
      {"cluster", "init", "--map", map.path()},
      {"cluster", "status", "--map", map.path()},
      {"load", "--map", map.path(), "--table", "movies", "-"}};
  for (const auto& command : commands) {
    const CommandRun run = run_shardplex(command);
    CAPTURE(run);
    CHECK(run.exit == 1);
    CHECK(run.says("(line 10)"));
    CHECK(run.says("tables.genres"));
  }
  CHECK(run_shardplex({"map", "check", "/nonexistent.yaml"}).exit == 1);
}

TEST_CASE("a map is shown with its slots, as text and as JSON") {
  const TemporaryFile map(list_map);
  const CommandRun text = run_shardplex({"map", "show", map.path()});
  CHECK(text.exit == 0);
  CHECK(text.says("alpha\t127.0.0.1:1/a\tnone"));
  CHECK(text.says("Thriller/Suspense\t1\t4"));
  const auto json = boost::json::parse(run_shardplex({"map", "show", map.path(), "--json"}).out);
  CHECK(json.at("groups").at(0).at("placement").at("beta") == "8-15");
  CHECK(json.at("groups").at(0).at("strategy").at("list").at("lists").at("Drama") == "0-3");
}

TEST_CASE("a key under hash is routed to one slot, and the hash is told") {
  const TemporaryFile map(hash_map);
  const auto json = route_json(map, {"id=42"});
  // xxh64 of the 8 bytes of 42 is 0xb556806fb6d14353: slot 3 of 16.
  CHECK(json.at("hash") == "0xb556806fb6d14353");
  CHECK(json.at("slots") == boost::json::parse(R"([{"slot":3,"shard":"alpha"}])"));
  const CommandRun text = run_shardplex({"route", "--map", map.path(), "movies", "id=42"});
  CHECK(text.says("3\talpha"));
  CHECK(text.says("strategy hash: slot = 0xb556806fb6d14353 mod 16"));
  CHECK(text.says("the shard is the map's placement"));
}

TEST_CASE("the type of a key can be given and changes its hash") {
  const TemporaryFile map(hash_map);
  const auto as_integer =
      run_shardplex({"route", "--map", map.path(), "movies", "id=42", "--key-type", "integer"});
  const auto as_text = run_shardplex({"route", "--map", map.path(), "movies", "id=42", "--key-type", "text"});
  CHECK(as_integer.says("0xb556806fb6d14353"));
  CHECK_FALSE(as_text.says("0xb556806fb6d14353"));
  CHECK(run_shardplex({"route", "--map", map.path(), "movies", "id=x", "--key-type", "integer"}).exit == 1);
  // Where an equal integer is.
  CHECK(run_shardplex({"route", "--map", map.path(), "movies", "id=4.20e1", "--key-type", "numeric"})
            .says("0xb556806fb6d14353"));
  CHECK(run_shardplex({"route", "--map", map.path(), "movies", "id=maybe", "--key-type", "boolean"}).exit ==
        1);
  CHECK(run_shardplex({"route", "--map", map.path(), "movies", "id=x", "--key-type", "blob"}).exit == 2);
}

TEST_CASE("a key of several columns is routed where all of them are given") {
  const TemporaryFile map(
      "version: 1\ncluster: notes\nshards:\n  alpha: { primary: host=a dbname=d }\ngroups:\n"
      "  tenants: { slots: 16, strategy: { hash: {} }, placement: { alpha: [0-15] } }\n"
      "tables:\n  notes: { group: tenants, key: [tenant, id] }\n");
  const auto routed = [&](std::vector<std::string> more) {
    std::vector<std::string> args{"route", "--map", map.path(), "notes"};
    args.insert(args.end(), more.begin(), more.end());
    return run_shardplex(args);
  };
  const std::vector types{KeyType::text, KeyType::integer};
  const auto slot = slot_of(*canonical_bytes(types, {"acme", "7"}), 16);
  const auto run = routed({"id=7", "tenant=acme"});
  CHECK(run.exit == 0);
  CHECK(run.says(std::to_string(slot.value) + "\talpha"));
  CHECK(run.says(
      "tenant=acme read as text and id=7 read as integer (by their look; --key-type decides), hash "));
  CHECK(routed({"id=7", "tenant=acme", "--key-type", "text,integer"}).says("id=7 read as integer, hash "));
  CHECK(routed({"id=7", "tenant=acme", "--key-type", "text,text"}).says("id=7 read as text, hash "));
  CHECK(routed({"id=7"}).exit == 2);
  CHECK(
      routed({"id=7"}).says("give tenant=VALUE and id=VALUE: together they decide where rows of notes live"));
  CHECK(routed({"id=7", "tenant=acme", "title=x"})
            .says("column title does not decide where rows of notes "
                  "live; tenant and id do"));
  for (const std::string other : {"text", "text,integer,text"}) {
    const auto refused = routed({"id=7", "tenant=acme", "--key-type", other});
    CHECK(refused.exit == 2);
    CHECK(refused.says("the key of notes is tenant and id: give one type for each column"));
  }
  CHECK(routed({"id=7", "tenant=acme", "--key-type", "text,blob"}).exit == 2);
  CHECK(routed({"id=x", "tenant=acme", "--key-type", "text,integer"}).exit == 1);
  const auto shown = boost::json::parse(run_shardplex({"map", "show", map.path(), "--json"}).out);
  CHECK(shown.at("tables").at(0).at("key") == boost::json::parse(R"(["tenant","id"])"));
  CHECK(run_shardplex({"map", "show", map.path()}).says("tenant, id"));
}

TEST_CASE("under list a key alone has one slot per list, a genre alone its slots, both together one") {
  const TemporaryFile map(list_map);
  const auto by_key = route_json(map, {"id=42"}).at("slots").as_array();
  REQUIRE(by_key.size() == 4);
  CHECK(by_key.back().at("list") == "(otherwise)");
  CHECK(route_json(map, {"primary_genre=Drama"}).at("slots").as_array().size() == 4);
  const auto both = route_json(map, {"primary_genre=Drama", "id=42"}).at("slots").as_array();
  REQUIRE(both.size() == 1);
  const auto drama =
      std::ranges::find_if(by_key, [](const auto& slot) { return slot.at("list") == "Drama"; });
  CHECK(both[0] == *drama);
}

TEST_CASE("values may hold spaces and equal signs, and unknown genres go to otherwise") {
  const TemporaryFile map(list_map);
  CHECK(route_json(map, {"primary_genre=A=B C"}).at("slots").at(0).at("slot") == 5);
  CHECK(route_json(map, {"primary_genre=drama", "id=1"}).at("slots").at(0).at("list") == "(otherwise)");
}

TEST_CASE("a route that cannot be told is refused with the reason") {
  const TemporaryFile map(hash_map);
  struct Row {
    std::vector<std::string> args;
    int exit;
    std::string says;
  };
  const std::vector<Row> rows{
      {{"movis", "id=1"}, 1, "the map has no table movis (did you mean movies?)"},
      {{"movies"}, 2, "give id=VALUE"},
      {{"movies", "id"}, 2, "'id' is not column=value"},
      {{"movies", "id=1", "id=2"}, 2, "given twice"},
      {{"movies", "year=1"}, 2, "column year does not decide where rows of movies live; id does"},
      {{"genres", "name=x"}, 0, "every shard has a full copy"},
  };
  for (const auto& row : rows) {
    std::vector<std::string> args{"route", "--map", map.path()};
    args.insert(args.end(), row.args.begin(), row.args.end());
    const CommandRun run = run_shardplex(args);
    CAPTURE(run);
    CHECK(run.exit == row.exit);
    CHECK(run.says(row.says));
  }
}

TEST_CASE("the suggestion is the nearest name, and none where none is near") {
  const std::vector<std::string> names{"movies", "ratings"};
  CHECK(nearest("movie", names) == "movies");
  CHECK(nearest("mvoies", names) == "movies");
  CHECK(nearest("genres", names) == std::nullopt);
  CHECK(nearest("", names) == std::nullopt);
  CHECK(nearest("movies_and_ratings", names) == std::nullopt);
  CHECK(nearest("ab", std::vector<std::string>{"abcd", "abc"}) == "abc");
}
