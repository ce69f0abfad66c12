#include "operations/advice/read_survey.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

#include "operations/advice/statistics.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/inquiry.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

/// What one shard says.
struct ShardSurvey {
  SurveyedShard surveyed;
  std::unique_ptr<pqxx::connection> connection;
  std::optional<ShardOwnership> ownership;
  std::optional<ShardCatalogue> catalogue;
  std::vector<std::string> problems;
};

std::string label_of(const Shard& shard, const std::string& conninfo) {
  return shard.name + ' ' + address_of(conninfo);
}

/// Tables and indexes, by the first server of the shard that is asked.
void read_tables(pqxx::connection& connection, const ShardMap& map, ShardSurvey& out) {
  {
    pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(connection);
    out.ownership = read_ownership(transaction, map);
    out.catalogue = read_catalogue(transaction, map);
  }
  read_definitions(connection, map, out.surveyed);
  out.surveyed.known = true;
}

void check_replica(pqxx::connection& connection, const ShardMap& map, const Shard& shard) {
  pqxx::read_transaction transaction(connection);
  const auto state = read_server_state(transaction);
  if (const auto problem = identity_problem(state, map, shard)) throw std::runtime_error(*problem);
  if (!state.initialised) throw std::runtime_error("it has no schema shardplex");
  if (!state.in_recovery) throw std::runtime_error("it is no replica, and another server is the primary");
}

/// The shard's primary, or nothing, with the reason among the problems.
std::optional<PrimaryFound> look_for_primary(const ShardMap& map, const Shard& shard, ShardSurvey& out) try {
  return find_primary(map, shard);
} catch (const CommandFailed& failure) {
  out.problems.insert(out.problems.end(), failure.problems.begin(), failure.problems.end());
  return std::nullopt;
} catch (const std::exception& error) {
  out.problems.push_back(shard.name + ": " + reason_of(error));
  return std::nullopt;
}

void ask_server(std::unique_ptr<pqxx::connection> connection, const std::string& label, const ShardMap& map,
                bool is_primary, ShardSurvey& out) {
  const bool is_first = !out.surveyed.known;
  if (is_first) {
    read_tables(*connection, map, out);
    out.surveyed.by_primary = is_primary;
  }
  out.surveyed.uses.push_back(read_use(*connection, map, label));
  if (is_first) out.connection = std::move(connection);
}

ShardSurvey survey_shard(const ShardMap& map, const Shard& shard) {
  ShardSurvey out;
  out.surveyed.name = shard.name;
  auto primary = look_for_primary(map, shard, out);
  const auto primary_conninfo = primary ? primary->conninfo : std::string();
  for (const auto& conninfo : servers_of(shard)) {
    if (primary && conninfo == primary_conninfo && primary->connection == nullptr) continue;
    const auto label = label_of(shard, conninfo);
    try {
      const bool is_primary = primary && conninfo == primary_conninfo;
      auto connection = is_primary ? std::move(primary->connection) : connect(conninfo);
      if (!is_primary) check_replica(*connection, map, shard);
      ask_server(std::move(connection), label, map, is_primary, out);
    } catch (const std::exception& error) {
      out.surveyed.silent.push_back(label);
      out.problems.push_back(label + ": " + reason_of(error));
    }
  }
  return out;
}

}  // namespace

ClusterSurvey read_survey(const ShardMap& map) {
  auto shards =
      in_parallel(map.shards().size(), [&](std::size_t i) { return survey_shard(map, map.shards()[i]); });
  ClusterSurvey out;
  std::vector<std::pair<std::string, ShardCatalogue>> catalogues;
  for (auto& shard : shards) {
    for (auto& problem : shard.problems) out.problems.push_back(std::move(problem));
    if (shard.catalogue) catalogues.emplace_back(shard.surveyed.name, std::move(*shard.catalogue));
    out.connections.push_back(std::move(shard.connection));
    out.ownership.push_back(std::move(shard.ownership));
    out.survey.shards.push_back(std::move(shard.surveyed));
  }
  if (!catalogues.empty()) out.catalogue = combine(map, catalogues);
  return out;
}

}  // namespace shardplex::operations
