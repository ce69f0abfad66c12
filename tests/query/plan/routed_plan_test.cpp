#include "query/plan/routed_plan.hpp"

#include <doctest/doctest.h>

#include <random>

#include "query/engine/concatenate.hpp"
#include "query/engine/slice.hpp"
#include "query/engine/sorted_merge.hpp"
#include "query/grammar/parse.hpp"
#include "tests/query/engine/rows.hpp"
#include "tests/query/fixtures.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

struct Request {
  ShardMap map = hash_map();
  Table table = movies();
  CountKind count = CountKind::none;
  ReadRules rules{};

  Result<RoutedPlan> plan(std::string_view query_string) const {
    return plan_routed_read(parse_query(table.name, query_string, {}).value(), in_map(table, map), count,
                            rules);
  }
  RowsRead rows(std::string_view query_string) const {
    return std::get<RowsRead>(plan(query_string).value());
  }
};

const Request hashed, listed{list_map(), movies()}, reference{hash_map(), genres()},
    rated{hash_map(), ratings()}, counted{hash_map(), movies(), CountKind::exact};

Request bounded_by(std::uint64_t rows) {
  return {hash_map(), movies(), CountKind::none, {true, rows}};
}

Slot slot_of_id(std::int64_t id) {
  return slot_of(canonical_bytes(id), 1024);
}

SlotSet first_slots(std::uint32_t count) {
  SlotSet slots = SlotSet::none(1024);
  for (std::uint32_t slot = 0; slot < count; ++slot) slots.insert(Slot{slot});
  return slots;
}

/// Targets with so many slots each.
std::vector<Target> targets(std::initializer_list<std::uint32_t> slots) {
  std::vector<Target> out;
  for (const auto count : slots)
    out.push_back(
        {ShardId{static_cast<std::uint16_t>(out.size())}, Epoch{7}, out.empty(), first_slots(count)});
  return out;
}

std::vector<std::optional<std::uint64_t>> asked_for(const RowsRead& read, const std::vector<Target>& of,
                                                    Share share) {
  std::vector<std::optional<std::uint64_t>> rows;
  for (const auto& part : share_out(read, of, share).value()) rows.push_back(part.at_most);
  return rows;
}

template <class T>
bool is_a(const std::unique_ptr<RowOperator>& rows) {
  return dynamic_cast<const T*>(rows.get()) != nullptr;
}

}  // namespace

TEST_CASE("a read by the key alone is planned as a point read with the key's slot") {
  CHECK(std::get<PointRead>(hashed.plan("id=eq.%20+007&order=name").value()) ==
        PointRead{"7", PointRead::Place{GroupId{0}, slot_of_id(7)}});
  CHECK(std::get<PointRead>(reference.plan("name=eq.Drama").value()) == PointRead{"Drama", std::nullopt});
}

TEST_CASE("a count, a key that cannot be read, and anything more than the key make it a read of rows") {
  CHECK(std::holds_alternative<RowsRead>(counted.plan("id=eq.7").value()));
  CHECK(std::holds_alternative<RowsRead>(hashed.plan("id=eq.seven").value()));
  CHECK(std::holds_alternative<RowsRead>(hashed.plan("id=eq.7&name=eq.x").value()));
  CHECK(std::holds_alternative<RowsRead>(listed.plan("id=eq.7").value()));
}

TEST_CASE("the candidate slots are those of the filters, and a reference table has none") {
  const auto one = hashed.rows("id=in.(7)");
  REQUIRE(one.where);
  CHECK(one.where->group == GroupId{0});
  CHECK(one.where->slots.size() == 1);
  CHECK(one.where->slots.contains(slot_of_id(7)));
  CHECK(hashed.rows("name=eq.x").where->slots == SlotSet::all(1024));
  CHECK_FALSE(reference.rows("note=eq.x").where);
}

TEST_CASE("an answer that is known to be small is asked for whole, any other streams") {
  for (const std::string query : {"limit=1000", "limit=1000&offset=1000", "limit=0", "id=eq.7&name=eq.x"}) {
    CAPTURE(query);
    CHECK_FALSE(hashed.rows(query).streams);
  }
  for (const std::string query : {"", "limit=1001", "limit=1&offset=1001", "id=in.(1,2)", "id=not.eq.7"}) {
    CAPTURE(query);
    CHECK(hashed.rows(query).streams);
  }
  CHECK(rated.rows("movie_id=eq.5").streams);
  CHECK_FALSE(rated.rows("movie_id=eq.5&user_id=eq.1").streams);
}

TEST_CASE("only under hash is a small answer expected to be spread evenly") {
  CHECK(hashed.rows("limit=20").share == Share::expected);
  CHECK(hashed.rows("limit=2000").share == Share::whole);
  CHECK(listed.rows("limit=20").share == Share::whole);
  CHECK(reference.rows("limit=20").share == Share::whole);
}

TEST_CASE("each of several shards is asked for its expected rows, a lone one and a second try for all") {
  const auto read = hashed.rows("limit=15&offset=5");
  CHECK(asked_for(read, targets({512, 256, 256}), Share::expected) ==
        std::vector<std::optional<std::uint64_t>>{16, 10, 10});
  CHECK(asked_for(read, targets({512, 512}), Share::whole) ==
        std::vector<std::optional<std::uint64_t>>{std::nullopt, std::nullopt});
  CHECK(asked_for(read, targets({512}), Share::expected) ==
        std::vector<std::optional<std::uint64_t>>{std::nullopt});
  CHECK(asked_for(hashed.rows("id=eq.7&name=eq.x"), targets({1, 1}), Share::expected) ==
        std::vector<std::optional<std::uint64_t>>{std::nullopt, std::nullopt});
}

