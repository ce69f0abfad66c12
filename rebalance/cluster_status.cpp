// cluster status: every server of the map as it is found, and what each shard owns and holds.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "rebalance/command_line.hpp"
#include "rebalance/server.hpp"
#include "rebalance/shard_directory.hpp"

namespace shardplex::rebalance {
namespace {

namespace json = boost::json;

/// A table on one shard.
struct TableSize {
  std::string name;
  std::uint64_t rows = 0;
  bool exact = false;               ///< counted, not estimated by the last ANALYZE
  bool known = true;                ///< false: not analysed yet and not counted
  std::uint64_t bytes = 0;          ///< with indexes and TOAST
  std::uint64_t leftover_rows = 0;  ///< in slots that the shard does not own; exact
};

/// What a shard's primary says about its data.
struct ShardContent {
  ShardOwnership account;
  std::vector<TableSize> tables;
  std::vector<std::string> prepared;               ///< transactions of interrupted loads
  std::vector<std::string> directory_differences;  ///< between its directory of servers and the map
  std::vector<std::string> problems;
};

struct Server {
  ShardId shard;
  bool configured_primary = false;
  std::string conninfo;
  std::optional<ServerState> state;  ///< nullopt: unreachable
  std::string problem;
  std::optional<ShardContent> content;  ///< of a primary of this cluster
};

struct ClusterStatus {
  std::vector<Server> servers;
  std::vector<const Server*> primaries;  ///< by shard; nullptr where none was found
  std::vector<std::string> faults;
};

std::vector<Server> servers_of(const ShardMap& map) {
  std::vector<Server> servers;
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    const Shard& shard = map.shards()[i];
    servers.push_back({ShardId{i}, true, shard.primary, {}, {}, {}});
    for (const auto& replica : shard.replicas) servers.push_back({ShardId{i}, false, replica, {}, {}, {}});
  }
  return servers;
}

// Rows are looked for in slots that are not owned here, each with its own state: incoming rows are on their
// way in, all others are left over.
constexpr const char* leftovers_where = R"sql( WHERE NOT EXISTS (
  SELECT FROM shardplex.slots s
   WHERE s.grp = $1 AND s.slot = t.shardplex_slot AND s.state IN ('owned', 'fenced', 'incoming')))sql";

std::uint64_t count_leftovers(pqxx::transaction_base& transaction, const std::string& qualified,
                              const std::string& group) {
  const std::string counts = "SELECT coalesce(sum(t.n), 0) FROM (SELECT shardplex_slot, count(*) AS n FROM " +
                             qualified + " GROUP BY shardplex_slot) t";
  return transaction.exec_params1(counts + leftovers_where, group)[0].as<std::uint64_t>();
}

std::optional<TableSize> measure_table(pqxx::transaction_base& transaction, const ShardMap& map,
                                       const TablePlacement& placement, bool exact) {
  const std::string qualified = "public." + transaction.quote_name(placement.name);
  const auto found = transaction.exec_params(
      "SELECT c.reltuples::bigint, pg_total_relation_size(c.oid) FROM pg_class c WHERE c.oid = "
      "to_regclass($1)",
      qualified);
  if (found.empty()) return std::nullopt;
  TableSize size;
  size.name = placement.name;
  const auto estimate = found[0][0].as<std::int64_t>();
  size.known = exact || estimate >= 0;  // -1: never analysed
  size.exact = exact;
  size.rows = exact ? transaction.exec1("SELECT count(*) FROM " + qualified)[0].as<std::uint64_t>()
                    : static_cast<std::uint64_t>(std::max<std::int64_t>(estimate, 0));
  size.bytes = found[0][1].as<std::uint64_t>();
  const auto table = placement.reference ? std::nullopt : read_table(transaction, placement.name);
  if (table && table->has_slot_column)
    size.leftover_rows = count_leftovers(transaction, qualified, map.group(*placement.group).name);
  return size;
}

