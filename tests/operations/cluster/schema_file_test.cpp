#include "operations/cluster/schema_file.hpp"

#include <doctest/doctest.h>

#include "operations/process/failure.hpp"

using namespace shardplex::operations;

TEST_CASE("a schema file of one's own is taken as it is") {
  CHECK(schema_statements("CREATE TABLE movies (id bigint);\n-- $x$\nSELECT 1") ==
        "CREATE TABLE movies (id bigint);\n-- $x$\nSELECT 1\n");
  CHECK(schema_statements("\xEF\xBB\xBFSELECT 1;\r\n") == "SELECT 1;\n");
  CHECK(schema_statements("").empty());
}

TEST_CASE("a dump of pg_dump is taken without what is psql's, and the session's settings come back") {
  const auto statements = schema_statements(
      "--\n-- PostgreSQL database dump\n--\n\\restrict abc\n\nSET statement_timeout = 0;\n"
      "SET transaction_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n"
      "CREATE SCHEMA public;\nCREATE TABLE public.movies (id bigint);\n\\unrestrict abc\n");
  CHECK(statements.find('\\') == std::string::npos);
  CHECK(statements.find("transaction_timeout") == std::string::npos);
  CHECK(statements.find("CREATE SCHEMA") == std::string::npos);
  CHECK(statements.find("CREATE TABLE public.movies") != std::string::npos);
  CHECK(statements.find("RESET search_path;") > statements.find("CREATE TABLE"));
}

TEST_CASE("rows and psql's commands are refused with their lines, what stands in a function's body is not") {
  CHECK_THROWS_WITH_AS(
      schema_statements("SELECT 1;\nCOPY public.movies (id) FROM stdin;\n1\n\\.\n"),
      "the schema file, line 2: it holds rows; dump the schema alone (pg_dump --schema-only), and "
      "load the rows with shardplex load",
      CommandFailed);
  CHECK_THROWS_WITH_AS(schema_statements("\\connect movies\n"),
                       "the schema file, line 1: a command of psql (\\connect) is no SQL; take it out",
                       CommandFailed);
  const std::string function =
      "CREATE FUNCTION f() RETURNS text AS $_$\n\\restrict me\n\\x\n$_$ LANGUAGE sql;\n";
  CHECK(schema_statements(function) == function);
}
