#include "operations/process/failure.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace shardplex::operations;

TEST_CASE("a PostgreSQL error is told on one line, without its context") {
  CHECK(reason_of(std::runtime_error("ERROR:  no such table\nDETAIL:  gone\nCONTEXT:  PL/pgSQL")) ==
        "no such table DETAIL: gone");
  CHECK(one_line(" a \n\t b ") == "a b");
}
