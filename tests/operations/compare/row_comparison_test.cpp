#include "operations/compare/row_comparison.hpp"

#include <atomic>
#include <thread>

#include "operations/shard/server.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using namespace shardplex::test;

namespace {

using Kind = RowDifference::Kind;

const char* const many_types = R"sql(
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE things (
  a bigint, b text, shardplex_slot integer NOT NULL,
  i int, big bigint, small smallint, n numeric, scaled numeric(6,2), t text, v varchar(20), c char(8), arr text[], ints int[],
  d date, ts timestamptz, plain timestamp, span interval, dbl double precision, flt real, yes boolean, id uuid,
  j json, jb jsonb, bytes bytea, feel mood, range int4range, huge text, gen int GENERATED ALWAYS AS (i * 2) STORED,
  PRIMARY KEY (a, b));
INSERT INTO things SELECT g, 'k' || g, g % 16, g, g, 1, 1.0, 1.5, 'Text', 'v', 'c', '{a,b}', '{1,2}', '2020-01-01',
  '2020-01-01 00:00:00+00', '2020-01-01 00:00:00', '24:00:00', 0, 0, true, '00000000-0000-0000-0000-000000000001',
  '{"a": 1}', '{"a": 1.0}', '\x00ff', 'sad', '[1,5)', repeat('x', 1000) FROM generate_series(1, 40) g;
CREATE UNLOGGED TABLE randoms AS SELECT string_agg(md5(g::text), '') AS text FROM generate_series(1, 32768) g;
UPDATE things SET huge = (SELECT text FROM randoms) WHERE a = 7)sql";

/// Two servers with the same rows of `things`, which has columns of many types.
Cluster& two_alike() {
  Cluster& cluster = hash_cluster();
  cluster.reset();
  cluster.sql("beta", "CREATE TYPE sooner AS ENUM ('so', 'that', 'oids', 'differ')");
  for (const auto* server : {"alpha", "beta"}) cluster.sql(server, many_types);
  return cluster;
}

/// While it lives, beta writes values in other ways than alpha.
class OtherPreferences {
 public:
  explicit OtherPreferences(const Cluster& cluster) : cluster_(cluster) {
    for (const auto* setting :
         {"TimeZone = 'Asia/Tokyo'", "DateStyle = 'German'", "bytea_output = 'escape'",
          "extra_float_digits = -5", "IntervalStyle = 'iso_8601'", "search_path = 'pg_catalog'"})
      cluster_.sql("beta", std::string("ALTER ROLE shardplex SET ") + setting);
  }
  ~OtherPreferences() { cluster_.sql("beta", "ALTER ROLE shardplex RESET ALL"); }
  OtherPreferences(const OtherPreferences&) = delete;

 private:
  const Cluster& cluster_;
};

MovedTable things(const Cluster& cluster) {
  const auto connection = connect(cluster.conninfo("alpha"));
  pqxx::nontransaction transaction(*connection);
  MovedTable table{"things", {}, {"gen"}, {"a", "b"}};
  for (const auto& row : transaction.exec(
           "SELECT attname FROM pg_attribute WHERE attrelid = 'things'::regclass AND attnum > 0 AND "
           "attgenerated = '' ORDER BY attnum"))
    table.columns.push_back(row[0].as<std::string>());
  return table;
}

SlotSet slots_to(std::uint32_t end) {
  SlotSet slots = SlotSet::none(16);
  for (std::uint32_t slot = 0; slot < end; ++slot) slots.insert(Slot{slot});
  return slots;
}

RowComparison comparison(const Cluster& cluster, const SlotSet& slots = SlotSet::all(16),
                         RowComparison::Options options = {1, [] {}, {}}) {
  return {cluster.conninfo("alpha"), cluster.conninfo("beta"), {things(cluster)}, slots, std::move(options)};
}

}  // namespace

TEST_CASE("servers with the same rows are found equal, whatever their settings") {
  Cluster& cluster = two_alike();
  const OtherPreferences preferences(cluster);
  std::uint64_t told = 0;
  for (const int jobs : {1, 3}) {
    told = 0;
    const ComparedRows compared =
        comparison(cluster, SlotSet::all(16), {jobs, [] {}, [&](std::uint64_t rows) { told += rows; }})
            .compare();
    CHECK(compared.rows == 40);
    CHECK(told == 40);
    CHECK(compared.bytes > 1'000'000);
    CHECK(compared.differences.empty());
    CHECK(compared.difference_count == 0);
    CHECK(compared.undecided.empty());
  }
}

