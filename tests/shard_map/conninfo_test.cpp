#include "shard_map/conninfo.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using namespace shardplex;

TEST_CASE("connection strings are read as libpq reads them") {
  struct Row {
    std::string text;
    std::optional<Conninfo> expected;
  };
  const std::vector<Row> rows = {
      {"host=a port=5441 dbname=movies", Conninfo{{"host", "a"}, {"port", "5441"}, {"dbname", "movies"}}},
      {"  host = a\n dbname\t=movies ", Conninfo{{"host", "a"}, {"dbname", "movies"}}},
      {"user='a b' dbname='it\\'s'", Conninfo{{"user", "a b"}, {"dbname", "it's"}}},
      {"dbname=a\\ b", Conninfo{{"dbname", "a b"}}},
      {"dbname='' host=a", Conninfo{{"dbname", ""}, {"host", "a"}}},
      {"host=a host=b", Conninfo{{"host", "b"}}},
      {"", Conninfo{}},
      {"movies", std::nullopt},
      {"host=a movies", std::nullopt},
      {"=a", std::nullopt},
      {"dbname='open", std::nullopt},
      {"postgresql://", Conninfo{}},
      {"postgres://h/db", Conninfo{{"host", "h"}, {"dbname", "db"}}},
      {"postgresql://u@h:5441/db?sslmode=require&application_name=a%20b",
       Conninfo{{"user", "u"},
                {"host", "h"},
                {"port", "5441"},
                {"dbname", "db"},
                {"sslmode", "require"},
                {"application_name", "a b"}}},
      {"postgresql://u:p%40w@h", Conninfo{{"user", "u"}, {"password", "p@w"}, {"host", "h"}}},
      {"postgresql://u:@h", Conninfo{{"user", "u"}, {"host", "h"}}},
      {"postgresql://[::1]:5441/db", Conninfo{{"host", "::1"}, {"port", "5441"}, {"dbname", "db"}}},
      {"postgresql://a:1,b:2/db", Conninfo{{"host", "a,b"}, {"port", "1,2"}, {"dbname", "db"}}},
      {"postgresql:///db?host=/run/postgresql", Conninfo{{"dbname", "db"}, {"host", "/run/postgresql"}}},
      {"postgresql://%2Frun/db", Conninfo{{"host", "/run"}, {"dbname", "db"}}},
      {"postgresql://[::1", std::nullopt},
      {"postgresql://[]", std::nullopt},
      {"postgresql://h/d%zz", std::nullopt},
      {"postgresql://h/d%4", std::nullopt},
      {"postgresql://h/d%00", std::nullopt},
      {"postgresql://u%zz@h", std::nullopt},
      {"postgresql://u:%zz@h", std::nullopt},
      {"postgresql://h?sslmode", std::nullopt},
      {"postgresql://h?=x", std::nullopt},
      {"postgresql://h?a=b=c", std::nullopt},
  };
  for (const auto& [text, expected] : rows) {
    CAPTURE(text);
    CHECK(parse_conninfo(text) == expected);
  }
}

TEST_CASE("a password is seen wherever libpq would take one from") {
  for (const std::string text : {"host=a password=secret", "password = 'se cret'", "sslpassword=secret",
                                 "postgresql://u:secret@h/db", "postgresql://h/db?password=secret",
                                 "postgresql://h/db?p%61ssword=secret", "postgresql://u:se%63ret@h"}) {
    CAPTURE(text);
    CHECK(has_password(parse_conninfo(text).value()));
  }
  for (const std::string text : {"host=a passfile=/etc/pass", "service=movies", "postgresql://u@h/db",
                                 "password=''", "dbname=password", "postgresql://u:@h"}) {
    CAPTURE(text);
    CHECK_FALSE(has_password(parse_conninfo(text).value()));
  }
}

TEST_CASE("servers are told apart by service, host, port and database") {
  const auto identity = [](const std::string& text) { return server_identity(parse_conninfo(text).value()); };
  const auto server = identity("host=a port=5432 dbname=movies user=u");
  CHECK(identity("host=A dbname=movies user=other sslmode=require") == server);
  CHECK(identity("postgresql://x@a/movies") == server);
  CHECK(identity("host=ignored hostaddr=10.0.0.1 dbname=m") == identity("host=10.0.0.1 dbname=m"));
  CHECK(identity("host=a user=movies") == server);  // dbname defaults to user
  CHECK(identity("host=b dbname=movies") != server);
  CHECK(identity("host=a port=5433 dbname=movies") != server);
  CHECK(identity("host=a dbname=films") != server);
  CHECK(identity("service=a") != identity("service=b"));
  CHECK(identity("host=/tmp/A") != identity("host=/tmp/a"));  // paths have case
}

TEST_CASE("a list of hosts is seen in either form") {
  for (const std::string text :
       {"host=a,b", "hostaddr=10.0.0.1,10.0.0.2", "host=a port=1,2", "postgresql://a,b/db"}) {
    CAPTURE(text);
    CHECK(has_several_hosts(parse_conninfo(text).value()));
  }
  CHECK_FALSE(has_several_hosts(parse_conninfo("host=a dbname='x,y'").value()));
}
