#include "query/patterns/heaviest.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>

using namespace shardplex;

namespace {

void give(Heaviest& kept, const std::string& text, std::uint64_t weight) {
  auto place = kept.find(text);
  if (!place) place = kept.take_in(text);
  kept.add(*place, weight);
}

}  // namespace

TEST_CASE("while there is room, weights are exact") {
  Heaviest kept(3);
  give(kept, "a", 5);
  give(kept, "b", 1);
  give(kept, "a", 2);
  CHECK(kept.size() == 2);
  const auto a = kept.find("a");
  REQUIRE(a.has_value());
  CHECK(kept.text(*a) == "a");
  CHECK(kept.weight(*a) == 7);
  CHECK(kept.inherited(*a) == 0);
  CHECK_FALSE(kept.find("c").has_value());
}

TEST_CASE("a new text takes the place of the lightest, whose place is known to be lost") {
  Heaviest kept(2);
  give(kept, "a", 5);
  give(kept, "b", 3);
  const auto b = kept.find("b");
  REQUIRE(b.has_value());
  give(kept, "c", 1);
  CHECK_FALSE(kept.find("b").has_value());
  CHECK_FALSE(kept.holds(*b));
  CHECK(kept.find("a").has_value());
  const auto c = kept.find("c");
  REQUIRE(c.has_value());
  CHECK(kept.holds(*c));
  CHECK(kept.weight(*c) == 4);
  CHECK(kept.inherited(*c) == 3);
  CHECK(kept.size() == 2);
  CHECK(kept.places().size() == 2);
}

TEST_CASE("whatever comes, a text of more than its share is kept, and weights are within their bounds") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::geometric_distribution<int> heavy(0.2);  // the first has a tenth of all
    std::uniform_int_distribution<int> junk(0, 1'000'000), weight(1, 100);
    constexpr std::size_t capacity = 16;
    Heaviest kept(capacity);
    std::map<std::string, std::uint64_t> exact;
    std::uint64_t all = 0;
    for (int i = 0; i < 3'000; ++i) {
      const auto text = i % 2 == 0 ? "heavy" + std::to_string(heavy(random))
                                   : "a long text that nobody has asked " + std::to_string(junk(random));
      const auto heft = static_cast<std::uint64_t>(weight(random));
      give(kept, text, heft);
      exact[text] += heft;
      all += heft;
    }
    CHECK(kept.size() == capacity);
    std::size_t shares = 0;
    for (const auto& [text, total] : exact) {
      const auto place = kept.find(text);
      if (total > all / capacity) {
        ++shares;
        CHECK_MESSAGE(place.has_value(), text);
      }
      if (!place) continue;
      CHECK(kept.weight(*place) >= total);
      CHECK(kept.weight(*place) - kept.inherited(*place) <= total);
    }
    CHECK(shares > 0);
  }
}
