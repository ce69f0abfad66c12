#include <doctest/doctest.h>

#include <string>

#include "query/grammar/parse.hpp"
#include "tests/query/grammar/tree_generator.hpp"

using namespace shardplex;
using test::TreeGenerator;

TEST_CASE("a tree written as text is read back as the same tree") {
  std::size_t embeds = 0;
  for (std::uint64_t seed = 1; seed <= 6'000; ++seed) {
    TreeGenerator generator(seed);
    const Query query = generator.query();
    const std::string text = generator.text(query);
    const auto read = parse_query("films", text, {});
    embeds += query.embeds.size();
    if (read.has_value() && *read == query) continue;
    const std::string problem = read.has_error() ? to_json(read.error()) : "";
    CAPTURE(seed);
    CAPTURE(text);
    CAPTURE(problem);
    REQUIRE(read.has_value());
    FAIL("read back differently");
  }
  CHECK(embeds > 3'000);
}

TEST_CASE("a tree's text that is damaged gives a query or an error with a message") {
  std::size_t queries = 0, errors = 0;
  for (std::uint64_t seed = 1; seed <= 6'000; ++seed) {
    TreeGenerator generator(seed);
    const std::string text = generator.mutated(generator.text(generator.query()));
    const auto read = parse_query("films", text, {});
    ++(read ? queries : errors);
    if (read || !read.error().message.empty()) continue;
    CAPTURE(seed);
    FAIL("an error without a message");
  }
  CHECK(queries > 300);
  CHECK(errors > 1'500);
}
