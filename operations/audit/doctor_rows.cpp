#include "operations/audit/doctor_rows.hpp"

#include <algorithm>
#include <map>

#include "operations/process/failure.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

constexpr std::int64_t blocks_of_piece = 256;  // rows of one transaction
constexpr std::size_t keys_of_lookup = 1000;

using Key = std::vector<std::string>;

std::string slots_condition(const std::vector<std::int32_t>& slots) {
  std::string list;
  for (const auto slot : slots) list += (list.empty() ? "" : ",") + std::to_string(slot);
  return quote_identifier(slot_column) + " = ANY ('{" + list + "}'::integer[])";
}

/// Calls f with a condition on ctid for each piece of the table.
template <class F>
void for_each_piece(pqxx::connection& connection, const std::string& table, F f) {
  const auto blocks =
      pqxx::nontransaction(connection)
          .exec_params1("SELECT pg_relation_size($1::regclass) / current_setting('block_size')::bigint",
                        table)[0]
          .as<std::int64_t>();
  const auto tid = [](std::int64_t block) { return "'(" + std::to_string(block) + ",0)'::tid"; };
  for (std::int64_t block = 0; block < blocks; block += blocks_of_piece)
    f("ctid >= " + tid(block) + " AND ctid < " + tid(block + blocks_of_piece));
}

/// Statements that take keys as an array per column.
class KeyStatements {
 public:
  KeyStatements(pqxx::connection& connection, const std::string& table) {
    pqxx::nontransaction transaction(connection);
    const auto described = read_table(transaction, table);
    if (!described || described->primary_key.empty())
      throw CommandFailed("table " + table + " has no primary key");
    std::string arrays, names, matches;
    for (std::size_t i = 0; i < described->primary_key.size(); ++i) {
      const Column& column = *described->find_column(described->primary_key[i]);
      const std::string n = std::to_string(i + 1);
      arrays += (i == 0 ? "$" : ", $") + n + "::text[]";
      names += "k" + n + ", ";
      matches += (i == 0 ? "" : " AND ") + quote_identifier(column.name) + " = shardplex_keys.k" + n +
                 "::" + column.type;
      texts += ", " + quote_identifier(column.name) + "::text";
    }
    const std::string keys = "unnest(" + arrays + ") WITH ORDINALITY AS shardplex_keys(" + names + "n)";
    const std::string name = quote_map_name(table);
    exists = "SELECT n FROM " + keys + " WHERE EXISTS (SELECT FROM " + name + " WHERE " + matches + ")";
    remove = "DELETE FROM " + name + " USING " + keys + " WHERE " + matches + " AND ";
  }

  std::string texts;   ///< the primary key as further columns of a query
  std::string exists;  ///< the numbers of the keys that there are
  std::string remove;  ///< lacks a condition on the slot
};

std::vector<std::string> arrays_of(const std::vector<Key>& keys) {
  std::vector<std::string> arrays;
  for (std::size_t column = 0; column < keys.front().size(); ++column) {
    std::vector<std::string> values;
    for (const auto& key : keys) values.push_back(key[column]);
    arrays.push_back(shardplex::array_literal(values));
  }
  return arrays;
}

/// Deletes those of the keys that the owner has; returns how many it has not.
std::uint64_t delete_known(const std::vector<Key>& keys, const KeyStatements& statements,
                           const std::string& slots, pqxx::connection& here, pqxx::connection& owner) {
  std::uint64_t left = 0;
  for (std::size_t first = 0; first < keys.size(); first += keys_of_lookup) {
    const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
    const auto count = std::min(keys_of_lookup, keys.size() - first);
    const std::vector<Key> some(begin, begin + static_cast<std::ptrdiff_t>(count));
    std::vector<Key> known;
    const auto arrays = arrays_of(some);
    for (const auto& row : pqxx::nontransaction(owner).exec_params(
             statements.exists, pqxx::prepare::make_dynamic_params(arrays)))
      known.push_back(some[row[0].as<std::size_t>() - 1]);
    left += some.size() - known.size();
    if (known.empty()) continue;
    const auto known_arrays = arrays_of(known);
    pqxx::nontransaction(here).exec_params(statements.remove + slots,
                                           pqxx::prepare::make_dynamic_params(known_arrays));
  }
  return left;
}

}  // namespace

