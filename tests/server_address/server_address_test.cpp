#include "server_address/server_address.hpp"

#include <doctest/doctest.h>

using namespace shardplex;

namespace {

std::string written(const std::string& conninfo) {
  const auto address = server_address(conninfo);
  return address ? address->host + ":" + address->port + "/" + address->database : "?";
}

}  // namespace

TEST_CASE("an address is where libpq connects to, with its defaults") {
  CHECK(written("host=db1 port=6000 dbname=movies user=u password='se cret'") == "db1:6000/movies");
  CHECK(written("postgresql://u:secret@db2:6001/films") == "db2:6001/films");
  CHECK(written("host=db1 user=u port=''") == "db1:5432/u");
  CHECK(written("host=db1 hostaddr=10.0.0.1 dbname=m") == "10.0.0.1:5432/m");
  CHECK(written("host=/run/postgresql dbname=m") == "/run/postgresql:5432/m");
  CHECK(written("host='' dbname=m") == "localhost:5432/m");
  CHECK(written("this is not = a connection string '") == "?");
  CHECK(written("host=a unknown=b") == "?");
}

TEST_CASE("options make a connection string again") {
  const ConnectionOptions options{{"host", "a b"}, {"password", R"(it's a \)"}};
  CHECK(connection_options(to_conninfo(options)) == options);
  CHECK(connection_options("") == ConnectionOptions{});
}

TEST_CASE("an address alone says where a server is, and nothing of who connects to it") {
  CHECK(address_only("host=db1 port=6000 dbname=movies user=u password=secret sslmode=require") ==
        "dbname='movies' host='db1' port='6000'");
  CHECK(address_only("postgresql://u:secret@db2:6001/films") == "dbname='films' host='db2' port='6001'");
  // libpq's own default, which another user's would not be.
  CHECK(address_only("host=db1 user=u") == "dbname='u' host='db1'");
  CHECK(address_only("service=movies") == "service='movies'");
  CHECK(address_only("no connection string").empty());
}

TEST_CASE("credentials are kept, and lead to another server") {
  CHECK(with_credentials_of("host=a port=1 dbname=x user=web sslmode=require", "host=b dbname=y") ==
        "dbname='y' host='b' sslmode='require' user='web'");
  CHECK(with_credentials_of("service=mine", "host=b dbname=y") == "dbname='y' host='b' service='mine'");
  CHECK(with_credentials_of("no connection string", "host=b") == "host=b");
}
