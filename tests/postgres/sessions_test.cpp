#include "postgres/sessions.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/postgres/worker.hpp"

namespace shardplex::test {
namespace {

AgreedValues values_with(const std::string& time_zone) {
  AgreedValues values;
  values.front() = time_zone;
  return values;
}

std::string show(Worker& worker, const std::string& setting) {
  return std::string(worker.execute("SELECT current_setting('" + setting + "')").value().front().bytes(0, 0));
}

}  // namespace

TEST_CASE(
    "sessions are held to what the first one had, until shards vote, and who has it otherwise is named") {
  postgres::Sessions sessions;
  CHECK_FALSE(sessions.agreed());
  CHECK_FALSE(sessions.in_utc());
  CHECK(sessions.agree({"a", "a:1"}, values_with("UTC")).values == values_with("UTC"));
  CHECK(sessions.in_utc());
  CHECK(sessions.agree({"b", "b:2"}, values_with("Asia/Tokyo")).values == values_with("UTC"));
  CHECK(sessions.agreed()->values == values_with("UTC"));
  CHECK(sessions.problems() ==
        std::vector<std::string>{
            "TimeZone is Asia/Tokyo on b:2 and UTC on a:1; all sessions are held to the latter"});
  sessions.agree({"b", "b:2"}, values_with("UTC"));
  CHECK(sessions.problems().empty());
}

TEST_CASE("UTC is known by its names, and no other zone is taken for it") {
  for (const auto* name : {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "UCT", "Zulu", "Etc/Universal"})
    CHECK(is_utc(name));
  for (const auto* name :
       {"", "utc", "Etc/", "Etc/GMT+1", "Europe/London", "Etc/Etc/UTC", "<+00>+00", "UTC "})
    CHECK_FALSE(is_utc(name));
}

TEST_CASE("each shard has one vote, by the first of its servers that has told, and the most decide") {
  postgres::Sessions sessions;
  const std::vector<std::vector<postgres::Sessions::Server>> shards{
      {{"a", "alpha"}, {"a1", "alpha-1"}}, {{"b", "beta"}}, {{"c", "gamma"}}};
  sessions.elect(shards);
  CHECK_FALSE(sessions.agreed());
  for (const auto* replica : {"x", "a1"})
    sessions.agree({replica, "wrong"}, values_with("Asia/Tokyo"));  // x is of no shard
  sessions.agree({"b", "b:2"}, values_with("UTC"));
  sessions.elect(shards);
  CHECK(sessions.agreed()->values == values_with("Asia/Tokyo"));  // of equals the first
  CHECK_FALSE(sessions.in_utc());
  const auto before = sessions.generation();
  sessions.agree({"a", "a:1"}, values_with("UTC"));
  CHECK(sessions.generation() == before);
  sessions.elect(shards);
  CHECK(sessions.agreed()->values == values_with("UTC"));
  CHECK(sessions.generation() > before);
  CHECK(sessions.problems() ==
        std::vector<std::string>{
            "TimeZone is Asia/Tokyo on alpha-1 and UTC on alpha; all sessions are held to the latter"});
  const auto elected = sessions.generation();
  sessions.agree({"c", "c:3"}, values_with("Asia/Tokyo"));
  sessions.elect(shards);
  CHECK(sessions.generation() == elected);  // two to one
}

TEST_CASE("values that were elected stay until others have more votes") {
  postgres::Sessions sessions;
  const std::vector<std::vector<postgres::Sessions::Server>> shards{
      {{"a", "alpha"}}, {{"b", "beta"}}, {{"c", "gamma"}}};
  sessions.agree({"b", "b:2"}, values_with("UTC"));
  sessions.elect(shards);
  const auto elected = sessions.generation();
  CHECK_FALSE(sessions.differs("b"));
  sessions.agree({"a", "a:1"}, values_with("Asia/Tokyo"));
  CHECK(sessions.differs("a"));
  CHECK_FALSE(sessions.differs("unheard of"));
  sessions.elect(shards);
  CHECK(sessions.generation() == elected);
  CHECK(sessions.agreed()->values == values_with("UTC"));
  sessions.agree({"c", "c:3"}, values_with("Asia/Tokyo"));
  sessions.elect(shards);
  CHECK(sessions.agreed()->values == values_with("Asia/Tokyo"));
  CHECK_FALSE(sessions.differs("a"));
  CHECK(sessions.differs("b"));
}

TEST_CASE("what one server is set to locks no other out: the vote is followed by sessions that are open") {
  Server server;
  server.run_sql("CREATE TEXT SEARCH CONFIGURATION public.ours (COPY = simple)");
  server.run_sql("ALTER DATABASE postgres SET default_text_search_config = 'public.ours'");
  server.run_sql("CREATE DATABASE other");
  PoolSettings settings = one_connection(server.conninfo());
  Worker first(settings);
  CHECK(show(first, "default_text_search_config") == "public.ours");
  settings.connection.conninfo = server.conninfo("other");
  Worker second(settings);
  const auto refused = second.execute("SELECT 1");
  REQUIRE(refused.has_error());
  CHECK(refused.error().message.find("it cannot be set as the other shards are: invalid value for parameter "
                                     "\"default_text_search_config\"") != std::string::npos);
  auto& sessions = *settings.connection.sessions;
  sessions.elect({{{server.conninfo("other"), "other"}}, {{server.conninfo(), "postgres"}}});
  second.wait_until([&] { return second.pool().state(Lane::read).ready == 1; });
  const auto own = show(second, "default_text_search_config");
  CHECK(own != "public.ours");
  CHECK(show(first, "default_text_search_config") == own);
  CHECK(sessions.problems().size() == 1);
  server.run_sql("ALTER DATABASE postgres RESET default_text_search_config");
  first.pool().replace_idle_connections();
  CHECK(show(first, "default_text_search_config") == own);
  CHECK(sessions.problems().empty());
}

TEST_CASE("a backend that two open sessions have is a pooler's, and one that is given back is not") {
  postgres::Sessions sessions;
  CHECK(sessions.enter("dbname=a", "7", "a:1"));
  CHECK(sessions.enter("dbname=b", "7", "b:2"));
  sessions.leave("dbname=a", "7");
  CHECK(sessions.enter("dbname=a", "7", "a:1"));
  CHECK(sessions.problems().empty());
  CHECK_FALSE(sessions.enter("dbname=a", "7", "a:1"));
  REQUIRE(sessions.problems().size() == 1);
  CHECK(sessions.problems().front().find("pool_mode = session") != std::string::npos);
}

TEST_CASE("sessions answer alike on servers, databases and for roles that are set otherwise") {
  Server server;
  server.run_sql("CREATE ROLE web SUPERUSER LOGIN; CREATE SCHEMA web");
  server.run_sql("CREATE DATABASE other");
  server.run_sql("ALTER ROLE web SET IntervalStyle = 'iso_8601'; ALTER ROLE web SET bytea_output = 'escape'");
  server.run_sql("ALTER ROLE web SET DateStyle = 'German, DMY'; ALTER ROLE web SET extra_float_digits = -5");
  server.run_sql("ALTER ROLE web SET search_path = web; ALTER ROLE web SET transform_null_equals = on");
  server.run_sql("ALTER ROLE web SET default_transaction_isolation = 'serializable'");
  server.run_sql("ALTER DATABASE postgres SET TimeZone = 'Asia/Tokyo'");
  server.run_sql("ALTER DATABASE other SET TimeZone = 'America/Lima'");
  PoolSettings settings = one_connection(server.conninfo() + " user=web");
  Worker first(settings);
  CHECK(show(first, "TimeZone") == "Asia/Tokyo");  // the operator's
  CHECK(show(first, "DateStyle") == "ISO, DMY");   // the order is
  CHECK(show(first, "IntervalStyle") == "postgres");
  CHECK(show(first, "bytea_output") == "hex");
  CHECK(show(first, "extra_float_digits") == "1");
  CHECK(show(first, "search_path") == "public");
  CHECK(show(first, "transform_null_equals") == "off");
  CHECK(show(first, "default_transaction_isolation") == "read committed");
  CHECK(show(first, "jit") == "off");
  settings.connection.conninfo = server.conninfo("other") + " user=web";
  Worker second(settings);
  CHECK(show(second, "TimeZone") == "Asia/Tokyo");
  CHECK(settings.connection.sessions->problems().size() == 1);
}

}  // namespace shardplex::test
