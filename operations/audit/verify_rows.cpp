// Of each row: is it on the shard that owns its slot, is that the slot of its key, is there another of its
// primary key?
//
// A table is read once, in pieces. What looks wrong is looked at again before it is told: a move may have
// begun or ended, a row may have changed.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <thread>

#include "operations/audit/scan_places.hpp"
#include "operations/audit/verified_table.hpp"
#include "operations/audit/verify_scope.hpp"
#include "operations/compare/row_checksum.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/joined.hpp"

namespace shardplex::operations {
namespace {

constexpr std::chrono::milliseconds pause_between_looks{500};

/// Connections to all shards, for the scans and for looking again.
struct RowAccess {
  const VerifyScope& scope;
  std::vector<Connections> scans;  ///< by shard
  Connections looks;               ///< one to each shard
};

RowAccess connect_all(const VerifyScope& scope) {
  const auto connect_some = [&](std::size_t shard, int count) {
    Connections connections;
    for (int i = 0; i < count; ++i) {
      connections.push_back(connect(scope.primaries[shard]));
      make_comparable(*connections.back());
    }
    return connections;
  };
  const std::size_t shards = scope.primaries.size();
  RowAccess access{
      scope, in_parallel(shards, [&](std::size_t i) { return connect_some(i, scope.jobs); }), {}};
  for (std::size_t i = 0; i < shards; ++i) access.looks.push_back(std::move(connect_some(i, 1).front()));
  return access;
}

/// One verification of one table.
class TableVerification {
 public:
  TableVerification(const RowAccess& access, const VerifiedTable& table)
      : access_(access),
        scope_(access.scope),
        table_(table),
        ownership_(read_all_ownership(scope_.map, access.looks)),
        moves_(unfinished_moves(scope_, access.looks)) {}

  void run() {
    auto found = in_parallel(access_.scans.size(), [&](std::size_t i) {
      return scan(scope_.map, access_.scans[i], table_, scope_.watch);
    });
    for (std::uint16_t i = 0; i < found.size(); ++i) {
      check_places(ShardId{i}, found[i]);
      check_slots(ShardId{i}, found[i].all);
    }
    if (table_.can_double) check_doubles(found);
  }

 private:
  void check_places(ShardId shard, const Scanned& found);
  void tell_places(ShardId shard, const std::string& slots);
  void check_slots(ShardId shard, const Part& found);
  std::string suspects_sql(const Suspect& suspect) const;
  void check_doubles(std::vector<Scanned>& found);
  using Holders = std::map<PrimaryKey, std::map<ShardId, std::string>>;  // row → shard → its version there
  Holders look_up(const std::vector<std::int64_t>& hashes);
  std::string shard_name(ShardId shard) const { return scope_.map.shard(shard).name; }
  /// nullopt where nobody owns it, or the group has no such slot.
  std::optional<ShardId> owner_of(std::int64_t slot) const {
    if (slot < 0 || slot >= table_.group->slot_count) return std::nullopt;
    const auto& owner = ownership_.owner(*table_.placement->group, Slot{static_cast<std::uint32_t>(slot)});
    return owner.fault == Ownership::Fault::none ? std::optional(owner.shard) : std::nullopt;
  }
  const MoveEntry* explanation(const std::vector<MoveEntry>& moves, ShardId shard, std::int32_t slot) const {
    if (slot < 0) return nullptr;
    return move_of_slot(moves, table_.group->name, shard_name(shard), Slot{static_cast<std::uint32_t>(slot)});
  }
  std::string repair_of_slot(ShardId shard, Slot right, const PrimaryKey& key, const std::string& json) const;

