// cluster status: every server of the map as it is found, and what each shard owns and holds.
#include <algorithm>
#include <cmath>

#include "cli/command_line.hpp"
#include "cli/ways_back_output.hpp"
#include "operations/cluster/status.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/json_values.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;

std::uint64_t count_state(const ShardContent& content, const Group& group, SlotState state) {
  return static_cast<std::uint64_t>(std::ranges::count(content.ownership.groups.at(group.name), state));
}

void print_servers(const ShardMap& map, const ClusterStatus& status, const Terminal& terminal) {
  constexpr auto right = TextTable::Align::right;
  TextTable table(
      {{"SHARD"}, {"SERVER"}, {"ROLE"}, {"STATE"}, {"LAG", right}, {"TIMELINE", right}, {"DETAILS"}});
  for (const auto& server : status.servers) {
    const auto lag = lag_bytes(server, status.primaries[server.shard.value]);
    std::string lag_text = lag ? human_bytes(static_cast<std::uint64_t>(*lag)) : "-";
    if (lag && server.state->replay_lag_seconds)
      lag_text += " / " + std::to_string(std::lround(*server.state->replay_lag_seconds)) + " s";
    const std::string state = state_of(server);
    table.add({map.shard(server.shard).name,
               address_of(server.conninfo),
               role_of(server),
               {state, state == "up" ? Colour::green : Colour::red},
               lag_text,
               server.state ? std::to_string(server.state->timeline) : "-",
               server.problem});
  }
  table.print(terminal);
}

void print_ownership(const ShardMap& map, const ClusterStatus& status, const Terminal& terminal) {
  constexpr auto right = TextTable::Align::right;
  TextTable table({{"SHARD"},
                   {"EPOCH", right},
                   {"GROUP"},
                   {"OWNED", right},
                   {"PLACED", right},
                   {"FENCED", right},
                   {"INCOMING", right},
                   {"MOVED", right}});
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    if (status.primaries[i] == nullptr) continue;
    const ShardContent& content = *status.primaries[i]->content;
    for (const auto& group : map.groups()) {
      const auto count = [&](SlotState state) { return count_state(content, group, state); };
      table.add({map.shards()[i].name, std::to_string(content.ownership.epoch.value), group.name,
                 std::to_string(count(SlotState::owned) + count(SlotState::fenced)),
                 std::to_string(std::ranges::count(group.placement, ShardId{i})),
                 std::to_string(count(SlotState::fenced)), std::to_string(count(SlotState::incoming)),
                 std::to_string(count(SlotState::moved))});
    }
  }
  if (table.empty()) return;
  terminal.out << '\n';
  table.print(terminal);
}

std::string rows_text(const TableSize& table) {
  if (!table.known) return "?";
  return (table.exact ? "" : "~") + with_thousands(table.rows);
}

void print_tables(const ShardMap& map, const ClusterStatus& status, const Terminal& terminal) {
  constexpr auto right = TextTable::Align::right;
  TextTable table({{"SHARD"}, {"TABLE"}, {"ROWS", right}, {"SIZE", right}, {"LEFTOVERS", right}});
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    if (status.primaries[i] == nullptr) continue;
    for (const auto& size : status.primaries[i]->content->tables)
      table.add(
          {map.shards()[i].name,
           size.name,
           rows_text(size),
           human_bytes(size.bytes),
           {with_thousands(size.leftover_rows), size.leftover_rows > 0 ? Colour::yellow : Colour::none}});
  }
  if (table.empty()) return;
  terminal.out << '\n';
  table.print(terminal);
}

void warn_of_prepared(const ShardMap& map, const ClusterStatus& status, const Terminal& terminal) {
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    if (status.primaries[i] == nullptr) continue;
    for (const auto& gid : status.primaries[i]->content->prepared)
      terminal.warning(
          map.shards()[i].name + ": the load " + gid +
          " is under way or was interrupted; the next shardplex load finishes what was interrupted");
  }
}

void warn_of_waiting_parts(const ShardMap& map, const ClusterStatus& status, const Terminal& terminal) {
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    if (status.primaries[i] == nullptr) continue;
    const auto& parts = status.primaries[i]->content->waiting_parts;
    if (parts.empty()) continue;
    terminal.warning(map.shards()[i].name +
                     ": parts of writes over several shards are prepared: " + std::to_string(parts.size()) +
                     ", the oldest for " + std::to_string(parts.front().waiting_ms / 1000) + " s; shard " +
                     parts.front().part.decider +
                     " decides about it. Routers settle what nobody finishes, and so does shardplex cluster "
                     "doctor --fix");
  }
}

