#include "operations/process/text_file.hpp"

#include <doctest/doctest.h>

#include "operations/process/failure.hpp"
#include "tests/cli/command_run.hpp"

using namespace shardplex;
using namespace shardplex::operations;

TEST_CASE("a text file is read whole, and one that cannot be read is named") {
  CHECK(read_text_file(test::TemporaryFile("one\ntwo").path()) == "one\ntwo");
  CHECK(read_text_file(test::TemporaryFile("").path()) == "");
  CHECK_THROWS_WITH_AS(read_text_file("/no/such/file"), "/no/such/file: cannot be read", CommandFailed);
  CHECK_THROWS_WITH_AS(read_text_file("/tmp"), "/tmp: cannot be read", CommandFailed);
}
