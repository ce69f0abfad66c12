#include "operations/process/text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "operations/process/failure.hpp"
#include "operations/process/text_file.hpp"
#include "tests/cli/command_run.hpp"

using namespace shardplex;
using namespace shardplex::operations;

TEST_CASE("items are joined by commas, as their text") {
  const std::vector<std::string> names{"alpha", "beta", "gamma"};
  CHECK(joined(names) == "alpha, beta, gamma");
  CHECK(joined(
            names, [](const std::string& name) { return name.substr(0, 1); }, "; ") == "a; b; g");
  CHECK(joined(names, [](const std::string& name) { return '"' + name + '"'; }) ==
        R"("alpha", "beta", "gamma")");
  CHECK(joined(std::vector<std::string>{"alone"}) == "alone");
  CHECK(joined(std::vector<std::string>{}) == "");
}

TEST_CASE("a text file is read whole, and one that cannot be read is named") {
  CHECK(read_text_file(test::TemporaryFile("one\ntwo").path()) == "one\ntwo");
  CHECK(read_text_file(test::TemporaryFile("").path()) == "");
  CHECK_THROWS_WITH_AS(read_text_file("/no/such/file"), "/no/such/file: cannot be read", CommandFailed);
  CHECK_THROWS_WITH_AS(read_text_file("/tmp"), "/tmp: cannot be read", CommandFailed);
}
