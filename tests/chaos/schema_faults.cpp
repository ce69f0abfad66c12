// Tables that change under the routers.
#include <cstdint>
#include <string>
#include <thread>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {
namespace {

/// The columns of the table with their types.
std::string columns_of_movies(integration::Database& database) {
  return database
      .value(
          "SELECT string_agg(attname || ' ' || format_type(atttypid, NULL), ',') FROM pg_attribute WHERE "
          "attrelid = 'movies'::regclass AND attnum > 0 AND NOT attisdropped")
      .value();
}

/// On one shard after the other, as people do it.
void run_one_after_the_other(Round& round, const std::string& what, const std::string& sql) {
  std::int64_t changed = 0;
  const auto primaries = round.site.primaries();
  for (const auto& [shard, conninfo] : primaries) {
    integration::Database database(conninfo);
    const auto before = columns_of_movies(database);
    database.run(sql);
    if (columns_of_movies(database) != before) ++changed;
    std::this_thread::sleep_for(round.hold / 9);
  }
  round.shows("shards where " + what, changed, std::ssize(primaries));
}

/// By themselves, as no one tells them.
void let_routers_notice(Round& round, unsigned status) {
  for (const auto& [port, admin_port] : round.site.router_ports()) {
    integration::HttpClient client(port);
    integration::wait_until("a router answers " + std::to_string(status) + " for a column",
                            [&] { return client.get("/movies?select=chaos&limit=1").status == status; });
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
  run_one_after_the_other(round, "a column came",
                          "ALTER TABLE movies ADD COLUMN IF NOT EXISTS chaos integer DEFAULT 7");
  let_routers_notice(round, 200);
  run_one_after_the_other(
      round, "its type changed",
      "ALTER TABLE movies ALTER imdb_votes TYPE " + std::string(type == "bigint" ? "integer" : "bigint"));
  run_one_after_the_other(round, "it went", "ALTER TABLE movies DROP COLUMN IF EXISTS chaos");
  let_routers_notice(round, 400);
  round.shows("routers that noticed", std::ssize(round.site.router_ports()), 2);
}

}  // namespace shardplex::chaos
