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

TEST_CASE("all sessions are held to what the first one had, and who had it otherwise is named") {
  postgres::Sessions sessions;
  CHECK_FALSE(sessions.agreed());
  CHECK(sessions.agree("a:1", values_with("UTC")) == values_with("UTC"));
  CHECK(sessions.agree("b:2", values_with("Asia/Tokyo")) == values_with("UTC"));
  CHECK(sessions.agreed() == values_with("UTC"));
  CHECK(sessions.problems() ==
        std::vector<std::string>{
            "TimeZone is Asia/Tokyo on b:2 and UTC on a:1; all sessions are held to the latter"});
  sessions.agree("b:2", values_with("UTC"));
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
