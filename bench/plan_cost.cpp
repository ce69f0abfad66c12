// What it costs to parse, plan and route a list request: microseconds of CPU, the median of many rounds, on
// standard output. scripts/bench takes plan_cpu by it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/catalogue/relations.hpp"
#include "query/catalogue/routed_table.hpp"
#include "query/grammar/accept.hpp"
#include "query/grammar/parse.hpp"
#include "query/plan/plan.hpp"
#include "query/plan/route.hpp"
#include "query/plan/routed_plan.hpp"
#include "query/resolve/read_tree.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/ownership.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {
namespace {

constexpr std::size_t rounds = 31;
constexpr std::size_t requests_a_round = 1000;
constexpr std::uint32_t slot_count = 1024;
constexpr std::string_view columns[][3] = {{"id", "bigint", "int8"},
                                           {"name", "text", "text"},
                                           {"director", "text", "text"},
                                           {"genre", "text[]", "_text"},
                                           {"primary_genre", "text", "text"},
                                           {"imdb_score", "numeric(3,1)", "numeric"},
                                           {"99popularity", "double precision", "float8"},
                                           {"release_date", "date", "date"},
                                           {"mpaa_rating", "text", "text"},
                                           {"running_time_min", "integer", "int4"},
                                           {"distributor", "text", "text"},
                                           {"production_budget", "bigint", "int8"},
                                           {"us_gross", "bigint", "int8"},
                                           {"worldwide_gross", "bigint", "int8"},
                                           {"imdb_votes", "integer", "int4"}};

/// As config/schema/movies.sql has it.
Table films() {
  Table table;
  table.name = "movies";
  table.has_slot_column = true;
  for (const auto& [name, type, type_name] : columns) {
    auto& column = table.columns.emplace_back();
    column.name = name;
    column.type = type;
    column.type_name = type_name;
    column.type_schema = "pg_catalog";
    column.sort = sort_kind(type_name, false);
    if (column.sort == SortKind::text) column.collation = "C.UTF-8";
  }
  table.columns.front().not_null = true;
  table.primary_key = {"id"};
  return table;
}

Catalogue catalogue_of_films() {
  Catalogue catalogue;
  catalogue.tables.emplace("movies", films());
  return catalogue;
}

/// Half of the slots on each of two shards.
ShardMap map_of_films() {
  std::vector<ShardId> placement(slot_count);
  std::fill(placement.begin() + slot_count / 2, placement.end(), ShardId{1});
  return ShardMap("movies", {{"alpha", "host=a", {}}, {"beta", "host=b", {}}},
                  {{"catalog", slot_count, HashStrategy{}, std::move(placement)}},
                  {{"movies", false, GroupId{0}, "id"}}, {});
}

/// What the shards say: that each owns what it was given.
std::vector<std::optional<ShardOwnership>> reports_of(const ShardMap& map) {
  std::vector<std::optional<ShardOwnership>> reports;
  for (std::size_t shard = 0; shard < map.shards().size(); ++shard) {
    std::vector<SlotState> states;
    for (const auto owner : map.group(GroupId{0}).placement)
      states.push_back(owner.value == shard ? SlotState::owned : SlotState::absent);
    ShardOwnership report;
    report.epoch = Epoch{7};
    report.groups.emplace("catalog", std::move(states));
    reports.emplace_back(std::move(report));
  }
  return reports;
}

struct Site {
  const Catalogue catalogue = catalogue_of_films();
  const Relations relations{catalogue};
  const ShardMap map = map_of_films();
  const Ownership ownership{map, reports_of(map)};
};

/// All that is decided about the request before a shard is asked; the number of statements that come of it.
std::size_t plan(const Site& site, std::string_view query_string) {
  const auto shape = parse_accept("application/json", false).value().shape;
  const auto query = parse_query("movies", query_string, {}, Cursors::served).value();
  const Table* table = site.catalogue.find(query.table);
  const auto* placement = site.map.find_table(query.table);
  invariant(shape == Shape::array && table != nullptr && placement != nullptr, "films are served");
  const RoutedTable routed(*table, *placement, site.map);
  const auto tree = resolve(query, *table, site.catalogue, site.relations).value();
  ReadRules rules;
  rules.format = RowFormat::json_in_utc;
  const auto planned = plan_routed_read(tree, query, routed, CountKind::none, rules).value();
  const auto& read = std::get<RowsRead>(planned);
  invariant(read.where.has_value(), "films are sharded");
  const auto placed = place(read.where->slots, read.where->group, site.map, site.ownership, false);
  const auto& targets = std::get<Route>(placed).targets;
  std::size_t statements = 0;
  for (const auto& share : share_out(read, targets, read.share).value())
    statements += read.scan.statement(share).sql.empty() ? 0 : 1;
  return statements;
}

std::vector<std::string> list_requests() {
  constexpr std::array genres{"Drama", "Comedy", "Action", "Horror"};
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < requests_a_round; ++i)
    requests.push_back("order=imdb_score.desc.nullslast&limit=20&primary_genre=eq." +
                       std::string(genres[i % genres.size()]) + "&imdb_votes=gte." + std::to_string(i));
  return requests;
}

/// Of this process.
double cpu_microseconds() {
  return static_cast<double>(std::clock()) * (1e6 / static_cast<double>(CLOCKS_PER_SEC));
}

double median_cost() {
  const Site site{};
  const auto requests = list_requests();
  std::vector<double> costs;
  for (std::size_t i = 0; i < rounds; ++i) {
    const double began = cpu_microseconds();
    std::size_t statements = 0;
    for (const auto& request : requests) statements += plan(site, request);
    costs.push_back((cpu_microseconds() - began) / static_cast<double>(requests.size()));
    invariant(statements == 2 * requests.size(), "each of two shards is asked");
  }
  std::ranges::nth_element(costs, costs.begin() + rounds / 2);
  return costs[rounds / 2];
}

}  // namespace
}  // namespace shardplex

int main() {
  try {
    std::printf("%.2f\n", shardplex::median_cost());
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "plan_cost: %s\n", failure.what());
    return 1;
  }
}
