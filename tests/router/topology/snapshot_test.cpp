#include "router/topology/snapshot.hpp"

#include <doctest/doctest.h>

using shardplex::router::address_of;

TEST_CASE("a server's address is its host and port, and never its password") {
  CHECK(address_of("host=10.0.0.1 port=5433 dbname=movies user=u password=secret") == "10.0.0.1:5433");
  CHECK(address_of("postgresql://u:secret@db.example:6000/movies") == "db.example:6000");
  CHECK(address_of("dbname=movies") == "localhost:5432");
  CHECK(address_of("this is not = a connection string '") == "?");
}
