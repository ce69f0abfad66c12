#include "cli/ways_back_output.hpp"

#include "operations/shard/server.hpp"

namespace shardplex::cli {

namespace json = boost::json;
using namespace operations;

void add_broken_ways_back(const WaysBack& ways, json::object& object) {
  json::array broken;
  for (const auto& [move, problem] : ways.broken_moves)
    broken.push_back({{"move", move}, {"problem", problem}});
  if (ways.import)
    for (const auto& problem : problems_of(*ways.import))
      broken.push_back({{"import", ways.import->entry.id}, {"problem", problem}});
  object["broken_ways_back"] = std::move(broken);
}

void add_reversible_import(const WaysBack& ways, json::object& object) {
  object["import"] = nullptr;
  if (ways.import)
    object["import"] = json::object{{"id", ways.import->entry.id},
                                    {"phase", to_string(ways.import->entry.phase)},
                                    {"source", address_of(ways.import->entry.source)}};
}

void warn_of_ways_back(const WaysBack& ways, const Terminal& terminal) {
  if (ways.import) terminal.note(to_string(*ways.import));
  for (const auto& warning : warnings_of(ways)) terminal.warning(warning);
}

}  // namespace shardplex::cli
