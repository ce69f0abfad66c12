#include "operations/replication/slot_copy.hpp"

#include <signal.h>

#include <memory>

#include "operations/shard/server.hpp"
#include "tests/operations/cluster_test.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using namespace shardplex::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* replication_slot_name = "shardplex_test_f";
const CopyWatch nobody{[](auto, auto) {}, [] {}};

SlotSet slots(std::initializer_list<std::uint32_t> numbers) {
  SlotSet set = SlotSet::none(1024);
  for (const std::uint32_t number : numbers) set.insert(Slot{number});
  return set;
}

const MovedTable things{"things", {"id", "text", "shardplex_slot"}, {}, {"id"}};

/// Two servers with an empty table `things`. No replication slot outlives it.
class Pair {
 public:
  explicit Pair(const std::string& source_columns = "id bigint PRIMARY KEY, text text, shardplex_slot int",
                const std::string& target_columns = "id bigint PRIMARY KEY, text text, shardplex_slot int") {
    cluster.reset();
    drop_replication_slots();
    cluster.sql("alpha", "CREATE TABLE things (" + source_columns + ")");
    cluster.sql("beta", "CREATE TABLE things (" + target_columns + ")");
  }
  ~Pair() { drop_replication_slots(); }
  Pair(const Pair&) = delete;

  void fill(int rows, const std::string& text = "'row ' || i") const {
    cluster.sql("alpha", "INSERT INTO things (id, text, shardplex_slot) SELECT i, " + text +
                             ", i % 1024 FROM generate_series(1, " + std::to_string(rows) + ") i");
  }
  std::string slots_left() const { return cluster.sql("alpha", "SELECT count(*)" + ours); }

  Cluster& cluster = hash_cluster();

 private:
  void drop_replication_slots() const {
    cluster.sql("alpha", "SELECT pg_drop_replication_slot(slot_name)" + ours);
  }
  const std::string ours = " FROM pg_replication_slots WHERE slot_name LIKE 'shardplex%'";
};

/// The two transactions of a copy. It begins with the snapshot where there is one.
struct Sessions {
  explicit Sessions(const Pair& pair, const ReplicationSlotSnapshot* snapshot = nullptr)
      : source(pair.cluster.conninfo("alpha")), target(pair.cluster.conninfo("beta")) {
    source.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (snapshot != nullptr) source.execute("SET TRANSACTION SNAPSHOT '" + snapshot->snapshot() + "'");
    target.execute("BEGIN");
  }

  void copy(const SlotSet& which, const CopyWatch& watch = nobody, std::uint64_t bytes_per_second = 0,
            const MovedTable& table = things) {
    RateLimit rate(bytes_per_second);
    copy_table(source, target, table, which, rate, watch);
  }

