#include "operations/advice/slot_contents.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "operations/process/failure.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr std::size_t most_keys = 3;

void add_keys(pqxx::transaction_base& transaction, const TablePlacement& table, Slot slot, SlotContent& out) {
  const auto rows = transaction.exec_params(
      "SELECT k.key, k.rows, count(*) OVER () FROM (SELECT t." + quote_identifier(table.key) +
          "::text AS key, count(*) AS rows FROM " + quote_map_name(table.name) +
          " t WHERE t.shardplex_slot = $1 GROUP BY 1) k ORDER BY k.rows DESC, k.key LIMIT " +
          std::to_string(most_keys),
      slot.value);
  for (const auto& row : rows)
    out.heaviest.push_back(
        {table.name, row[0].is_null() ? "null" : row[0].as<std::string>(), row[1].as<std::uint64_t>()});
  if (!rows.empty()) out.keys += rows[0][2].as<std::uint64_t>();
}

SlotContent content_of(const ShardMap& map, ClusterSurvey& cluster, const HotSlot& hot) {
  SlotContent out{hot.group, hot.slot, {}, 0, ""};
  try {
    const auto shard = map.find_shard(hot.shard);
    const auto group = map.find_group(hot.group);
    if (!shard || !group || !cluster.connections[shard->value])
      throw std::runtime_error(hot.shard + " does not answer");
    pqxx::read_transaction transaction(*cluster.connections[shard->value]);
    transaction.exec("SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '10s'");
    for (const auto& table : map.tables())
      if (table.group == group) add_keys(transaction, table, hot.slot, out);
    std::ranges::stable_sort(out.heaviest, std::ranges::greater{}, &KeyRows::rows);
    if (out.heaviest.size() > most_keys) out.heaviest.resize(most_keys);
  } catch (const std::exception& error) {
    out.problem = reason_of(error);
  }
  return out;
}

}  // namespace

std::vector<SlotContent> read_slot_contents(const ShardMap& map, ClusterSurvey& cluster,
                                            const std::vector<HotSlot>& slots) {
  std::vector<SlotContent> contents;
  for (const auto& slot : slots) contents.push_back(content_of(map, cluster, slot));
  return contents;
}

}  // namespace shardplex::operations