TEST_CASE("one altered value of any type is found, and its row named by key") {
  Cluster& cluster = two_alike();
  const auto find = [&](const std::string& here, const std::string& there) {
    const std::string update = "UPDATE things SET ", where = " WHERE a = 7";
    if (!here.empty()) cluster.sql("alpha", update + here + where);
    cluster.sql("beta", update + there + where);
    RowComparison both = comparison(cluster);
    const ComparedRows compared = both.compare();
    INFO(here << " / " << there);
    const std::vector<RowDifference> expected{{Kind::different, "things", {"7", "k7"}}};
    CHECK(compared.differences == expected);
    CHECK(compared.difference_count == 1);
    CHECK(compared.undecided.empty());
    CHECK(both.compare_again(expected) == expected);
    // What is the same again is no difference any more.
    cluster.sql("beta", update + (here.empty() ? "i = 7" : here) + where);
    if (!here.empty()) CHECK(both.compare_again(expected).empty());
  };
  find("i = 7", "i = 8");
  find("i = 1", "i = NULL");
  find("big = 1", "big = 4294967296");
  find("big = -1", "big = 1");
  find("big = 0", "big = -1");
  find("small = 1", "small = -1");
  find("n = 1.0", "n = 1.00");
  find("n = 1", "n = -1");
  find("n = 'NaN'", "n = 'Infinity'");
  find("n = 0", "n = NULL");
  find("scaled = 1.5", "scaled = -1.5");
  find("t = 'Text'", "t = 'text'");
  find("t = ''", "t = NULL");
  find("t = 'a'", "t = 'a '");
  find("v = ''", "v = NULL");
  find("c = 'c'", "c = 'C'");
  find("arr = '{a,b}'", "arr = '{b,a}'");
  find("arr = '{a,b}'", "arr = '{{a,b}}'");
  find("arr = '{a,b}'", "arr = '[0:1]={a,b}'");
  find("arr = '{a,NULL}'", "arr = '{a,\"NULL\"}'");
  find("arr = '{}'", "arr = NULL");
  find("arr = '{}'", "arr = '{\"\"}'");
  find("ints = '{1,2}'", "ints = '{1,NULL}'");
  find("d = '2020-01-01'", "d = '2020-01-02'");
  find("d = 'infinity'", "d = '-infinity'");
  find("ts = '2020-01-01 00:00:00+00'", "ts = '2020-01-01 00:00:00.000001+00'");
  find("ts = 'infinity'", "ts = NULL");
  find("plain = '2020-01-01 00:00:00'", "plain = '2020-01-01 00:00:01'");
  find("span = '24:00:00'", "span = '1 day'");
  find("dbl = 0", "dbl = '-0'");
  find("dbl = 'NaN'", "dbl = 'Infinity'");
  find("dbl = 0.1", "dbl = 0.1::float8 + 2e-17");
  find("flt = 0", "flt = '-0'");
  find("yes = true", "yes = false");
  find("yes = false", "yes = NULL");
  find("id = '00000000-0000-0000-0000-000000000001'", "id = '00000000-0000-0000-0000-000000000002'");
  find("j = '{\"a\": 1}'", "j = '{\"a\":1}'");
  find("jb = '{\"a\": 1.0}'", "jb = '{\"a\": 1.00}'");
  find("bytes = '\\x00ff'", "bytes = '\\xff00'");
  find("bytes = ''", "bytes = NULL");
  find("feel = 'sad'", "feel = 'glad'");
  find("range = '[1,5)'", "range = '[1,6)'");
  find("", "huge = left(huge, -1) || 'z'");
  cluster.sql("beta", "UPDATE things SET huge = (SELECT text FROM randoms) WHERE a = 7");
  cluster.sql(
      "beta",
      "ALTER TABLE things DROP gen; ALTER TABLE things ADD gen int GENERATED ALWAYS AS (i * 3) STORED");
  CHECK(comparison(cluster).compare().difference_count == 40);
}

TEST_CASE("a missing and an unexpected row, two that swapped a value, and a row in another slot are found") {
  Cluster& cluster = two_alike();
  cluster.sql("beta", "DELETE FROM things WHERE a = 3");
  cluster.sql("alpha", "DELETE FROM things WHERE a = 5");
  cluster.sql("beta", "UPDATE things SET shardplex_slot = 9 WHERE a = 8");
  // Of one slot, so that their slot's rows have the same values as before, only differently combined.
  cluster.sql("beta", "UPDATE things SET big = 48 - big WHERE a IN (16, 32)");
  ComparedRows compared = comparison(cluster).compare();
  std::ranges::sort(compared.differences, {}, &RowDifference::key);
  CHECK(compared.differences == std::vector<RowDifference>{{Kind::different, "things", {"16", "k16"}},
                                                           {Kind::missing, "things", {"3", "k3"}},
                                                           {Kind::different, "things", {"32", "k32"}},
                                                           {Kind::unexpected, "things", {"5", "k5"}},
                                                           {Kind::different, "things", {"8", "k8"}}});
  CHECK(to_string(compared.differences[1], things(cluster), "beta") == "things a=3, b=k3 is missing on beta");
  CHECK(to_string(compared.differences[3], things(cluster), "beta") ==
        "things a=5, b=k5 is unexpected on beta");
}

TEST_CASE("only the slots asked for are compared") {
  Cluster& cluster = two_alike();
  cluster.sql("beta", "DELETE FROM things WHERE shardplex_slot >= 4");
  CHECK(comparison(cluster, slots_to(4)).compare().difference_count == 0);
  CHECK(comparison(cluster, slots_to(4)).compare().rows == 11);
  CHECK(comparison(cluster, slots_to(5)).compare().difference_count == 3);
  CHECK(comparison(cluster, SlotSet::none(16)).compare().rows == 0);
}

