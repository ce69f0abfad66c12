// `shardplex rebalance plan` on real clusters.
#include "shard_map/rebalance_plan.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::test;

namespace {

namespace asio = boost::asio;

/// Answers one HTTP request with a text, as a router's admin port would. Without a text it never answers.
class FakeRouter {
 public:
  explicit FakeRouter(std::string answer)
      : answer_(std::move(answer)),
        acceptor_(context_, {asio::ip::make_address("127.0.0.1"), 0}),
        thread_([this] { serve(); }) {}
  ~FakeRouter() { thread_.join(); }
  FakeRouter(const FakeRouter&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

 private:
  void serve() {
    asio::ip::tcp::socket socket = acceptor_.accept();
    asio::streambuf buffer;
    boost::system::error_code error;
    asio::read_until(socket, buffer, "\r\n\r\n", error);
    if (!answer_.empty()) asio::write(socket, asio::buffer(answer_), error);
    if (answer_.empty()) asio::read(socket, buffer, error);  // until the other side gives up
  }

  std::string answer_;
  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

std::string http_answer(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A router's counts for the group `catalog` of 1,024 slots.
std::string load_answer(const std::vector<int>& counts) {
  std::string text;
  for (const int count : counts) text.append(text.empty() ? "" : ",").append(std::to_string(count));
  return http_answer("{\"groups\":{\"catalog\":[" + text + "]}}");
}

CommandRun plan(const std::string& map, std::vector<std::string> more) {
  std::vector<std::string> args{"rebalance", "plan", "--map", map};
  args.insert(args.end(), more.begin(), more.end());
  return run_shardplex(args);
}

boost::json::value plan_json(const Cluster& cluster, std::vector<std::string> more) {
  more.emplace_back("--json");
  const CommandRun run = plan(cluster.map(), more);
  REQUIRE_MESSAGE(run.exit == 0, run);
  return boost::json::parse(run.out);
}

ShardMap map_of(const Cluster& cluster) {
  return std::get<ShardMap>(read_shard_map_file(cluster.map()));
}

std::string text_of(const TemporaryFile& file) {
  std::ifstream stream(file.path());
  return {std::istreambuf_iterator<char>(stream), {}};
}

RebalancePlan read_plan(const Cluster& cluster, const TemporaryFile& file) {
  const auto read = read_rebalance_plan(text_of(file), map_of(cluster));
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&read))
    FAIL(problems->front().to_string() << "\n" << text_of(file));
  return std::get<RebalancePlan>(read);
}

std::string movies(int count) {
  std::string rows;
  for (int id = 1; id <= count; ++id)
    rows += "{\"id\":" + std::to_string(id) + ",\"name\":\"Film " + std::to_string(id) + "\"}\n";
  return rows;
}

const std::string gamma_dsn = "gamma=host=127.0.0.1 port=1 dbname=movies";

std::string moved_slots(const Cluster& cluster, const std::string& where) {
  return "(SELECT array_agg(slot) FROM shardplex.slots WHERE grp = '" +
         map_of(cluster).groups().front().name + "' AND " + where + ")";
}

}  // namespace

TEST_CASE("a balanced cluster has nothing to do, and no plan is written") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "movies", movies(2000)).exit == 0);
  const TemporaryFile file("untouched");
  const CommandRun run = plan(cluster.map(), {"--out", file.path()});
  CHECK(run.exit == 0);
  CHECK(run.says("Nothing to do"));
  CHECK(run.says("catalog\talpha\t512\t"));
  CHECK(run.says("is not written"));
  CHECK(text_of(file) == "untouched");
}

