// What makes cases smaller: draws that are drawn again, lists and draws of which as much as can be is left
// out.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/oracle/any_read.hpp"
#include "tests/oracle/any_write.hpp"
#include "tests/oracle/parts.hpp"
#include "tests/oracle/smallest.hpp"

namespace shardplex::oracle {
namespace {

using integration::Times;

Schema schema_of(std::uint64_t seed) {
  Random random(seed);
  return make_schema(random);
}

std::vector<std::uint64_t> times_of(Random& random, std::uint64_t least, std::uint64_t bound) {
  std::vector<std::uint64_t> drawn;
  for (Times times(random, least, bound); times.next();) drawn.push_back(random.below(100));
  return drawn;
}

}  // namespace

TEST_CASE("what was drawn is drawn again, and zeros behind its end") {
  Random first(7);
  const auto number = first.below(1'000), raw = first();
  const bool happens = first.chance(50);
  Random again(first.drawn());
  CHECK(again.below(1'000) == number);
  CHECK(again() == raw);
  CHECK(again.chance(50) == happens);
  CHECK(again.below(10) == 0);
  CHECK_FALSE(again.chance(99));
  CHECK(again.chance(100));
  CHECK(again.drawn().size() == 6);

  Random smaller(std::vector<std::uint64_t>{1'234, 1, 1});
  CHECK(smaller.below(100) == 34);
  CHECK_FALSE(smaller.chance(0));
  CHECK(smaller.chance(1));
}

TEST_CASE("of nothing but zeros a search without end is ended") {
  Random zeros(std::vector<std::uint64_t>{});
  const auto search = [&] {
    while (zeros.below(2) == 0) {
    }
  };
  CHECK_THROWS_AS(search(), Random::Endless);
}

TEST_CASE(
    "how often something is done is drawn within its bounds, and one time can be left out of the draws") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const auto drawn = times_of(random, 1, 4);
    CHECK(drawn.size() >= 1);
    CHECK(drawn.size() <= 4);
    Random again(random.drawn());
    CHECK(times_of(again, 1, 4) == drawn);
  }
  Random none(std::uint64_t{1});
  CHECK(times_of(none, 0, 1).empty());
  CHECK(none.drawn().empty());
  // One for sure, then whether there is another before each other one.
  Random three(std::vector<std::uint64_t>{11, 1, 22, 1, 33});
  CHECK(times_of(three, 1, 3) == std::vector<std::uint64_t>{11, 22, 33});
  Random two(std::vector<std::uint64_t>{11, 1, 33});
  CHECK(times_of(two, 1, 3) == std::vector<std::uint64_t>{11, 33});
}

TEST_CASE("the smallest list has what is needed alone") {
  std::vector<int> all(100);
  std::iota(all.begin(), all.end(), 0);
  const auto has = [](const std::vector<int>& some, int one) { return std::ranges::count(some, one) > 0; };
  CHECK(smallest<int>(all, [&](const auto& some) { return has(some, 17) && has(some, 63); }) ==
        std::vector<int>{17, 63});
  CHECK(smallest<int>(all, [](const auto&) { return true; }).empty());
  CHECK(smallest<int>(all, [&](const auto& some) { return some.size() == all.size(); }) == all);
  CHECK(smallest<int>({}, [](const auto&) { return true; }).empty());
}

TEST_CASE("the smallest draws are few and low") {
  const auto any_above_forty = [](const Draws& draws) -> std::optional<Draws> {
    if (std::ranges::none_of(draws, [](auto draw) { return draw > 40; })) return std::nullopt;
    return draws;
  };
  Draws many(60, 77);
  CHECK(smallest_draws(many, any_above_forty) == Draws{41});
  // What says no for good ends it.
  int asked = 0;
  CHECK(smallest_draws({5, 6}, [&](const Draws&) -> std::optional<Draws> {
          ++asked;
          return std::nullopt;
        }) == Draws{5, 6});
  CHECK(asked > 0);
}

TEST_CASE("a read is made again of its draws, whatever schema it is of") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    const auto schema = schema_of(seed / 10);
    Random random(seed);
    const auto read = any_read(schema, random);
    Random again(random.drawn());
    CHECK(any_read(schema, again).describe() == read.describe());
  }
}

TEST_CASE("a write is made again of its draws, of one row's key, and by every method") {
  std::set<std::string> methods;
  int through_views = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    const auto schema = schema_of(seed / 10);
    Random random(seed);
    const auto write = any_write(schema, random);
    Random again(random.drawn());
    CHECK(any_write(schema, again).describe() == write.describe());
    CHECK((write.target.starts_with("/s") || write.target.starts_with("/v")));
    CHECK(write.table.starts_with("s"));
    through_views += write.target.starts_with("/v") ? 1 : 0;
    methods.insert(write.method);
    if (write.method == "POST")
      CHECK(write.body.starts_with("{"));
    else
      CHECK(write.target.find("=eq.") != std::string::npos);
  }
  CHECK(methods == std::set<std::string>{"DELETE", "PATCH", "POST"});
  CHECK(through_views > 0);
}

TEST_CASE("a read is made smaller down to what the fault is about") {
  const auto schema = schema_of(3);
  int shrunk = 0, small = 0;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    CAPTURE(seed);
    std::string target;
    const auto still_fails = [&](const Draws& draws) -> std::optional<Draws> {
      Random random(draws);
      try {
        const auto read = any_read(schema, random);
        if (read.target.find("limit=") == std::string::npos) return std::nullopt;
        target = read.target;
        return random.drawn();
      } catch (const Random::Endless&) {
        return std::nullopt;
      }
    };
    Random random(seed);
    any_read(schema, random);
    if (!still_fails(random.drawn())) continue;
    ++shrunk;
    const auto draws = smallest_draws(random.drawn(), still_fails);
    still_fails(draws);
    small += target.size() < 60 ? 1 : 0;
  }
  CHECK(shrunk > 2);
  CHECK(small * 10 >= shrunk * 8);
}

TEST_CASE("what is left out of a schema is not drawn, and the rest is drawn as before") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const auto schema = schema_of(seed);
    Random random(seed);
    const auto read = any_read(schema, random);
    const auto same_read = [&](const Schema& other) {
      Random again(random.drawn());
      try {
        return any_read(other, again).describe() == read.describe();
      } catch (const integration::LeftOut&) {
        return false;
      } catch (const Random::Endless&) {
        return false;
      }
    };
    const auto parts = parts_of(schema);
    CHECK(same_read(with_parts(schema, parts)));
    const auto needed = smallest<Part>(parts, [&](const std::vector<Part>& some) {
      const auto less = with_parts(schema, some);
      return is_sound(less) && same_read(less);
    });
    CHECK(needed.size() <= parts.size());
    CHECK(same_read(with_parts(schema, needed)));
  }
}

TEST_CASE("a schema without its parts is not sound") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto schema = schema_of(seed);
    CHECK(is_sound(schema));
    CHECK_FALSE(is_sound(with_parts(schema, {})));
    auto parts = parts_of(schema);
    std::erase_if(parts, [](const Part& part) { return part.kind == Part::Kind::column; });
    CHECK_FALSE(is_sound(with_parts(schema, parts)));
  }
}

}  // namespace shardplex::oracle
