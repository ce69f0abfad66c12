// A shard map's YAML.
#include <string>
#include <variant>
#include <vector>

#include "shard_map/definitions.hpp"
#include "shard_map/map_text.hpp"
#include "shard_map/yaml_map.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {

void take(std::string_view input) {
  const auto read = read_shard_map(input);
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&read)) {
    invariant(!problems->empty(), "a map that is refused has a problem");
    for (const auto& problem : *problems) {
      invariant(!problem.message.empty() && problem.line >= 0, "a problem has a message and a place");
      static_cast<void>(problem.to_string());
    }
    return;
  }
  const auto& map = std::get<ShardMap>(read);
  const auto text = to_yaml(map);
  const auto again = read_shard_map(text);
  const auto* same = std::get_if<ShardMap>(&again);
  invariant(same != nullptr, "a map is read again from its own text");
  invariant(to_yaml(*same) == text, "it is the same map");
  invariant(definitions_of(*same) == definitions_of(map), "rows are in the same slots");
  const auto edited = read_shard_map(edit_shard_map(input, map));
  const auto* kept = std::get_if<ShardMap>(&edited);
  invariant(kept != nullptr && to_yaml(*kept) == text, "an edit without a change changes nothing");
}

}  // namespace shardplex::fuzz