TEST_CASE("an added shard gets its share of rows; the plan is shown before and after, and read back") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "movies", movies(3000)).exit == 0);
  const TemporaryFile file("", ".yaml");
  const std::vector<std::string> args{
      "--add-shard", gamma_dsn,   "--replica", "gamma=host=127.0.0.1 port=2 dbname=m",
      "--out",       file.path(), "--rate",    "0.001"};
  const CommandRun run = plan(cluster.map(), args);
  REQUIRE_MESSAGE(run.exit == 0, run);
  CHECK(run.says("GROUP\tSHARD\tSLOTS\tROWS\tSIZE\tSHARE\t→ SLOTS\t→ ROWS\t→ SIZE\t→ SHARE"));
  CHECK(run.says("catalog\tgamma\t0\t0\t0 B\t0.0 %\t"));
  CHECK(run.says("2 moves: "));
  CHECK(run.says("to copy at 0.001 MB/s"));
  CHECK(run.says("the plan is in " + file.path()));

  const RebalancePlan read = read_plan(cluster, file);
  CHECK(read.cluster == "movies");
  REQUIRE(read.added.size() == 1);
  CHECK(read.added[0].replicas == std::vector<std::string>{"host=127.0.0.1 port=2 dbname=m"});
  REQUIRE(read.moves.size() == 2);
  for (const auto& move : read.moves) CHECK(move.target == "gamma");

  const auto json = plan_json(cluster, args);
  CHECK(json.at("by") == "rows");
  CHECK(json.at("added").at(0) == "gamma");
  const auto& shards = json.at("groups").at(0).at("shards").as_array();
  REQUIRE(shards.size() == 3);
  for (const auto& shard : shards) {
    CHECK(shard.at("after").at("share").as_double() > 0.33);
    CHECK(shard.at("after").at("share").as_double() < 0.337);
  }
  CHECK(std::to_string(shards[0].at("before").at("rows").as_int64()) ==
        cluster.sql("alpha", "SELECT count(*) FROM movies"));
  // Within a percent: PostgreSQL itself gives some rows a header shorter by 3 bytes, depending on its plan.
  CHECK(static_cast<double>(shards[1].at("before").at("bytes").as_int64()) ==
        doctest::Approx(std::stod(cluster.sql("beta", "SELECT sum(pg_column_size(m.*)) FROM movies m")))
            .epsilon(0.01));
  // Slots are taken as they come, and not the heavy ones first: rows to come will fall evenly too.
  CHECK(shards[2].at("after").at("slots").as_int64() > 320);
  CHECK(shards[2].at("after").at("slots").as_int64() < 362);
  const auto rows = json.at("total").at("rows").as_int64();
  CHECK(shards[2].at("after").at("rows").as_int64() == rows);
  CHECK(json.at("moves").at(0).at("slots").as_string() == read.moves[0].slots.to_string());
  CHECK(json.at("copy_seconds").as_double() ==
        doctest::Approx(static_cast<double>(json.at("total").at("bytes").as_int64()) / 1000));
}

TEST_CASE("tables of one group are weighed together") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "movies", movies(100)).exit == 0);
  std::string ratings;
  for (int id = 1; id <= 100; ++id)
    ratings += "{\"movie_id\":" + std::to_string(id) + ",\"user_id\":1,\"score\":7}\n";
  REQUIRE(load(cluster, "ratings", ratings).exit == 0);
  const auto json = plan_json(cluster, {});
  std::int64_t rows = 0;
  for (const auto& shard : json.at("groups").at(0).at("shards").as_array())
    rows += shard.at("before").at("rows").as_int64();
  CHECK(rows == 200);
}

TEST_CASE("a drained shard ends without slots, under the list strategy too") {
  Cluster& cluster = initialised(genre_cluster());
  const TemporaryFile file("", ".yaml");
  const auto json = plan_json(cluster, {"--drain", "beta", "--out", file.path()});
  CHECK(json.at("drained").at(0) == "beta");
  const auto& beta = json.at("groups").at(0).at("shards").at(1);
  CHECK(beta.at("name") == "beta");
  CHECK(beta.at("before").at("slots").as_int64() > 0);
  CHECK(beta.at("after").at("slots") == 0);
  CHECK(beta.at("after").at("share").is_null());  // no rows at all
  const RebalancePlan read = read_plan(cluster, file);
  CHECK(read.drained == std::vector<std::string>{"beta"});
  for (const auto& move : read.moves) CHECK(move.source == "beta");
}

TEST_CASE("with fewer moves than a drained shard needs, the plan says that it is not drained") {
  Cluster& cluster = initialised(genre_cluster());
  const TemporaryFile file("", ".yaml");
  const CommandRun run = plan(cluster.map(), {"--drain", "beta", "--max-moves", "1", "--out", file.path()});
  CHECK(run.exit == 0);
  CHECK(run.says("1 move: "));
  CHECK(run.says("warning: beta keeps some of its slots"));
  const RebalancePlan read = read_plan(cluster, file);
  CHECK(read.moves.size() == 1);
  CHECK(read.drained.empty());
}

