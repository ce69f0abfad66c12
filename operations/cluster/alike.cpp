#include "operations/cluster/alike.hpp"

#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/access_rights.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

/// Findings about one shard after the other, told at the end all at once.
class Judgement {
 public:
  Judgement(bool refuses, const Terminal& terminal) : refuses_(refuses), terminal_(terminal) {}

  void add(const std::string& shard, const std::vector<EnvironmentFinding>& findings) {
    for (const auto& finding : findings) {
      std::string text = shard + ": " + finding.text;
      if (refuses_ && finding.effect == EnvironmentFinding::Effect::differs)
        refused_.push_back(std::move(text));
      else
        terminal_.warning(text);
    }
  }

  void end() {
    if (refused_.empty()) return;
    refused_.push_back("nothing was changed: one request would be answered otherwise by different shards");
    throw CommandFailed(std::move(refused_));
  }

 private:
  bool refuses_;
  const Terminal& terminal_;
  std::vector<std::string> refused_;
};

}  // namespace

void require_alike(const std::vector<ShardUnderWay>& shards, const ShardMap& map, bool makes_shards,
                   const Terminal& terminal) {
  if (shards.empty()) return;
  std::vector<ShardEnvironment> environments;
  for (const auto& shard : shards) environments.push_back(read_environment(*shard.transaction, map));
  Judgement judgement(makes_shards, terminal);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    judgement.add(shards[i].name, environment_faults(environments[i]));
    judgement.add(shards[i].name, environment_differences(environments[i], environments[0], shards[0].name));
  }
  judgement.add(shards[0].name, tables_left_behind(environments[0]));
  judgement.end();
}

void require_fit(const ShardUnderWay& added, const ShardUnderWay& shard, const ShardMap& map,
                 const Terminal& terminal) {
  ShardEnvironment here = read_environment(*added.transaction, map);
  here.to_be_made = true;
  Judgement judgement(true, terminal);
  judgement.add(added.name,
                environment_differences(here, read_environment(*shard.transaction, map), shard.name));
  judgement.end();
}

void warn_of_rights(const ShardMap& map, const Terminal& terminal) try {
  std::vector<std::vector<AccessRight>> rights;
  for (const auto& primary : find_primaries(map)) {
    pqxx::nontransaction transaction(*primary.connection);
    const auto may_look = transaction.exec1("SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')");
    if (!may_look[0].as<bool>()) return;
    rights.push_back(read_access_rights(transaction, map));
  }
  for (std::size_t i = 1; i < rights.size(); ++i)
    for (const auto& difference : access_differences(rights[i], rights[0], map.shards()[0].name))
      if (difference.tunes)
        terminal.note(map.shards()[i].name + ": " + difference.text);
      else
        terminal.warning(map.shards()[i].name + ": " + difference.text +
                         "; who has that role is served otherwise there");
} catch (const std::exception& error) {
  terminal.warning("roles and grants of the shards could not be compared: " + reason_of(error));
}

}  // namespace shardplex::operations
