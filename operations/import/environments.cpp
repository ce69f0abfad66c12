#include "operations/import/environments.hpp"

#include <optional>
#include <utility>

#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

template <class Connect>
std::optional<ShardEnvironment> environment_of(const ShardMap& map, Connect connect_to) try {
  const std::unique_ptr<pqxx::connection> connection = connect_to();
  pqxx::read_transaction transaction(*connection);
  return read_environment(transaction, map);
} catch (const std::exception&) {
  return std::nullopt;
}

void add(const std::string& shard, std::vector<EnvironmentFinding> findings, EnvironmentsOfImport& all) {
  for (auto& finding : findings) {
    const bool differs = finding.effect == EnvironmentFinding::Effect::differs;
    (differs ? all.problems : all.warnings).push_back(shard + ": " + std::move(finding.text));
  }
}

}  // namespace

EnvironmentsOfImport compare_environments(const ShardMap& map, const std::string& source) {
  auto origin = environment_of(map, [&] { return connect(source); });
  // What an import does not bring is a loss, which find_losses() tells.
  if (origin)
    for (auto& [name, part] : origin->parts) part.named_only = false;
  auto shards = in_parallel(map.shards().size(), [&](std::size_t i) {
    return environment_of(map, [&] {
      return std::move(find_primary(map, map.shards()[i], Uninitialised::allowed).connection);
    });
  });
  EnvironmentsOfImport all;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (!shards[i]) continue;
    shards[i]->to_be_made = true;
    const std::string& name = map.shards()[i].name;
    if (i > 0 && shards[0])
      add(name, environment_differences(*shards[i], *shards[0], map.shards()[0].name), all);
    if (origin) add(name, object_differences(*shards[i], *origin, "the source"), all);
  }
  return all;
}

}  // namespace shardplex::operations