void warn_of_directories(const ShardMap& map, const ClusterStatus& status, const Terminal& terminal) {
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    if (status.primaries[i] == nullptr) continue;
    for (const auto& difference : status.primaries[i]->content->directory_differences)
      terminal.warning(map.shards()[i].name + ": " + difference);
  }
}

json::object server_json(const ShardMap& map, const Server& server, const Server* primary) {
  return {{"shard", map.shard(server.shard).name},
          {"address", address_of(server.conninfo)},
          {"configured", server.configured_primary ? "primary" : "replica"},
          {"role", role_of(server)},
          {"state", state_of(server)},
          {"problem", text_or_null(server.problem)},
          {"timeline", or_null(server.state ? std::optional(server.state->timeline) : std::nullopt)},
          {"lag_bytes", or_null(lag_bytes(server, primary))},
          {"lag_seconds", or_null(server.state ? server.state->replay_lag_seconds : std::nullopt)}};
}

json::object shard_json(const ShardMap& map, ShardId id, const ShardContent& content) {
  json::array groups, tables;
  for (const auto& group : map.groups()) {
    const auto count = [&](SlotState state) { return count_state(content, group, state); };
    groups.push_back({{"name", group.name},
                      {"owned", count(SlotState::owned) + count(SlotState::fenced)},
                      {"placed", std::ranges::count(group.placement, id)},
                      {"fenced", count(SlotState::fenced)},
                      {"incoming", count(SlotState::incoming)},
                      {"moved", count(SlotState::moved)}});
  }
  for (const auto& table : content.tables)
    tables.push_back({{"name", table.name},
                      {"rows", table.known ? json::value(table.rows) : json::value(nullptr)},
                      {"exact", table.exact},
                      {"bytes", table.bytes},
                      {"leftover_rows", table.leftover_rows}});
  json::array parts;
  for (const auto& waiting : content.waiting_parts)
    parts.push_back({{"name", waiting.gid},
                     {"decider", waiting.part.decider},
                     {"seconds", static_cast<double>(waiting.waiting_ms) / 1e3}});
  return {{"name", map.shard(id).name},
          {"epoch", content.ownership.epoch.value},
          {"groups", groups},
          {"tables", tables},
          {"interrupted_loads", json_array(content.prepared)},
          {"prepared_writes", parts},
          {"directory_differences", json_array(content.directory_differences)}};
}

/// Asks once more, and the source of an import, where there are any.
WaysBack ways_back_of(const ShardMap& map, const ClusterStatus& status) {
  const bool any = std::ranges::any_of(status.primaries, [](const Server* primary) {
    return primary != nullptr && primary->content->has_ways_back;
  });
  return any ? read_ways_back(map) : WaysBack{};
}

json::object status_json(const ShardMap& map, const ClusterStatus& status, const WaysBack& ways) {
  json::array servers, shards;
  for (const auto& server : status.servers)
    servers.push_back(server_json(map, server, status.primaries[server.shard.value]));
  for (std::uint16_t i = 0; i < map.shards().size(); ++i)
    if (status.primaries[i] != nullptr)
      shards.push_back(shard_json(map, ShardId{i}, *status.primaries[i]->content));
  json::object object{{"cluster", map.cluster()},
                      {"servers", servers},
                      {"shards", shards},
                      {"faults", json_array(status.faults)}};
  add_reversible_import(ways, object);
  add_broken_ways_back(ways, object);
  return object;
}

}  // namespace

int cluster_status(Arguments args, const Terminal& terminal) {
  CommandOptions options(
      "cluster status --map FILE [--json] [--exact]",
      "Shows every server of the map as it is found, and what each shard owns and holds.\n"
      "Exits with 1 where a shard has no primary, or where ownership of slots is at fault.\n"
      "LEFTOVERS are rows in slots that the shard does not own; nobody sees them.");
  options.add_map();
  options.add_json();
  options.add()("exact", "count rows instead of showing PostgreSQL's estimate (~)");
  const auto given = options.parse(args, terminal);
  if (!given) return exit_ok;
  const ShardMap map = given->map();
  const ClusterStatus status = read_cluster_status(map, given->has("exact"));
  const WaysBack ways = ways_back_of(map, status);
  if (given->json()) {
    terminal.out << status_json(map, status, ways) << '\n';
    return status.faults.empty() ? exit_ok : exit_failed;
  }
  print_servers(map, status, terminal);
  print_ownership(map, status, terminal);
  print_tables(map, status, terminal);
  warn_of_prepared(map, status, terminal);
  warn_of_waiting_parts(map, status, terminal);
  warn_of_directories(map, status, terminal);
  warn_of_ways_back(ways, terminal);
  if (!status.faults.empty()) throw CommandFailed(status.faults);
  return exit_ok;
}

}  // namespace shardplex::cli