TEST_CASE("owners are what the shards say and not what the map says") {
  Cluster& cluster = initialised(hash_cluster());
  const std::string slots = moved_slots(cluster, "slot < 256");
  const std::string list = cluster.sql("alpha", "SELECT " + slots);
  cluster.sql("alpha", "SELECT shardplex.fence_slots('catalog', '" + list + "')");
  cluster.sql("alpha", "SELECT shardplex.hand_over_slots('catalog', '" + list + "')");
  cluster.sql("beta", "SELECT shardplex.receive_slots('catalog', '" + list + "')");
  cluster.sql("beta", "SELECT shardplex.own_slots('catalog', '" + list + "')");
  const auto json = plan_json(cluster, {});
  CHECK(json.at("groups").at(0).at("shards").at(0).at("before").at("slots") == 256);
  REQUIRE(json.at("moves").as_array().size() == 1);
  CHECK(json.at("moves").at(0).at("from") == "beta");
  CHECK(json.at("moves").at(0).at("to") == "alpha");
  CHECK(json.at("total").at("slots") == 256);
}

TEST_CASE("nothing is planned while a move is unfinished or a slot has no owner") {
  Cluster& cluster = initialised(hash_cluster());
  cluster.sql("beta", "SELECT shardplex.receive_slots('catalog', '{3,4}')");
  const CommandRun incoming = plan(cluster.map(), {});
  CHECK(incoming.exit == 1);
  CHECK(incoming.says("error: catalog: slots 3-4 are on the way to beta; a move is unfinished"));
  CHECK(incoming.says("shardplex rebalance status"));
  cluster.sql("alpha", "SELECT shardplex.fence_slots('catalog', '{3}')");
  const CommandRun fenced = plan(cluster.map(), {"--slots", "9", "--to", "beta"});
  CHECK(fenced.exit == 1);
  CHECK(fenced.says("slot 3 is fenced on alpha; a move is unfinished"));
  CHECK(fenced.says("slots 3-4 are on the way to beta"));
  cluster.sql("alpha", "SELECT shardplex.hand_over_slots('catalog', '{3}')");
  cluster.sql("beta", "SELECT shardplex.forget_slots('catalog', '{3,4}')");
  const CommandRun unowned = plan(cluster.map(), {});
  CHECK(unowned.exit == 1);
  CHECK(unowned.says("slot 3"));
  CHECK(unowned.says("no owner"));
  CHECK(unowned.says("shardplex rebalance status"));
}

TEST_CASE("every shard that cannot be asked is named") {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  const CommandRun run = plan(cluster.map(), {});
  CHECK(run.exit == 1);
  CHECK(run.says("error: alpha: "));
  CHECK(run.says("error: beta: "));
  CHECK(run.says("not initialised"));
  initialised(cluster);
  cluster.sql("beta", "DROP TABLE ratings");
  const CommandRun table = plan(cluster.map(), {});
  CHECK(table.exit == 1);
  CHECK(table.says("error: beta: relation \"public.ratings\" does not exist"));
}

TEST_CASE("given slots go to a shard from whoever owns them") {
  Cluster& cluster = initialised(hash_cluster());
  const TemporaryFile file("", ".yaml");
  const CommandRun run =
      plan(cluster.map(), {"--slots", "0-63, 70,600", "--to", "beta", "--out", file.path()});
  REQUIRE_MESSAGE(run.exit == 0, run);
  const auto moves = read_plan(cluster, file).moves;
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].source == "alpha");
  CHECK(moves[0].target == "beta");
  CHECK(moves[0].slots.to_string() == "0-63, 70");
  CHECK(run.says("1 move: 65 slots, 0 rows, 0 B; less than a second to copy at 50 MB/s (--rate)"));

  const CommandRun none = plan(cluster.map(), {"--slots", "600", "--to", "beta", "--group", "catalog"});
  CHECK(none.exit == 0);
  CHECK(none.says("Nothing to do: beta owns these slots already."));
  const auto added = plan_json(cluster, {"--slots", "511-512", "--to", "gamma", "--add-shard", gamma_dsn});
  CHECK(added.at("moves").as_array().size() == 2);
}

