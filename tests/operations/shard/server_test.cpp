#include "operations/shard/server.hpp"

#include <doctest/doctest.h>

using namespace shardplex::operations;

TEST_CASE("servers are named without their credentials") {
  const std::string conninfo = "host=db1 port=6000 dbname=movies user=u password='se cret'";
  CHECK(address_of(conninfo) == "db1:6000/movies");
  CHECK(without_password(conninfo) == "dbname='movies' host='db1' port='6000' user='u'");
  CHECK(address_of("postgresql://u:secret@db2:6001/films") == "db2:6001/films");
  CHECK(without_password("postgresql://u:secret@db2/films").find("secret") == std::string::npos);
  CHECK(with_defaults("host=a connect_timeout=9").find("connect_timeout='9'") != std::string::npos);
  CHECK(with_defaults("host=a").find("connect_timeout='5'") != std::string::npos);
}