std::vector<StrayRows> find_stray_rows(pqxx::connection& connection, const ShardMap& map, ShardId shard) {
  std::vector<StrayRows> found;
  pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction(connection);
  for (const auto& table : map.tables()) {
    if (table.reference) continue;
    const auto described = read_table(transaction, table.name);
    if (!described || !described->has_slot_column) continue;
    StrayRows stray{shard, &table, 0, {}};
    for (const auto& row : transaction.exec_params(
             "SELECT r.slot, r.n FROM (SELECT shardplex_slot AS slot, count(*) AS n FROM " +
                 quote_map_name(table.name) + " GROUP BY 1) r WHERE NOT " + has_slot_state("$1", "r.slot") +
                 " ORDER BY 1",
             map.group(*table.group).name)) {
      stray.slots.push_back(row[0].as<std::int32_t>());
      stray.rows += row[1].as<std::uint64_t>();
    }
    if (stray.rows > 0) found.push_back(std::move(stray));
  }
  return found;
}

std::string to_string(const StrayRows& stray) {
  constexpr std::size_t most_named = 10;
  std::string slots;
  for (std::size_t i = 0; i < std::min(stray.slots.size(), most_named); ++i)
    slots += (i == 0 ? "" : ", ") + std::to_string(stray.slots[i]);
  if (stray.slots.size() > most_named) slots += ", …";
  return with_thousands(stray.rows) + " rows of " + stray.table->name +
         " are in slots that are not here: " + slots;
}

std::uint64_t delete_stray_rows(const StrayRows& stray, const ShardMap& map, const Ownership& ownership,
                                const Connections& connections) {
  pqxx::connection& here = *connections[stray.shard.value];
  const Group& group = map.group(*stray.table->group);
  const KeyStatements statements(here, stray.table->name);
  const std::string name = quote_map_name(stray.table->name);
  const std::string slots = slots_condition(stray.slots);
  std::uint64_t left = 0;
  for_each_piece(here, name, [&](const std::string& piece) {
    std::map<ShardId, std::vector<Key>> keys;  // by the owner of the row's slot
    for (const auto& row :
         pqxx::nontransaction(here).exec("SELECT " + quote_identifier(slot_column) + statements.texts +
                                         " FROM " + name + " WHERE " + piece + " AND " + slots)) {
      const auto slot = row[0].as<std::int64_t>();
      const bool exists = slot >= 0 && slot < group.slot_count;
      const auto owner = exists ? ownership.owner(*stray.table->group, Slot{static_cast<std::uint32_t>(slot)})
                                : Ownership::Owner{{}, Ownership::Fault::unowned};
      if (owner.fault != Ownership::Fault::none) {
        ++left;
        continue;
      }
      Key& key = keys[owner.shard].emplace_back();
      for (pqxx::row::size_type i = 1; i < row.size(); ++i) key.push_back(row[i].as<std::string>());
    }
    for (const auto& [owner, of_owner] : keys)
      left += delete_known(of_owner, statements, slots, here, *connections[owner.value]);
  });
  return left;
}

void clear_slots(pqxx::connection& connection, const ShardMap& map, const Group& group,
                 const SlotSet& slots) {
  const std::string condition =
      quote_identifier(slot_column) + " = ANY ('" + array_literal(slots) + "'::integer[])";
  for (const auto& table : map.tables()) {
    if (table.reference || map.group(*table.group).name != group.name) continue;
    const std::string name = quote_map_name(table.name);
    for_each_piece(connection, name, [&](const std::string& piece) {
      pqxx::nontransaction(connection).exec("DELETE FROM " + name + " WHERE " + piece + " AND " + condition);
    });
  }
  pqxx::nontransaction(connection)
      .exec_params("SELECT shardplex.forget_slots($1, $2)", group.name, array_literal(slots));
}

}  // namespace shardplex::operations