  const RowAccess& access_;
  const VerifyScope& scope_;
  const VerifiedTable& table_;
  const Ownership ownership_;
  const std::vector<MoveEntry> moves_;
};

void TableVerification::check_places(ShardId shard, const Scanned& found) {
  std::map<std::string, std::uint64_t> explained;  // move → rows
  std::string unexplained;
  for (const auto& [slot, rows] : found.all.rows) {
    if (owns(found.states, slot)) continue;
    if (const MoveEntry* move = explanation(moves_, shard, slot))
      explained[move->id] += rows;
    else
      unexplained += (unexplained.empty() ? "" : ",") + std::to_string(slot);
  }
  for (const auto& [move, rows] : explained)
    scope_.findings.note(shard_name(shard) + ": " + with_thousands(rows) + " rows of " +
                         table_.placement->name + " are the copy of move " + move);
  if (!unexplained.empty()) tell_places(shard, unexplained);
}

/// Looks again at the rows in these slots, a list, and tells of those that are still not the shard's.
void TableVerification::tell_places(ShardId shard, const std::string& slots) {
  std::string example = "concat_ws(', '";
  for (const auto& name : table_.table.primary_key)
    example += ", " + quote_literal(name + "=") + " || t." + quote_identifier(name) + "::text";
  const std::string sql = "SELECT t." + quoted_slot_column + ", coalesce(s.state, ''), count(*), min(" +
                          example + ")) FROM " + table_.name + " t" +
                          join_slot_state("$1", "t." + quoted_slot_column) + " WHERE t." +
                          quoted_slot_column + " = ANY ($2::integer[]) AND coalesce(s.state, '') NOT IN " +
                          std::string(owned_states_sql) + " GROUP BY 1, 2 ORDER BY 1";
  auto moves = unfinished_moves(scope_, access_.looks);
  const auto again = pqxx::nontransaction(*access_.looks[shard.value])
                         .exec_params(sql, table_.group->name, "{" + slots + "}");
  std::ranges::copy(unfinished_moves(scope_, access_.looks), std::back_inserter(moves));
  for (const auto& row : again) {
    const auto slot = row[0].as<std::int32_t>();
    if (explanation(moves, shard, slot) != nullptr) continue;
    const auto state = row[1].as<std::string>();
    const auto owner = owner_of(slot);
    Finding finding{Check::place, shard_name(shard), "", ""};
    finding.text = shard_name(shard) + ": " + with_thousands(row[2].as<std::uint64_t>()) + " rows of " +
                   table_.placement->name + " are in slot " + std::to_string(slot) + ", which " +
                   (state.empty() ? "was never here" : "is " + state + " here, by no unfinished move") +
                   "; " + (owner ? shard_name(*owner) + " owns it" : "nobody owns it") + " (" +
                   row[3].as<std::string>() + ", …)";
    finding.repair =
        (owner ? "-- Only once " + shard_name(*owner) + " is known to have these rows:\n"
               : "-- Nobody owns the slot: these may be the only rows of it. Once they are safe:\n") +
        "DELETE FROM " + table_.name + " WHERE " + quoted_slot_column + " = " + std::to_string(slot) + ";";
    scope_.findings.add(std::move(finding), row[2].as<std::uint64_t>());
  }
}

std::string TableVerification::repair_of_slot(ShardId shard, Slot right, const PrimaryKey& key,
                                              const std::string& json) const {
  const std::string slot = std::to_string(right.value), row = " WHERE " + key_condition(table_, key) + ";";
  const auto owner = owner_of(right.value);
  if (!owner) return "-- Nobody owns slot " + slot + ".";
  if (*owner == shard) return "UPDATE " + table_.name + " SET " + quoted_slot_column + " = " + slot + row;
  std::string columns, overriding;
  for (const auto& column : table_.table.columns) {
    if (!column.generated || column.identity_always) columns += ", " + quote_identifier(column.name);
    if (column.identity_always) overriding = " OVERRIDING SYSTEM VALUE";
  }
  return "-- On " + shard_name(*owner) + ", which owns slot " + slot + ":\nINSERT INTO " + table_.name +
         " (" + quoted_slot_column + columns + ")" + overriding + "\nSELECT " + slot + columns +
         " FROM json_populate_record(NULL::" + table_.name + ", " + quote_literal(json) + ");\n-- Then on " +
         shard_name(shard) + ":\nDELETE FROM " + table_.name + row;
}

/// A condition: the rows of the suspect's key, or those without one.
std::string TableVerification::suspects_sql(const Suspect& suspect) const {
  if (!suspect.key) return "NOT (" + has_key_sql(table_) + ')';
  const auto columns = columns_of_key(table_);
  std::string sql;
  for (std::size_t i = 0; i < columns.size(); ++i)
    sql = and_also(std::move(sql), quote_identifier(columns[i]->name) + " = " +
                                       quote_literal((*suspect.key)[i]) + "::" + columns[i]->type);
  return sql;
}

void TableVerification::check_slots(ShardId shard, const Part& found) {
  const auto columns = columns_of_key(table_);
  std::string texts;
  for (const Column* column : columns) texts += ", " + quote_identifier(column->name) + "::text";
  const std::string sql = "SELECT " + list_expression(table_) + ", row_to_json(t.*)::text" + texts +
                          key_texts(table_) + " FROM " + table_.name + " t WHERE " + quoted_slot_column +
                          " = $1 AND ";
  const auto first_of_primary = static_cast<pqxx::row::size_type>(columns.size() + 2);
  pqxx::nontransaction transaction(*access_.looks[shard.value]);
  for (const auto& suspect : found.suspects) {
    for (const auto& row : transaction.exec_params(sql + suspects_sql(suspect), suspect.slot)) {
      const PrimaryKey primary_key = read_key(row, first_of_primary);
      const std::string what = shard_name(shard) + ": " + name_row(table_, primary_key);
      std::vector<std::string> key;
      for (std::size_t i = 0; i < columns.size(); ++i)
        if (const auto field = row[static_cast<pqxx::row::size_type>(i + 2)]; !field.is_null())
          key.push_back(field.as<std::string>());
      if (key.size() < columns.size()) {
        scope_.findings.add({Check::slot_value, shard_name(shard), what + " has no key, and so no slot", ""});
        continue;
      }
      const auto bytes = canonical_bytes(table_.key_types, key);
      const auto list_value = row[0].is_null() ? std::nullopt : std::optional(row[0].as<std::string>());
      if (list_value != suspect.list_value) continue;
      if (!bytes) {
        scope_.findings.add({Check::slot_value, shard_name(shard),
                             what + " has the key " + joined(key) + ", which has no slot", ""});
        continue;
      }
      const Slot right = slot_of_row(*table_.group, *bytes, list_value);
      if (static_cast<std::int64_t>(right.value) == suspect.slot) continue;
      const auto owner = owner_of(right.value);
      scope_.findings.add({Check::slot_value, shard_name(shard),
                           what + " is in slot " + std::to_string(suspect.slot) +
                               "; its key belongs in slot " + std::to_string(right.value) +
                               (owner ? ", which " + shard_name(*owner) + " owns" : ", which nobody owns"),
                           repair_of_slot(shard, right, primary_key, row[1].as<std::string>())});
    }
  }
  if (found.further_suspects > 0)
    scope_.findings.add({Check::slot_value, shard_name(shard),
                         shard_name(shard) + ": " + with_thousands(found.further_suspects) +
                             " more rows of " + table_.placement->name + " are in wrong slots",
                         ""},
                        found.further_suspects);
}

/// Hashes that at least two shards have.
std::vector<std::int64_t> common_hashes(std::vector<Scanned>& shards) {
  std::vector<std::int64_t> common;
  for (auto& shard : shards) std::ranges::sort(shard.all.key_hashes);
  for (std::size_t a = 0; a < shards.size(); ++a)
    for (std::size_t b = a + 1; b < shards.size(); ++b)
      std::ranges::set_intersection(shards[a].all.key_hashes, shards[b].all.key_hashes,
                                    std::back_inserter(common));
  std::ranges::sort(common);
  common.erase(std::ranges::unique(common).begin(), common.end());
  return common;
}

TableVerification::Holders TableVerification::look_up(const std::vector<std::int64_t>& hashes) {
  std::string list;
  for (const auto hash : hashes) list += (list.empty() ? "" : ",") + std::to_string(hash);
  const std::string sql = "SELECT t.xmin::text || t.ctid::text" + key_texts(table_) + " FROM " + table_.name +
                          " t WHERE " + key_hash(table_) + " = ANY ($1::bigint[]) AND " + quoted_slot_column +
                          " IN (" + select_owned_slots("$2") + ")";
  Holders holders;
  for (std::uint16_t i = 0; i < scope_.map.shards().size(); ++i) {
    pqxx::nontransaction transaction(*access_.looks[i]);
    for (const auto& row : transaction.exec_params(sql, "{" + list + "}", table_.group->name))
      holders[read_key(row, 1)][ShardId{i}] = row[0].as<std::string>();
  }
  return holders;
}

// Shards are asked one after the other, so a row that goes from one to another may be seen on both. One that
// is on each of them in the same version at two such rounds was there all the while between them, so on both
// at once.
void TableVerification::check_doubles(std::vector<Scanned>& found) {
  auto common = common_hashes(found);
  if (common.empty()) return;
  if (common.size() > most_suspects) {
    const std::uint64_t more = common.size() - most_suspects;
    scope_.findings.add(
        {Check::doubled, "",
         with_thousands(more) + " more rows of " + table_.placement->name + " are on two shards", ""},
        more);
    common.resize(most_suspects);
  }
  const Holders before = look_up(common);
  std::this_thread::sleep_for(pause_between_looks);
  for (const auto& [key, now] : look_up(common)) {
    const auto then = before.find(key);
    if (then == before.end()) continue;
    std::string shards, repair;
    std::size_t lasting = 0;
    for (const auto& [shard, version] : now) {
      const auto seen = then->second.find(shard);
      if (seen == then->second.end() || seen->second != version) continue;
      shards += (lasting++ == 0 ? "" : " and ") + shard_name(shard);
      repair += "-- On " + shard_name(shard) + ", if the other row is the right one:\nDELETE FROM " +
                table_.name + " WHERE " + key_condition(table_, key) + ";\n";
    }
    if (lasting < 2) continue;
    repair.pop_back();
    scope_.findings.add({Check::doubled, "", name_row(table_, key) + " is on " + shards, repair});
  }
}

}  // namespace

void verify_rows(const VerifyScope& scope) {
  const bool any =
      std::ranges::any_of(scope.tables, [](const TablePlacement* table) { return !table->reference; });
  if (!any) return;
  const RowAccess access = connect_all(scope);
  for (const TablePlacement* placement : scope.tables) {
    if (placement->reference) continue;
    const VerifiedTable table = [&] {
      pqxx::nontransaction transaction(*access.looks.front());
      return describe(transaction, scope, *placement);
    }();
    TableVerification(access, table).run();
  }
}

}  // namespace shardplex::operations
