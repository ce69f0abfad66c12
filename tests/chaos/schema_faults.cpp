// Tables that change under the routers.
#include <thread>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {
namespace {

/// On one shard after the other, as people do it.
void run_one_after_the_other(Round& round, const std::string& sql) {
  for (const auto& [shard, conninfo] : round.site.primaries()) {
    integration::Database(conninfo).run(sql);
    std::this_thread::sleep_for(round.hold / 9);
  }
}

}  // namespace

/// A column comes, the type of another changes, the column goes.
void change_tables(Round& round) {
  const auto primaries = round.site.primaries();
  const auto type =
      integration::Database(primaries.front().conninfo)
          .value(
              "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'movies'::regclass AND "
              "attname = 'imdb_votes'");
  round.begin();
  run_one_after_the_other(round, "ALTER TABLE movies ADD COLUMN IF NOT EXISTS chaos integer DEFAULT 7");
  run_one_after_the_other(round, "ALTER TABLE movies ALTER imdb_votes TYPE " +
                                     std::string(type == "bigint" ? "integer" : "bigint"));
  run_one_after_the_other(round, "ALTER TABLE movies DROP COLUMN IF EXISTS chaos");
}

}  // namespace shardplex::chaos
