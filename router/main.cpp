// shardplexd: reads settings and map, and runs the router.
#include <iostream>

#include "router/log.hpp"
#include "router/server.hpp"
#include "router/settings.hpp"
#include "shard_map/yaml_map.hpp"

int main(int argc, char** argv) {
  using namespace shardplex;
  const auto settings = router::read_settings(argc, argv);
  if (const auto* exit = std::get_if<router::Exit>(&settings)) {
    (exit->code == 0 ? std::cout : std::cerr) << exit->text;
    return exit->code;
  }
  const auto& given = std::get<router::Settings>(settings);
  router::set_log_level(given.log_level);
  auto map = read_shard_map_file(given.map_file);
  if (const auto* problems = std::get_if<std::vector<MapProblem>>(&map)) {
    for (const auto& problem : *problems) std::cerr << given.map_file << ": " << problem.to_string() << "\n";
    return 1;
  }
  try {
    return router::run_server(given, std::make_shared<const ShardMap>(std::get<ShardMap>(std::move(map))));
  } catch (const std::exception& e) {
    router::log_error("the router cannot run", {{"reason", std::string_view(e.what())}});
    return 1;
  }
}