ShardContent read_content(pqxx::transaction_base& transaction, const ShardMap& map, bool exact) {
  ShardContent content;
  content.problems = definition_problems(transaction, map);
  content.account = read_ownership(transaction, map, content.problems);
  content.directory_differences = directory_differences(transaction, map);
  for (const auto& table : map.tables()) {
    if (auto size = measure_table(transaction, map, table, exact))
      content.tables.push_back(*std::move(size));
    else
      content.problems.push_back("table " + table.name + " does not exist");
  }
  for (const auto& row :
       transaction.exec("SELECT gid FROM pg_prepared_xacts WHERE database = current_database() "
                        "AND gid LIKE 'shardplex\\_load\\_%' ORDER BY gid"))
    content.prepared.push_back(row[0].as<std::string>());
  return content;
}

void visit(Server& server, const ShardMap& map, bool exact) try {
  const auto connection = connect(server.conninfo);
  pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(*connection);
  server.state = read_server_state(transaction);
  const Shard& shard = map.shard(server.shard);
  if (!server.state->initialised)
    server.problem = "not initialised (shardplex cluster init)";
  else if (auto wrong = identity_problem(*server.state, map, shard))
    server.problem = *std::move(wrong);
  else if (!server.state->in_recovery)
    server.content = read_content(transaction, map, exact);
} catch (const std::exception& error) {
  server.problem = reason_of(error);
}

/// The primary with the newest timeline: an old one that came back is not the shard's primary any more.
const Server* primary_of(const std::vector<Server>& servers, ShardId shard) {
  const Server* primary = nullptr;
  for (const auto& server : servers)
    if (server.shard == shard && server.content &&
        (primary == nullptr || server.state->timeline > primary->state->timeline))
      primary = &server;
  return primary;
}

void find_server_faults(const ShardMap& map, ClusterStatus& status) {
  for (const auto& server : status.servers) {
    const std::string name = map.shard(server.shard).name;
    if (server.state && !server.problem.empty())
      status.faults.push_back(name + ": " + address_of(server.conninfo) + ": " + server.problem);
    const Server* primary = status.primaries[server.shard.value];
    if (server.content && primary != &server)
      status.faults.push_back(name + ": two servers are primaries: " + address_of(primary->conninfo) +
                              " and " + address_of(server.conninfo));
  }
  for (std::uint16_t i = 0; i < map.shards().size(); ++i)
    if (status.primaries[i] == nullptr)
      status.faults.push_back(map.shards()[i].name + ": no primary can be reached");
}

void find_content_faults(const ShardMap& map, ClusterStatus& status) {
  std::vector<std::optional<ShardOwnership>> accounts;
  for (std::size_t i = 0; i < status.primaries.size(); ++i) {
    const Server* primary = status.primaries[i];
    accounts.push_back(primary != nullptr ? std::optional(primary->content->account) : std::nullopt);
    if (primary == nullptr) continue;
    for (const auto& problem : primary->content->problems)
      status.faults.push_back(map.shards()[i].name + ": " + problem);
  }
  for (const auto& fault : Ownership(map, accounts).faults(map)) status.faults.push_back(fault);
}

ClusterStatus read_status(const ShardMap& map, bool exact) {
  ClusterStatus status;
  status.servers = servers_of(map);
  in_parallel(status.servers.size(), [&](std::size_t i) { return visit(status.servers[i], map, exact), 0; });
  for (std::uint16_t i = 0; i < map.shards().size(); ++i)
    status.primaries.push_back(primary_of(status.servers, ShardId{i}));
  find_server_faults(map, status);
  find_content_faults(map, status);
  return status;
}

std::string role_of(const Server& server) {
  if (!server.state) return "unknown";
  return server.state->in_recovery ? "replica" : "primary";
}

std::string state_of(const Server& server) {
  if (!server.state) return "unreachable";
  return server.problem.empty() ? "up" : "wrong";
}

std::optional<std::int64_t> lag_bytes(const Server& server, const Server* primary) {
  if (!server.state || !server.state->in_recovery || primary == nullptr) return std::nullopt;
  return std::max<std::int64_t>(0, primary->state->wal_lsn - server.state->wal_lsn);
}