TEST_CASE("load is what the routers counted, added up") {
  Cluster& cluster = initialised(hash_cluster());
  std::vector<int> low(1024, 1), first(1024, 0);
  for (int slot = 0; slot < 256; ++slot) first[std::size_t(slot)] = 2;
  FakeRouter one(load_answer(low)), other(load_answer(first));
  const auto json =
      plan_json(cluster, {"--by", "load", "--router", one.url(), "--router", other.url() + "/"});
  const auto& shards = json.at("groups").at(0).at("shards").as_array();
  CHECK(shards[0].at("before").at("requests") == 1024);
  CHECK(shards[1].at("before").at("requests") == 512);
  CHECK(shards[0].at("after").at("requests") == 768);
  CHECK(json.at("total").at("requests") == 256);
  CHECK(json.at("warnings").as_array().empty());
}

TEST_CASE("routers that have counted nothing are no reason to move anything, and that is said") {
  Cluster& cluster = initialised(hash_cluster());
  FakeRouter router(load_answer(std::vector<int>(1024, 0)));
  const CommandRun run = plan(cluster.map(), {"--by", "load", "--router", router.url()});
  CHECK(run.exit == 0);
  CHECK(run.says("Nothing to do"));
  CHECK(run.says("warning: catalog: the routers have counted no requests yet"));
  CHECK(run.says("REQUESTS"));
}

TEST_CASE("every router that gives no load is named with the reason") {
  Cluster& cluster = initialised(hash_cluster());
  FakeRouter missing(http_answer("no", "404 Not Found")), garbled(http_answer("{")), other(http_answer("{}")),
      shorter(load_answer({1, 2, 3})), silent(""), no_http("SMTP\r\n\r\n");
  std::vector<std::string> args{"--by", "load", "--router", "http://127.0.0.1:1"};
  for (const auto* router : {&missing, &garbled, &other, &shorter, &silent, &no_http})
    args.insert(args.end(), {"--router", router->url()});
  const CommandRun run = plan(cluster.map(), args);
  CHECK(run.exit == 1);
  CHECK(run.says("error: router http://127.0.0.1:1: "));
  CHECK(run.says("router " + missing.url() + ": GET /load: status 404"));
  CHECK(run.says("router " + garbled.url() + ": "));
  CHECK(run.says("router " + other.url() + ": its answer tells nothing of group catalog"));
  CHECK(run.says("router " + shorter.url() + ": its answer has not one count for each of the 1024 slots"));
  CHECK(run.says("router " + silent.url() + ": no answer within 5 s"));
  CHECK(run.says("router " + no_http.url() + ": "));
  const CommandRun url = plan(cluster.map(), {"--by", "load", "--router", "127.0.0.1:9090"});
  CHECK(url.exit == 1);
  CHECK(url.says("http://host:port of the router's admin port is expected"));
}

TEST_CASE("a slot that outweighs a fair share is warned of, with what to do") {
  Cluster& cluster = initialised(hash_cluster());
  REQUIRE(load(cluster, "movies", movies(200)).exit == 0);
  cluster.sql(
      cluster.sql("alpha", "SELECT count(*) FROM movies WHERE id = 7") == "1" ? "alpha" : "beta",
      "UPDATE movies SET name = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 10000) i) "
      "WHERE id = 7");
  const CommandRun run = plan(cluster.map(), {"--by", "bytes"});
  CHECK(run.exit == 0);
  CHECK(run.says("warning: catalog: slot "));
  CHECK(run.says("a shard's fair share is 50.0 %"));
  CHECK(plan_json(cluster, {"--by", "bytes"}).at("warnings").as_array().size() == 1);
}

