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
#include "shard_map/joined.hpp"

namespace shardplex::operations {
namespace {

constexpr std::size_t most_keys = 3;

/// The columns of the key as texts.
std::string key_texts_sql(const TablePlacement& table) {
  return joined(table.key.names(),
                [](const std::string& name) { return "t." + quote_identifier(name) + "::text"; });
}

/// Texts of several columns, as in "acme, 7". They are put together only after rows are counted, for other
/// keys may look the same then.
std::string shown_key(const pqxx::row& row, std::size_t columns) {
  std::string text;
  for (std::size_t i = 0; i < columns; ++i) {
    const auto field = row[static_cast<pqxx::row::size_type>(i)];
    text.append(i == 0 ? "" : ", ").append(field.is_null() ? "null" : field.as<std::string>());
  }
  return text;
}

void add_keys(pqxx::transaction_base& transaction, const TablePlacement& table, Slot slot, SlotContent& out) {
  const std::string texts = key_texts_sql(table);
  const auto rows = transaction.exec_params(
      "SELECT " + texts + ", count(*), count(*) OVER () FROM " + quote_map_name(table.name) +
          " t WHERE t.shardplex_slot = $1 GROUP BY " + texts + " ORDER BY count(*) DESC, " + texts +
          " LIMIT " + std::to_string(most_keys),
      slot.value);
  const std::size_t columns = table.key.size();
  const auto counts = static_cast<pqxx::row::size_type>(columns);
  for (const auto& row : rows)
    out.heaviest.push_back({table.name, shown_key(row, columns), row[counts].as<std::uint64_t>()});
  if (!rows.empty()) out.keys += rows[0][counts + 1].as<std::uint64_t>();
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