TEST_CASE(
    "each target is asked under its epoch, for its slots, and with the filter where rows are left over") {
  const auto both = targets({3, 5});
  const auto shares = share_out(hashed.rows(""), both, Share::whole).value();
  REQUIRE(shares.size() == 2);
  CHECK(shares[0].epoch == Epoch{7});
  CHECK(shares[0].slots == &both[0].slots);
  CHECK_FALSE(shares[0].only_owned);
  CHECK(shares[1].only_owned);
  CHECK_FALSE(shares[1].alone);
  const auto lone = targets({3});
  CHECK(share_out(hashed.rows(""), lone, Share::whole).value().front().alone);
}

TEST_CASE("an order that cannot be merged is refused where several shards are asked, and served by one") {
  const auto read = hashed.rows("order=genre");
  const auto several = share_out(read, targets({3, 5}), Share::whole);
  REQUIRE_FALSE(several.has_value());
  CHECK(several.error().code == "SHARD400");
  CHECK(share_out(read, targets({3}), Share::whole).has_value());
}

TEST_CASE("an answer above the row bound is refused by its limit, or else counted first") {
  const auto refused = bounded_by(10).plan("limit=11");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "SHARD400");
  CHECK(refused.error().details == "The limit is 10 rows per answer, and limit is 11.");
  CHECK_FALSE(bounded_by(10).rows("limit=10").bound);
  CHECK_FALSE(hashed.rows("").bound);
  const auto counts = bounded_by(10).rows("offset=5");
  REQUIRE(counts.bound);
  CHECK(counts.bound->too_many == 16);
  CHECK(counts.bound->refusal.details == "The limit is 10 rows per answer, and no limit was given.");
}

TEST_CASE("rows of several shards are merged, those of one are passed through") {
  CHECK(is_a<SortedMerge>(hashed.rows("").combine(3)));
  CHECK(hashed.rows("order=name").combine(3)->key_count(0) == 2);
  CHECK(is_a<Concatenate>(hashed.rows("").combine(1)));
  CHECK(is_a<Slice>(hashed.rows("limit=20").combine(3)));
  CHECK(is_a<Slice>(hashed.rows("offset=5").combine(3)));
}

TEST_CASE("the offset is skipped once: by a lone shard, unless it counts, and else by the router") {
  const std::vector<Texts> one{{"a", "b", "c"}};
  const auto page = [&](const Request& request) {
    return answer_of(*request.rows("offset=1&limit=2").combine(1), one);
  };
  CHECK(page(hashed) == Texts{"a", "b"});
  CHECK(page(counted) == Texts{"b", "c"});
}

TEST_CASE("rows are an answer also where those of some shards are missing, and groups are not") {
  for (const auto* read : {"", "order=name&limit=5", "id=in.(1,2)&select=name"}) {
    CAPTURE(read);
    CHECK(hashed.rows(read).can_lack_shards());
    CHECK(counted.rows(read).can_lack_shards());
  }
  CHECK(listed.rows("id=eq.7").can_lack_shards());
  CHECK(reference.rows("").can_lack_shards());
  for (const auto* read : {"select=count()", "select=primary_genre,count()", "select=id,count()"}) {
    CAPTURE(read);
    const Query query = parse_query("movies", read, {}).value();
    const auto plan = plan_routed_read(ResolvedNode{&query, &hashed.table, {}}, query,
                                       in_map(hashed.table, hashed.map), CountKind::none, {});
    REQUIRE(plan.has_value());
    CHECK_FALSE(std::get<RowsRead>(*plan).can_lack_shards());
  }
}

TEST_CASE("an unknown column is refused before anything is routed") {
  CHECK(hashed.plan("foo=eq.1").error().code == "42703");
}

TEST_CASE("a shard is asked for its fair share and two deviations, and never for none") {
  CHECK(expected_rows(20, 512, 1024) == 16);  // 10 + 2 * 2.24, rounded up, and one
  CHECK(expected_rows(20, 341, 1024) == 12);
  CHECK(expected_rows(0, 512, 1024) == 1);
  CHECK(expected_rows(1000, 1024, 1024) == 1001);
}

TEST_CASE("the expected rows suffice for nearly all answers") {
  constexpr unsigned seed = 20;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const std::uint32_t shards : {2u, 3u, 8u})
    for (const std::uint64_t rows : {1u, 20u, 100u, 1000u}) {
      CAPTURE(shards);
      CAPTURE(rows);
      constexpr int answers = 2000;
      int short_of = 0;
      const auto most = expected_rows(rows, 1024 / shards, 1024 / shards * shards);
      for (int answer = 0; answer < answers; ++answer) {
        std::uint64_t on_first = 0;
        for (std::uint64_t row = 0; row < rows; ++row) on_first += random() % shards == 0;
        short_of += on_first > most;
      }
      CHECK(short_of <= answers / 30);
    }
}

TEST_CASE("rows without an order are those of one shard after the other, each asked for the whole page") {
  Request keyless;
  keyless.table.primary_key.clear();
  const auto read = keyless.rows("limit=20");
  CHECK(read.share == Share::whole);
  CHECK(is_a<Slice>(read.combine(3)));
  CHECK(is_a<Concatenate>(keyless.rows("").combine(3)));
  CHECK(is_a<SortedMerge>(keyless.rows("order=name").combine(3)));
  CHECK(keyless.rows("order=name&limit=20").share == Share::expected);
  // One row cannot be named.
  CHECK(std::holds_alternative<RowsRead>(keyless.plan("id=eq.5").value()));
  CHECK(keyless.rows("id=eq.5").streams);
}