TEST_CASE("what is not understood, or cannot be, is refused before a shard is asked") {
  struct Row {
    std::vector<std::string> args;
    int exit;
    std::string says;
  };
  // Nobody listens on port 1.
  const TemporaryFile map(R"(version: 1
cluster: movies
shards:
  alpha: { primary: host=127.0.0.1 port=1 dbname=a }
  beta: { primary: host=127.0.0.1 port=1 dbname=b }
groups:
  catalog: { slots: 16, strategy: { hash: {} }, placement: { alpha: [0-7], beta: [8-15] } }
  people: { slots: 16, strategy: { hash: {} }, placement: { alpha: [0-7], beta: [8-15] } }
tables:
  movies: { group: catalog, key: id }
)");
  const std::vector<Row> rows{
      {{"--by", "size"}, 2, "--by takes rows, bytes or load"},
      {{"--by", "load"}, 2, "--by load needs --router"},
      {{"--router", "http://a:1"}, 2, "--router goes with --by load"},
      {{"--slots", "1"}, 2, "--slots and --to go together"},
      {{"--to", "beta"}, 2, "--slots and --to go together"},
      {{"--slots", "1", "--to", "beta", "--drain", "alpha"}, 2, "--slots makes a move by hand"},
      {{"--slots", "1", "--to", "beta", "--max-moves", "1"}, 2, "--slots makes a move by hand"},
      {{"--group", "catalog"}, 2, "--group goes with --slots"},
      {{"--slots", "1", "--to", "beta"}, 2, "--group is needed, as the map has several: catalog, people"},
      {{"--slots", "1", "--to", "beta", "--group", "catalgo"}, 1, "did you mean catalog?"},
      {{"--slots", "1", "--to", "betta", "--group", "catalog"},
       1,
       "there is no shard betta (did you mean beta?)"},
      {{"--slots", "1,x,9-3,16", "--to", "beta", "--group", "catalog"},
       2,
       "--slots[1]: must be a slot or a range of slots, such as 0-511; --slots[2]: the range runs backwards; "
       "write the smaller slot first; --slots[3]: \"16\" is out of range: slots run from 0 to 15"},
      {{"--slots", "1-3,2", "--to", "beta", "--group", "catalog"}, 2, "--slots: slot 2 is given twice"},
      {{"--slots", "", "--to", "beta", "--group", "catalog"}, 2, "--slots[0]: must be a slot"},
      {{"--max-moves", "few"}, 2, "max-moves"},
      {{"--rate", "0"}, 2, "--rate takes a number of MB/s above 0"},
      {{"--rate", "-3"}, 2, "--rate"},
      {{"--rate", "inf"}, 2, "--rate"},
      {{"--add-shard", "gamma"}, 2, "--add-shard takes NAME='connection string'"},
      {{"--add-shard", "=host=a"}, 2, "--add-shard takes NAME='connection string'"},
      {{"--add-shard", gamma_dsn, "--add-shard", gamma_dsn}, 2, "--add-shard gamma is given twice"},
      {{"--replica", "gamma=host=a"}, 2, "--replica gamma: there is no --add-shard gamma"},
      {{"--add-shard", "host=127.0.0.1 dbname=c"},
       1,
       "--add-shard host.primary: must be a libpq connection string"},
      {{"--add-shard", "gamma=host=c dbname=c password=x"},
       1,
       "--add-shard gamma.primary: a password does not belong"},
      {{"--add-shard", "Gamma=host=c dbname=c"}, 1, "--add-shard Gamma: a shard's name has"},
      {{"--add-shard", "beta=host=c dbname=c"},
       1,
       "--add-shard beta: the map has a shard of this name already"},
      {{"--add-shard", "gamma=host=127.0.0.1 port=1 dbname=b"}, 1, "a server of the map's shard beta"},
      {{"--drain", "betta"}, 1, "--drain: there is no shard \"betta\"; did you mean \"beta\"?"},
      {{"--drain", "alpha", "--drain", "beta"}, 1, "--drain: drains every shard"},
      {{"--drain", "beta", "--drain", "beta"}, 1, "--drain: is named twice"},
      {{"--add-shard", gamma_dsn, "--drain", "gamma"}, 1, "cannot drain it as well"},
      {{"--frobnicate"}, 2, "unknown option"},
      {{}, 1, "error: alpha: no primary was found"},
  };
  for (const auto& row : rows) {
    const CommandRun run = plan(map.path(), row.args);
    CAPTURE(run);
    CHECK(run.exit == row.exit);
    CHECK(run.says(row.says));
    CHECK(run.out.empty());
  }
  CHECK(run_shardplex({"rebalance", "plan"}).says("--map FILE is missing"));
  CHECK(run_shardplex({"rebalance", "plan", "--help"}).out.starts_with("usage: shardplex rebalance plan"));
}

TEST_CASE("a plan that cannot be written is a failure") {
  Cluster& cluster = initialised(hash_cluster());
  const CommandRun run = plan(cluster.map(), {"--slots", "1", "--to", "beta", "--out", "/nowhere/plan.yaml"});
  CHECK(run.exit == 1);
  CHECK(run.says("/nowhere/plan.yaml: cannot be written"));
}