  /// What the failure of a copy says; "" where it did not fail.
  std::string failure(const CopyWatch& watch = nobody, std::uint64_t bytes_per_second = 0) {
    try {
      copy(SlotSet::all(1024), watch, bytes_per_second);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }

  CopySession source, target;
};

bool usable(CopySession& session) {
  session.execute("ROLLBACK");
  return session.execute("SELECT 'yes'") == "yes";
}

bool is_lost(CopySession& session) {
  try {
    session.execute("ROLLBACK");
    return false;
  } catch (const SqlFailure& failure) {
    return failure.sqlstate.empty();
  }
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a copy takes the rows of its slots, all of them and no others") {
  const Pair pair;
  pair.fill(20'000);
  Sessions sessions(pair);
  std::uint64_t rows = 0, bytes = 0;
  const CopyWatch watch{[&](auto more_rows, auto more_bytes) { rows += more_rows, bytes += more_bytes; },
                        [] {}};
  sessions.copy(slots({0, 3, 512, 1023}), watch);
  CHECK(pair.cluster.sql("beta", "SELECT count(*) FROM things") == "0");  // not committed yet
  sessions.target.execute("COMMIT");
  const std::string sum = "SELECT count(*) || ' ' || sum(hashtext(t::text)::bigint) FROM things t";
  const std::string wanted = pair.cluster.sql("alpha", sum + " WHERE shardplex_slot IN (0, 3, 512, 1023)");
  CHECK(pair.cluster.sql("beta", sum) == wanted);
  CHECK(std::to_string(rows) == wanted.substr(0, wanted.find(' ')));
  CHECK(rows > 70);
  CHECK(bytes > rows * 20);
}

TEST_CASE("a copy of slots without rows copies nothing") {
  const Pair pair;
  Sessions sessions(pair);
  std::uint64_t rows = 0;
  sessions.copy(slots({7}), {[&](auto more, auto) { rows += more; }, [] {}});
  sessions.copy(SlotSet::none(1024), {[&](auto more, auto) { rows += more; }, [] {}});
  sessions.target.execute("COMMIT");
  CHECK(rows == 0);
  CHECK(pair.cluster.sql("beta", "SELECT count(*) FROM things") == "0");
}

TEST_CASE("what is committed before the slot is in its snapshot, and what is later comes out of the slot") {
  const Pair pair;
  pair.cluster.sql("alpha", "CREATE PUBLICATION changes FOR TABLE things");
  pair.fill(10, "'before'");
  std::string consistent_point;
  {
    const ReplicationSlotSnapshot snapshot(pair.cluster.conninfo("alpha"), replication_slot_name, 30s);
    consistent_point = snapshot.consistent_point();
    pair.cluster.sql("alpha", "UPDATE things SET text = 'after' WHERE id = 4");
    pair.cluster.sql("alpha", "INSERT INTO things VALUES (11, 'after', 11)");
    Sessions sessions(pair, &snapshot);
    sessions.copy(SlotSet::all(1024));
    sessions.target.execute("COMMIT");
  }
  CHECK(pair.cluster.sql("beta", "SELECT count(*) || ' ' || min(text) || ' ' || max(text) FROM things") ==
        "10 before before");
  const std::string peek =
      " FROM pg_logical_slot_peek_binary_changes('shardplex_test_f', NULL, NULL, 'proto_version', '1', "
      "'publication_names', 'changes') WHERE ";
  CHECK(pair.cluster.sql("alpha", "SELECT count(*)" + peek + "position('after'::bytea IN data) > 0") == "2");
  CHECK(pair.cluster.sql("alpha", "SELECT count(*)" + peek + "position('before'::bytea IN data) > 0") == "0");
  CHECK(pair.cluster.sql("alpha",
                         "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE NOT temporary "
                         "AND plugin = 'pgoutput' AND slot_name = 'shardplex_test_f'") == consistent_point);
}

TEST_CASE("a snapshot is not ended by the time limits of the role") {
  const Pair pair;
  pair.fill(5);
  pair.cluster.sql("alpha", "ALTER ROLE shardplex SET idle_in_transaction_session_timeout = '50ms'");
  const ReplicationSlotSnapshot snapshot(pair.cluster.conninfo("alpha"), replication_slot_name, 30s);
  pair.cluster.sql("alpha", "ALTER ROLE shardplex RESET idle_in_transaction_session_timeout");
  pair.cluster.sql("alpha", "SELECT pg_sleep(0.2)");  // four times the limit that would end it
  Sessions sessions(pair, &snapshot);
  sessions.copy(SlotSet::all(1024));
  sessions.target.execute("COMMIT");
  CHECK(pair.cluster.sql("beta", "SELECT count(*) FROM things") == "5");
}

TEST_CASE("a slot that waits too long for an open transaction is given up and leaves nothing") {
  const Pair pair;
  CopySession writer(pair.cluster.conninfo("alpha"));
  writer.execute("BEGIN");
  writer.execute("INSERT INTO things VALUES (1, 'open', 1)");
  try {
    const ReplicationSlotSnapshot snapshot(pair.cluster.conninfo("alpha"), replication_slot_name, 1s);
    FAIL("the slot was made while a transaction was open");
  } catch (const SqlFailure& failure) {
    CHECK(failure.sqlstate == "57014");
    CHECK(
        std::string(failure.what()) ==
        "replication slot shardplex_test_f could not be made within 1 s: it waits for every transaction that "
        "was open when it began");
  }
  CHECK(pair.slots_left() == "0");
  writer.execute("COMMIT");
  const ReplicationSlotSnapshot snapshot(pair.cluster.conninfo("alpha"), replication_slot_name, 30s);
  CHECK(pair.slots_left() == "1");
}

TEST_CASE("a slot whose name is taken, or whose server cannot be reached, is a failure that says so") {
  const Pair pair;
  const std::string alpha = pair.cluster.conninfo("alpha");
  const ReplicationSlotSnapshot snapshot(alpha, replication_slot_name, 30s);
  CHECK_THROWS_WITH_AS(ReplicationSlotSnapshot(alpha, replication_slot_name, 30s),
                       "replication slot \"shardplex_test_f\" already exists", SqlFailure);
  CHECK(pair.slots_left() == "1");
  CHECK_THROWS_AS(ReplicationSlotSnapshot("host=127.0.0.1 port=1 dbname=movies", replication_slot_name, 30s),
                  SqlFailure);
}

TEST_CASE("columns go by name, and the target computes the generated ones") {
  const Pair pair(
      "id bigint PRIMARY KEY, text text, shardplex_slot int, \"odd \"\"name\" int, "
      "shout text GENERATED ALWAYS AS (upper(text)) STORED",
      "shardplex_slot int, shout text GENERATED ALWAYS AS (upper(text)) STORED, gone int, "
      "\"odd \"\"name\" int, text text, id bigint PRIMARY KEY");
  pair.cluster.sql("beta", "ALTER TABLE things DROP gone");
  pair.fill(100);
  pair.cluster.sql("alpha", "UPDATE things SET \"odd \"\"name\" = id + 1000");
  Sessions sessions(pair);
  sessions.copy(SlotSet::all(1024), nobody, 0,
                {"things", {"id", "text", "shardplex_slot", "odd \"name"}, {"shout"}, {"id"}});
  sessions.target.execute("COMMIT");
  const std::string rows =
      "SELECT string_agg(concat_ws(',', id, text, shardplex_slot, \"odd \"\"name\", shout), ' ' ORDER BY id) "
      "FROM things";
  CHECK(pair.cluster.sql("beta", rows) == pair.cluster.sql("alpha", rows));
  CHECK(contains(pair.cluster.sql("beta", rows), "100,row 100,100,1100,ROW 100"));
}

TEST_CASE("rows of every kind of type arrive as they are, extreme values and nulls included") {
  const std::string columns =
      "id bigint PRIMARY KEY, shardplex_slot int, a smallint, b numeric, c real, d double precision, e "
      "varchar(9), "
      "f char(4), g bytea, h boolean, i date, j timestamp, k timestamptz, l time, m timetz, n interval, o "
      "uuid, "
      "p json, q jsonb, r inet, s macaddr, t text[], u int[][], v int4range, w mood, x mood[], y pair, z "
      "tsvector, "
      "aa varbit, ab point, ac xml, ad money, ae positive, af numeric(5,2)[]";
  const std::string types =
      "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TYPE pair AS (x int, y mood); "
      "CREATE DOMAIN positive AS int CHECK (VALUE > 0); ";
  const Pair pair;
  for (const std::string server : {"alpha", "beta"}) {
    // Other numbers for the same types on either side.
    if (server == "beta")
      pair.cluster.sql(server, "CREATE TYPE before AS ENUM (); CREATE TYPE more AS (x int)");
    pair.cluster.sql(server, types + "CREATE TABLE kinds (" + columns + ")");
  }
  pair.cluster.sql("alpha", R"sql(INSERT INTO kinds VALUES
    (1, 1, -32768, 'NaN', 'Infinity', '-Infinity', 'ü€😀', 'ab', '\x00ff00', true, 'infinity', '-infinity', 'infinity',
     '24:00', '23:59:59.999999+14', '-178000000 years 3 mons -1 day 00:00:00.000001', '00000000-0000-0000-0000-000000000000',
     '{"a" : 1, "a":2}', '{"a": [1, null, 1e400]}', '::ffff:1.2.3.4/100', '08:00:2b:01:02:03', '{a,NULL,"",NULL}',
     '[2:3][0:1]={{1,2},{3,4}}', 'empty', 'glad', '{sad,NULL}', '(7,glad)', 'a:1A b:2', B'10101', '(1e300,-0)', '<a>b</a>',
     '-92233720368547758.08', 3, '{1.00,NULL}'),
    (2, 2, 1, '1e-1000'::numeric + 12345678901234567890123456789, 1e-45, 4.9e-324, '', '', '', false, '4713-01-01 BC',
     '294276-12-31 23:59:59.999999', '1970-01-01 00:00:00-15', '00:00', '00:00-15:59', '0', gen_random_uuid(), 'null', 'null',
     '::', '00:00:00:00:00:00', '{}', '{}', '[1,)', 'sad', '{}', '(,)', '', B'', '(0,0)', '', '0', 1, '{}');
    INSERT INTO kinds VALUES (3, 3))sql");
  MovedTable kinds{"kinds", {}, {}, {"id"}};
  {
    const auto connection = connect(pair.cluster.conninfo("alpha"));
    pqxx::nontransaction transaction(*connection);
    for (const auto& row :
         transaction.exec("SELECT attname FROM pg_attribute WHERE attrelid = 'kinds'::regclass "
                          "AND attnum > 0 ORDER BY attnum"))
      kinds.columns.push_back(row[0].as<std::string>());
  }
  Sessions sessions(pair);
  sessions.copy(SlotSet::all(1024), nobody, 0, kinds);
  sessions.target.execute("COMMIT");
  const std::string rows = "SELECT string_agg(whole::text, E'\\n' ORDER BY id) FROM kinds whole";
  CHECK(pair.cluster.sql("beta", rows) == pair.cluster.sql("alpha", rows));
  CHECK(contains(pair.cluster.sql("beta", rows), "😀"));
}

TEST_CASE("rows of five megabytes pass whole") {
  const Pair pair;
  pair.fill(6, "(SELECT string_agg(md5((i * n)::text), '') FROM generate_series(1, 163840) n)");
  Sessions sessions(pair);
  sessions.copy(SlotSet::all(1024));
  sessions.target.execute("COMMIT");
  const std::string sum = "SELECT string_agg(md5(text), ',' ORDER BY id) FROM things";
  CHECK(pair.cluster.sql("beta", sum) == pair.cluster.sql("alpha", sum));
  CHECK(pair.cluster.sql("beta", "SELECT min(length(text)) FROM things") == "5242880");
}

TEST_CASE("triggers and foreign keys of the target do not fire") {
  const Pair pair;
  pair.fill(10);
  pair.cluster.sql("beta", R"sql(
    CREATE TABLE texts (text text PRIMARY KEY); ALTER TABLE things ADD FOREIGN KEY (text) REFERENCES texts;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fired'; END $$;
    CREATE TRIGGER t BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION refuse())sql");
  Sessions sessions(pair);
  sessions.copy(SlotSet::all(1024));
  sessions.target.execute("COMMIT");
  CHECK(pair.cluster.sql("beta", "SELECT count(*) FROM things") == "10");
}

TEST_CASE("a trigger that fires always and leaves rows out fails the copy") {
  const Pair pair;
  pair.fill(10);
  pair.cluster.sql("beta", R"sql(
    CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE WARNING 'seen'; RETURN CASE WHEN new.id > 4 THEN new END; END $$;
    CREATE TRIGGER t BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION leave_out();
    ALTER TABLE things ENABLE ALWAYS TRIGGER t)sql");
  Sessions sessions(pair);
  CHECK(sessions.failure() == "writing things to the target: it kept 6 rows of 10");
  CHECK(usable(sessions.source));
  CHECK(usable(sessions.target));
}

TEST_CASE(
    "a target that cannot read the rows or has one already fails the copy, and both sides can be used") {
  const Pair pair("id bigint PRIMARY KEY, text text, shardplex_slot int",
                  "id bigint PRIMARY KEY, text text, shardplex_slot bigint");
  pair.fill(10);
  Sessions sessions(pair);
  CHECK(contains(sessions.failure(), "writing things to the target: insufficient data left in message"));
  CHECK(usable(sessions.source));
  CHECK(usable(sessions.target));

  pair.cluster.sql("beta",
                   "ALTER TABLE things ALTER shardplex_slot TYPE int; INSERT INTO things VALUES (9, 'x', 9)");
  Sessions again(pair);
  try {
    again.copy(SlotSet::all(1024));
    FAIL("the key was inserted twice");
  } catch (const SqlFailure& failure) {
    CHECK(failure.sqlstate == "23505");
    CHECK(failure.detail == "Key (id)=(9) already exists.");
  }
  CHECK(usable(again.source));
  CHECK(usable(again.target));
}

TEST_CASE("a refusal by the target is noticed when it happens, not at the end of the data") {
  const Pair pair;
  pair.fill(20'000, "repeat('x', 1000)");
  pair.cluster.sql("beta", "INSERT INTO things VALUES (1, 'in the way', 1)");
  Sessions sessions(pair);
  std::uint64_t bytes = 0;
  const CopyWatch watch{[&](auto, auto more) { bytes += more; }, [] {}};
  CHECK(contains(sessions.failure(watch, 1 << 20), "duplicate key value"));  // would take 20 seconds
  CHECK(bytes < 5'000'000);
  CHECK(usable(sessions.source));
  CHECK(usable(sessions.target));
}

TEST_CASE("a table that is missing on one side fails the copy and names the side") {
  const Pair pair;
  pair.cluster.sql("beta", "DROP TABLE things");
  Sessions no_target(pair);
  CHECK(no_target.failure() == "writing things to the target: relation \"public.things\" does not exist");
  CHECK(usable(no_target.source));
  CHECK(usable(no_target.target));
  pair.cluster.sql("alpha", "DROP TABLE things");
  Sessions no_source(pair);
  CHECK(no_source.failure() == "reading things from the source: relation \"public.things\" does not exist");
  CHECK(usable(no_source.source));
  CHECK(usable(no_source.target));
}

// The copies below are slowed down so that they last until something happens to them.
constexpr std::uint64_t slow = 1 << 20;
constexpr const char* ten_kilobytes = "repeat('x', 10000)";

TEST_CASE("a check that throws ends the copy on both sides, and both can be used") {
  const Pair pair;
  pair.fill(20'000, ten_kilobytes);
  Sessions sessions(pair);
  int checks = 0;
  const CopyWatch watch{[](auto, auto) {},
                        [&] {
                          if (++checks == 3) throw std::runtime_error("enough");
                        }};
  CHECK(sessions.failure(watch, slow) == "enough");
  CHECK(usable(sessions.source));
  CHECK(usable(sessions.target));
  CHECK(pair.cluster.sql("beta", "SELECT count(*) FROM things") == "0");
}

TEST_CASE("a copy that waits for a lock on either side is watched, and can be ended") {
  const Pair pair;
  pair.fill(10);
  for (const std::string server : {"alpha", "beta"}) {
    CAPTURE(server);
    CopySession holder(pair.cluster.conninfo(server));
    holder.execute("BEGIN");
    holder.execute("LOCK TABLE things");
    Sessions sessions(pair);
    const CopyWatch watch{[](auto, auto) {}, [] { throw std::runtime_error("enough"); }};
    CHECK(sessions.failure(watch) == "enough");
    CHECK(usable(sessions.source));
    CHECK(usable(sessions.target));
  }
}

TEST_CASE("a source whose statement is cancelled fails the copy, and the target keeps nothing") {
  const Pair pair;
  pair.fill(20'000, ten_kilobytes);
  Sessions sessions(pair);
  const auto pid = sessions.source.execute("SELECT pg_backend_pid()");
  const CopyWatch watch{[](auto, auto) {},
                        [&] { pair.cluster.sql("alpha", "SELECT pg_cancel_backend(" + *pid + ")"); }};
  CHECK(sessions.failure(watch, slow) ==
        "reading things from the source: canceling statement due to user request");
  CHECK(usable(sessions.source));
  sessions.target.execute("COMMIT");  // of a failed transaction: a rollback
  CHECK(pair.cluster.sql("beta", "SELECT count(*) FROM things") == "0");
}

TEST_CASE("a server that dies fails the copy; its connection is lost, the other's is not") {
  const Pair pair;
  pair.fill(20'000, ten_kilobytes);
  for (const std::string server : {"alpha", "beta"}) {
    CAPTURE(server);
    Sessions sessions(pair);
    bool killed = false;
    const CopyWatch watch{[](auto, auto) {},
                          [&] {
                            if (!std::exchange(killed, true)) pair.cluster.control("kill", server);
                          }};
    const std::string failure = sessions.failure(watch, slow);
    pair.cluster.control("start-server", server);
    CHECK(failure.starts_with(server == "alpha" ? "reading things from the source: "
                                                : "writing things to the target: "));
    CHECK(is_lost(server == "alpha" ? sessions.source : sessions.target));
    CHECK(usable(server == "alpha" ? sessions.target : sessions.source));
  }
}

TEST_CASE("a server that does not answer to a cancel is hung up on") {
  const Pair pair;
  pair.fill(20'000, ten_kilobytes);
  Sessions sessions(pair);
  const pid_t pid = std::stoi(sessions.source.execute("SELECT pg_backend_pid()").value());
  const CopyWatch watch{[](auto, auto) {},
                        [&] {
                          kill(pid, SIGSTOP);
                          throw std::runtime_error("enough");
                        }};
  const std::string failure = sessions.failure(watch, slow);
  kill(pid, SIGCONT);
  CHECK(failure == "enough");
  CHECK(is_lost(sessions.source));
  CHECK(usable(sessions.target));
}

TEST_CASE("a rate limit lets through its bytes per second, of all who share it, and saves up nothing") {
  using Time = std::chrono::steady_clock::time_point;
  RateLimit limit(1000);
  const Time start{1h};
  CHECK(limit.reserve(100, start) == start);  // a tenth of a second may be caught up with
  CHECK(limit.reserve(500, start) == start + 500ms);
  CHECK(limit.reserve(500, start) == start + 1s);  // another mover at the same moment
  CHECK(limit.reserve(0, start + 600ms) == start + 1s);
  CHECK(limit.reserve(100, start + 10s) == start + 10s);  // not the nine seconds that were unused
  CHECK(limit.reserve(1, start + 10s) == start + 10s + 1ms);
  RateLimit none(0);
  CHECK(none.reserve(std::uint64_t{1} << 60, start) == start);
}

TEST_CASE("whatever is moved and whenever, a rate limit is kept over any time that is spent waiting for it") {
  RateLimit limit(1'000'000);
  std::uint64_t state = 20240601, moved = 0;  // fixed seed
  const auto random = [&](std::uint64_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33) % below;
  };
  const std::chrono::steady_clock::time_point start{1h};
  auto now = start;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t bytes = 1 + random(100'000);
    const auto free_at = limit.reserve(bytes, now);
    moved += bytes;
    now = std::max(now, free_at) + std::chrono::microseconds(random(2000));
    const double seconds = std::chrono::duration<double>(now - start).count();
    REQUIRE(static_cast<double>(moved) <= 1e6 * (seconds + 0.1) + 1);
  }
  const double seconds = std::chrono::duration<double>(now - start).count();
  CHECK(static_cast<double>(moved) > 0.99 * 1e6 * seconds);  // oversleeping is made up for
}
