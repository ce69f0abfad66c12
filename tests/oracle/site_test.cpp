// The oracle on clusters: what is planted is found, made small, kept, and found again.
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/integration/request_text.hpp"
#include "tests/oracle/any_read.hpp"
#include "tests/oracle/case.hpp"
#include "tests/oracle/judge_write.hpp"
#include "tests/oracle/mover.hpp"
#include "tests/oracle/shrink_case.hpp"
#include "tests/oracle/site.hpp"

namespace shardplex::oracle {
namespace {

/// One with a table `s1` of many rows, and others.
Found some_tables() {
  constexpr std::size_t many = 20;
  for (std::uint64_t seed = 1;; ++seed) {
    Random random(seed);
    Found found;
    found.schema = make_schema(random);
    found.rows = make_rows(found.schema, random);
    if (found.rows.at("s1").size() >= many && found.schema.tables.size() > 3) return found;
  }
}

Judgement ask(Site& site, const integration::ReadRequest& read) {
  const auto answers = site.ask(read);
  return judge(site.database(), read, answers.over_shards, answers.over_one);
}

/// A read that is answered wrongly, as the draws of `found`; false: none came up.
bool find_fault(Site& site, Found& found) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Random draws(seed);
    const auto read = any_read(found.schema, draws);
    if (ask(site, read).verdict != Verdict::wrong) continue;
    found.draws = draws.drawn();
    return true;
  }
  return false;
}

/// SQL by which shards lack a row of s1.
std::string lacking_a_row(const Found& found) {
  const auto key = std::string(found.rows.at("s1").at(3).at("id").as_string());
  return "SET session_replication_role = replica; DELETE FROM public.s1 WHERE id = " +
         integration::sql_literal(key);
}

void move_some_slots(Mover& mover) {
  mover.move();
  integration::wait_until("slots have moved", [&] { return mover.moves() > 3; });
  mover.rest();
}

std::size_t tables_there(const Schema& schema) {
  std::size_t count = 0;
  for (const auto& table : schema.tables) count += table.sample.left_out ? 0 : 1;
  return count;
}

std::size_t columns_there(const Schema& schema) {
  std::size_t count = 0;
  for (const auto& table : schema.tables)
    if (!table.sample.left_out)
      for (const auto& column : table.sample.columns) count += column.left_out ? 0 : 1;
  return count;
}

}  // namespace

TEST_CASE("a row that shards lack is found by reads, and told by one table with that row") {
  Site site(2);
  auto found = some_tables();
  site.plant(lacking_a_row(found));
  site.set_up(text_of(found.schema, found.rows));
  REQUIRE(find_fault(site, found));
  const auto before = columns_there(found.schema);
  const auto shrunk = shrink(site, found, std::chrono::seconds(240), [](const std::string&) {});
  REQUIRE(shrunk.is_steady);
  CHECK_FALSE(shrunk.why.empty());
  CHECK(shrunk.tried > 10);
  CHECK(shrunk.request.target().size() < 80);
  CHECK(shrunk.found.rows.at("s1").size() <= 2);
  CHECK(tables_there(shrunk.found.schema) <= 2);
  CHECK(columns_there(shrunk.found.schema) < before);

  const integration::TemporaryFolder folder;
  Case kept;
  kept.shards = 2;
  kept.why = shrunk.why;
  kept.request = shrunk.request;
  kept.database = text_of(shrunk.found.schema, shrunk.found.rows);
  write_case(kept, folder.path());
  const auto again = read_case(folder.path());
  site.set_up(again.database);
  CHECK(ask(site, again.request.read).verdict == Verdict::wrong);
  site.plant("");
  site.set_up(again.database);
  CHECK(ask(site, again.request.read).verdict == Verdict::right);
}

TEST_CASE("slots move while reads are made, and everything is where it belongs when they rest") {
  Site site(2);
  const auto found = some_tables();
  const auto text = text_of(found.schema, found.rows);
  site.set_up(text);
  Mover mover(site.primaries(), text.groups, 1);
  mover.rest();
  CHECK(mover.moves() == 0);
  CHECK_FALSE(mover.is_moving());
  move_some_slots(mover);
  CHECK_FALSE(mover.is_moving());
  const auto moves = mover.moves();
  integration::Database shard(site.primaries().front());
  shard.run(
      "SET session_replication_role = replica; UPDATE public.s1 SET shardplex_slot = -1 WHERE id = (SELECT "
      "id FROM "
      "public.s1 LIMIT 1)");
  if (shard.number("SELECT count(*) FROM public.s1 WHERE shardplex_slot = -1") == 1)
    CHECK_THROWS_WITH(mover.rest(), "a shard has rows of s1 in slots that it does not own");
  CHECK(mover.moves() == moves);
}

TEST_CASE("rows are put back on the shards that they have moved to") {
  Site site(2);
  const auto found = some_tables();
  const auto text = text_of(found.schema, found.rows);
  site.set_up(text);
  site.copy_rows();
  Mover mover(site.primaries(), text.groups, 1);
  move_some_slots(mover);
  site.forget_copies();
  site.copy_rows();
  for (const auto& primary : site.primaries())
    integration::Database(primary).run("SET session_replication_role = replica; DELETE FROM public.s1");
  site.restore("s1");
  mover.rest();  // no row is where it does not belong
  std::int64_t rows = 0;
  for (const auto& primary : site.primaries())
    rows += integration::Database(primary).number("SELECT count(*) FROM public.s1");
  CHECK(rows == static_cast<std::int64_t>(found.rows.at("s1").size()));
}

TEST_CASE("a write is found wrong where shards then have other rows, and leaves the rows as they were") {
  constexpr int enough = 15;
  Site site(2);
  const auto found = some_tables();
  site.plant(lacking_a_row(found));
  site.set_up(text_of(found.schema, found.rows));
  int writes = 0, wrong = 0;
  for (std::uint64_t seed = 1; seed <= 400 && writes < enough; ++seed) {
    Random draws(seed);
    const auto write = any_write(found.schema, draws);
    if (write.table != "s1") continue;
    CAPTURE(write.describe());
    ++writes;
    integration::HttpResponse answer;
    const auto first = judge_write(site, write, answer), second = judge_write(site, write, answer);
    CHECK(first.verdict == second.verdict);
    wrong += first.verdict == Verdict::wrong ? 1 : 0;
  }
  CHECK(writes == enough);
  CHECK(wrong * 2 > writes);  // all but a deletion of that row
  CHECK(site.database().number("SELECT count(*) FROM public.s1") ==
        static_cast<std::int64_t>(found.rows.at("s1").size()));
}

}  // namespace shardplex::oracle