TEST_CASE("all differences are counted, and the first 1,000 of them kept") {
  Cluster& cluster = two_alike();
  cluster.sql("alpha",
              "INSERT INTO things (a, b, shardplex_slot) SELECT g, '', 3 FROM generate_series(100, 7099) g");
  const ComparedRows compared = comparison(cluster).compare();
  CHECK(compared.difference_count == 7000);
  CHECK(compared.differences.size() == 1000);
  CHECK(compared.differences.front().kind == Kind::missing);
}

TEST_CASE("a row that changes whenever it is looked at is undecided, and one that arrives late is equal") {
  Cluster& cluster = two_alike();
  cluster.sql("beta", "UPDATE things SET i = -1 WHERE a = 1; UPDATE things SET t = 'old' WHERE a = 2");
  int rounds = 0;
  const auto change = [&] {
    cluster.sql("alpha", "UPDATE things SET i = i + 1 WHERE a = 1");
    if (++rounds == 1) cluster.sql("beta", "UPDATE things SET t = 'Text' WHERE a = 2");
  };
  const ComparedRows compared = comparison(cluster, SlotSet::all(16), {1, change, {}}).compare();
  CHECK(rounds > 2);
  CHECK(compared.differences.empty());
  CHECK(compared.undecided == std::vector<RowDifference>{{Kind::different, "things", {"1", "k1"}}});
}

TEST_CASE(
    "a comparison that is told to stop ends with what was thrown, and a server that fails with its error") {
  Cluster& cluster = two_alike();
  struct Stopped {};
  CHECK_THROWS_AS(
      comparison(cluster, SlotSet::all(16), {2, [] {}, [](std::uint64_t) { throw Stopped(); }}).compare(),
      Stopped);
  cluster.sql("beta", "ALTER TABLE things DROP i CASCADE");
  CHECK_THROWS_AS(comparison(cluster).compare(), pqxx::sql_error);
}

TEST_CASE("rows under constant change on a server that another follows are never falsely different") {
  Cluster& cluster = two_alike();
  for (const auto* server : {"alpha", "beta"})  // rows that the writer leaves alone
    cluster.sql(server,
                "INSERT INTO things (a, b, shardplex_slot, jb) VALUES (50, '', 2, '[1]'), (51, '', 3, NULL)");
  cluster.sql("alpha", "ALTER TABLE things REPLICA IDENTITY FULL; CREATE TABLE marks (n bigint PRIMARY KEY)");
  cluster.sql("beta", "CREATE TABLE marks (n bigint PRIMARY KEY)");
  cluster.sql("alpha", "CREATE PUBLICATION followed FOR TABLE things, marks");
  pqxx::connection follower(cluster.conninfo("beta"));
  pqxx::nontransaction(follower).exec("CREATE SUBSCRIPTION following CONNECTION '" +
                                      cluster.conninfo("alpha") +
                                      "' PUBLICATION followed WITH (copy_data = false)");
  std::atomic<bool> done = false;
  std::thread writer([&] {
    pqxx::connection connection(cluster.conninfo("alpha"));
    for (int n = 0; !done; ++n) {
      pqxx::work work(connection);
      const std::string a = std::to_string(n % 45 + 1);
      work.exec("UPDATE things SET i = i + 1, t = t || 'x' WHERE a = " + a);
      if (n % 3 == 0) work.exec("DELETE FROM things WHERE a = 41");
      if (n % 3 == 1)
        work.exec("INSERT INTO things (a, b, shardplex_slot) VALUES (41, '', 9) ON CONFLICT DO NOTHING");
      work.exec("UPDATE things SET big = big + 1 WHERE a = 1");
      work.commit();
    }
  });
  int marks = 0;
  const auto wait_until_applied = [&] {
    const std::string mark = std::to_string(++marks);
    cluster.sql("alpha", "INSERT INTO marks VALUES (" + mark + ")");
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (cluster.sql("beta", "SELECT count(*) FROM marks WHERE n = " + mark) == "0") {
      REQUIRE(std::chrono::steady_clock::now() < until);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  std::size_t undecided = 0;
  for (int run = 0; run < 5; ++run) {
    RowComparison both = comparison(cluster, SlotSet::all(16), {2, wait_until_applied, {}});
    const ComparedRows compared = both.compare();
    CHECK(compared.differences.empty());
    undecided += compared.undecided.size();
    CHECK(compared.undecided.size() <= 2);
  }
  // Real differences are found among all that.
  cluster.sql("beta", "UPDATE things SET jb = '{}' WHERE a = 50; DELETE FROM things WHERE a = 51");
  CHECK(comparison(cluster, SlotSet::all(16), {2, wait_until_applied, {}}).compare().difference_count == 2);
  done = true;
  writer.join();
  wait_until_applied();
  CHECK(comparison(cluster).compare().difference_count == 2);
  pqxx::nontransaction(follower).exec("DROP SUBSCRIPTION following");
  MESSAGE(undecided << " rows were undecided");
}
