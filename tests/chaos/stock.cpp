#include "tests/chaos/stock.hpp"

#include <pqxx/pqxx>

namespace shardplex::chaos {
namespace {

// A load's users are numbers of its own range, as are its films; its directors are named after it.
constexpr const char* movies_query =
    "SELECT 'movies ' || id, concat_ws('|', director, worldwide_gross, imdb_votes),"
    " coalesce(substring(director FROM '^recorded-[0-9]+-'), '') FROM movies"
    " WHERE shardplex_slot IN (SELECT slot FROM shardplex.slots WHERE grp = 'catalog' AND state IN ('owned',"
    " 'fenced'))";
constexpr const char* ratings_query =
    "SELECT 'ratings ' || movie_id || ' ' || user_id, score::text,"
    " CASE WHEN user_id < 1000000000 THEN '' ELSE 'recorded-' || user_id / 1000000000 * 1000000000 || '-' END"
    " FROM ratings WHERE shardplex_slot IN (SELECT slot FROM shardplex.slots WHERE grp = 'catalog' AND state"
    " IN ('owned', 'fenced'))";

using ByRow = std::map<std::string, const StoredRow*>;

ByRow by_row(const std::vector<StoredRow>& rows, std::vector<std::string>* doubled) {
  ByRow found;
  for (const auto& row : rows) {
    const auto [first, is_new] = found.emplace(row.row, &row);
    if (!is_new && doubled != nullptr)
      doubled->push_back(row.row + " is on " + first->second->shard + " and on " + row.shard);
  }
  return found;
}

}  // namespace

std::vector<StoredRow> read_stock(const std::vector<integration::Primary>& primaries) {
  std::vector<StoredRow> rows;
  for (const auto& [shard, conninfo] : primaries) {
    integration::Database database(conninfo);
    for (const auto* query : {movies_query, ratings_query})
      for (const auto& row : database.run(query))
        rows.push_back({row[0].as<std::string>(), row[1].as<std::string>(), shard, row[2].as<std::string>()});
  }
  return rows;
}

std::vector<std::string> lost_or_doubled(const std::vector<StoredRow>& before,
                                         const std::vector<StoredRow>& now, const std::string& running) {
  std::vector<std::string> found;
  const auto is_of_running = [&](const StoredRow& row) { return !row.load.empty() && row.load == running; };
  const auto old_rows = by_row(before, nullptr), new_rows = by_row(now, &found);
  for (const auto& [name, row] : old_rows) {
    if (is_of_running(*row)) continue;
    const auto there = new_rows.find(name);
    if (there == new_rows.end())
      found.push_back(name + ", which was on " + row->shard + ", is gone");
    else if (there->second->value != row->value)
      found.push_back(name + " was " + row->value + " and is " + there->second->value);
  }
  for (const auto& [name, row] : new_rows)
    if (!is_of_running(*row) && !old_rows.contains(name))
      found.push_back(name + " has come to " + row->shard + ", and nobody has inserted it");
  return found;
}

}  // namespace shardplex::chaos
