#include "shard_map/joined.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace shardplex {

TEST_CASE("items are joined by commas, as their text") {
  const std::vector<std::string> names{"alpha", "beta", "gamma"};
  CHECK(joined(names) == "alpha, beta, gamma");
  CHECK(joined(names, "; ") == "alpha; beta; gamma");
  CHECK(joined(
            names, [](const std::string& name) { return name.substr(0, 1); }, "; ") == "a; b; g");
  CHECK(joined(names, [](const std::string& name) { return '"' + name + '"'; }) ==
        R"("alpha", "beta", "gamma")");
  CHECK(joined(std::vector<std::string>{"alone"}) == "alone");
  CHECK(joined(std::vector<std::string>{}) == "");
}

}  // namespace shardplex