std::uint64_t count_state(const ShardContent& content, const Group& group, SlotState state) {
  return static_cast<std::uint64_t>(std::ranges::count(content.account.groups.at(group.name), state));
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
      table.add({map.shards()[i].name, std::to_string(content.account.epoch.value), group.name,
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

void warn_of_directories(const ShardMap& map, const ClusterStatus& status, const Terminal& terminal) {
  for (std::uint16_t i = 0; i < map.shards().size(); ++i) {
    if (status.primaries[i] == nullptr) continue;
    for (const auto& difference : status.primaries[i]->content->directory_differences)
      terminal.warning(map.shards()[i].name + ": " + difference);
  }
}

json::value or_null(const std::optional<std::int64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::object server_json(const ShardMap& map, const Server& server, const Server* primary) {
  const bool lag = server.state && server.state->replay_lag_seconds;
  return {{"shard", map.shard(server.shard).name},
          {"address", address_of(server.conninfo)},
          {"configured", server.configured_primary ? "primary" : "replica"},
          {"role", role_of(server)},
          {"state", state_of(server)},
          {"problem", server.problem.empty() ? json::value(nullptr) : json::value(server.problem)},
          {"timeline", or_null(server.state ? std::optional(server.state->timeline) : std::nullopt)},
          {"lag_bytes", or_null(lag_bytes(server, primary))},
          {"lag_seconds", lag ? json::value(*server.state->replay_lag_seconds) : json::value(nullptr)}};
}

json::object shard_json(const ShardMap& map, ShardId id, const ShardContent& content) {
  json::array groups, tables, prepared, directory;
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
  for (const auto& gid : content.prepared) prepared.emplace_back(gid);
  for (const auto& difference : content.directory_differences) directory.emplace_back(difference);
  return {{"name", map.shard(id).name},
          {"epoch", content.account.epoch.value},
          {"groups", groups},
          {"tables", tables},
          {"interrupted_loads", prepared},
          {"directory_differences", directory}};
}

json::object status_json(const ShardMap& map, const ClusterStatus& status) {
  json::array servers, shards, faults;
  for (const auto& server : status.servers)
    servers.push_back(server_json(map, server, status.primaries[server.shard.value]));
  for (std::uint16_t i = 0; i < map.shards().size(); ++i)
    if (status.primaries[i] != nullptr)
      shards.push_back(shard_json(map, ShardId{i}, *status.primaries[i]->content));
  for (const auto& fault : status.faults) faults.emplace_back(fault);
  return {{"cluster", map.cluster()}, {"servers", servers}, {"shards", shards}, {"faults", faults}};
}

}  // namespace

int cluster_status(Arguments args, const Terminal& terminal) {
  namespace po = boost::program_options;
  CommandOptions options(
      "cluster status --map FILE [--json] [--exact]",
      "Shows every server of the map as it is found, and what each shard owns and holds.\n"
      "Exits with 1 where a shard has no primary, or where ownership of slots is at fault.\n"
      "LEFTOVERS are rows in slots that the shard does not own; nobody sees them.");
  options.add()("map", po::value<std::string>()->value_name("FILE"), "the shard map")("json", "print JSON")(
      "exact", "count rows instead of showing PostgreSQL's estimate (~)");
  const auto values = options.parse(args, terminal);
  if (!values) return exit_ok;
  const ShardMap map = load_shard_map(required_option(*values, "map", "--map FILE"));
  const ClusterStatus status = read_status(map, values->contains("exact"));
  if (values->contains("json")) {
    terminal.out << status_json(map, status) << '\n';
    return status.faults.empty() ? exit_ok : exit_failed;
  }
  print_servers(map, status, terminal);
  print_ownership(map, status, terminal);
  print_tables(map, status, terminal);
  warn_of_prepared(map, status, terminal);
  warn_of_directories(map, status, terminal);
  if (!status.faults.empty()) throw CommandFailed(status.faults);
  return exit_ok;
}

}  // namespace shardplex::rebalance
