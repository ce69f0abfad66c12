// Of each row: is it on the shard that owns its slot, is that the slot of its key, is there another of its
// primary key?
//
// A table is read once, in pieces. Of each piece PostgreSQL puts the keys of a slot behind one another into
// one value, which is several times as fast as a row at a time; their slots are computed here. The states of
// the slots are of the same snapshot. What looks wrong is looked at again before it is told: a move may have
// begun or ended, a row may have changed.
#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "operations/audit/verify_scope.hpp"
#include "operations/compare/row_checksum.hpp"
#include "operations/process/failure.hpp"
#include "operations/process/terminal.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/server.hpp"
#include "query/catalogue/catalogue.hpp"
#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

using PrimaryKey = std::vector<std::string>;

constexpr std::size_t most_suspects = 1000;  // of a table on a shard, that are looked at again
constexpr std::chrono::milliseconds pause_between_looks{500};

const std::string quoted_slot_column = quote_identifier(slot_column);

/// A sharded table, with what is needed to read it.
struct VerifiedTable {
  const TablePlacement* placement = nullptr;
  const Group* group = nullptr;
  const ListStrategy* list = nullptr;  ///< nullptr under hash
  Table table = {};
  KeyType key_type = KeyType::integer;
  std::string name = {};       ///< quoted
  std::string condition = {};  ///< which rows are verified
  bool can_double = false;     ///< the primary key does not decide the slot
};

const Column& key_column(const VerifiedTable& table) {
  return *table.table.find_column(table.placement->key);
}

std::string list_expression(const VerifiedTable& table) {
  return table.list != nullptr ? quote_identifier(table.list->column) + "::text" : "NULL::text";
}

VerifiedTable describe(pqxx::transaction_base& transaction, const VerifyScope& scope,
                       const TablePlacement& placement) {
  const std::string refused = "table " + placement.name + " cannot be verified: ";
  auto table = read_table(transaction, placement.name);
  if (!table) throw CommandFailed("table " + placement.name + " does not exist");
  if (!table->has_slot_column) throw CommandFailed(refused + "it has no column " + std::string(slot_column));
  if (table->primary_key.empty()) throw CommandFailed(refused + "it has no primary key");
  const Column* key = table->find_column(placement.key);
  const auto type = key != nullptr ? key_type(*key) : std::nullopt;
  if (!type) throw CommandFailed(refused + "it has no column " + placement.key + " that could be its key");

  VerifiedTable verified{&placement, &scope.map.group(*placement.group)};
  verified.list = std::get_if<ListStrategy>(&verified.group->strategy);
  if (verified.list != nullptr && table->find_column(verified.list->column) == nullptr)
    throw CommandFailed(refused + "it has no column " + verified.list->column +
                        ", by which the map makes lists");
  verified.key_type = *type;
  verified.name = "\"public\"." + quote_identifier(placement.name);
  const SlotSet& slots = scope.slots[placement.group->value];
  verified.condition =
      slots.is_all() ? "true" : quoted_slot_column + " = ANY ('" + array_literal(slots) + "'::integer[])";
  const auto in_key = [&](const std::string& column) {
    return std::ranges::find(table->primary_key, column) != table->primary_key.end();
  };
  verified.can_double =
      !in_key(placement.key) || (verified.list != nullptr && !in_key(verified.list->column));
  verified.table = *std::move(table);
  return verified;
}

/// The checksum of the primary key.
std::string key_hash(const VerifiedTable& table) {
  std::vector<HashedColumn> columns;
  for (const auto& name : table.table.primary_key)
    columns.push_back({name, table.table.find_column(name)->type});
  return row_hash(columns);
}

/// The values of the primary key as texts, as further columns of a query.
std::string key_texts(const VerifiedTable& table) {
  std::string texts;
  for (const auto& name : table.table.primary_key) texts += ", " + quote_identifier(name) + "::text";
  return texts;
}

PrimaryKey read_key(const pqxx::row& row, pqxx::row::size_type first) {
  PrimaryKey key;
  for (auto i = first; i < row.size(); ++i) key.push_back(row[i].as<std::string>());
  return key;
}

/// "movies id=42".
std::string name_row(const VerifiedTable& table, const PrimaryKey& key) {
  std::string text = table.placement->name;
  for (std::size_t i = 0; i < key.size(); ++i)
    text += (i == 0 ? " " : ", ") + table.table.primary_key[i] + "=" + key[i];
  return text;
}

std::string key_condition(const VerifiedTable& table, const PrimaryKey& key) {
  std::string sql;
  for (std::size_t i = 0; i < key.size(); ++i)
    sql += (i == 0 ? "" : " AND ") + quote_identifier(table.table.primary_key[i]) + " = " +
           quote_literal(key[i]);
  return sql;
}

// ---- One piece ----

std::string piece_sql(const VerifiedTable& table, const std::string& piece) {
  const std::string key = quote_identifier(table.placement->key);
  std::string bytes = "int8send(" + key + "::bigint)", lengths = "NULL";
  if (table.key_type == KeyType::uuid) bytes = "uuid_send(" + key + ")";
  if (table.key_type == KeyType::text) {
    bytes = "textsend(" + key + "::text)";
    lengths = "string_agg(int4send(octet_length(" + key + ")), '')";
  }
  const std::string hashes = table.can_double ? "string_agg(int8send(" + key_hash(table) + "), '')" : "NULL";
  // A key that is never null is not counted apart, which would take a tenth of the time.
  const std::string keys = key_column(table).not_null ? "count(*)" : "count(" + key + ")";
  return "SELECT " + quoted_slot_column + ", " + list_expression(table) + ", count(*), " + keys +
         ", string_agg(" + bytes + ", ''), " + lengths + ", " + hashes + " FROM " + table.name + " WHERE " +
         table.condition + " AND " + piece + " GROUP BY 1, 2";
}

/// Big-endian integers behind one another.
template <class Integer>
class Integers {
 public:
  explicit Integers(const pqxx::field& field) : bytes_(field) {}
  std::size_t size() const { return bytes_.size() / sizeof(Integer); }
  Integer operator[](std::size_t i) const {
    std::make_unsigned_t<Integer> value = 0;
    for (std::size_t b = 0; b < sizeof(Integer); ++b)
      value =
          static_cast<std::make_unsigned_t<Integer>>(value << 8U) | bytes_.data()[i * sizeof(Integer) + b];
    return static_cast<Integer>(value);
  }

 private:
  pqxx::binarystring bytes_;
};

/// A row whose stored slot is not that of its key, or that has no key.
struct Suspect {
  std::int32_t slot = 0;
  std::optional<std::string> key, list_value;  ///< as PostgreSQL reads them
  auto operator<=>(const Suspect&) const = default;
};

std::string to_hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

/// What one connection has read.
struct Part {
  std::map<std::int32_t, std::uint64_t> rows;  ///< by stored slot
  std::set<Suspect> suspects;                  ///< one for all rows of a key
  std::uint64_t further_suspects = 0;
  std::vector<std::int64_t> key_hashes;  ///< of the rows that the shard owns, where they can be doubled

  void suspect(Suspect row) {
    if (suspects.size() < most_suspects || suspects.contains(row))
      suspects.insert(std::move(row));
    else
      ++further_suspects;
  }
};

/// Calls f(canonical bytes, f that makes the key's text) for each key of a group of rows.
template <class F>
void for_each_key(KeyType type, const pqxx::row& row, F f) {
  constexpr pqxx::row::size_type keys = 4, lengths = 5;
  if (row[keys].is_null()) return;
  if (type == KeyType::integer) {
    const Integers<std::int64_t> integers(row[keys]);
    for (std::size_t i = 0; i < integers.size(); ++i)
      f(canonical_bytes(integers[i]), [&] { return std::to_string(integers[i]); });
    return;
  }
  const pqxx::binarystring bytes(row[keys]);
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (type == KeyType::uuid) {
    for (std::size_t at = 0; at < all.size(); at += 16)
      f(all.substr(at, 16), [&] { return to_hex(all.substr(at, 16)); });
    return;
  }
  const Integers<std::int32_t> sizes(row[lengths]);
  std::size_t at = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::string_view text = all.substr(at, static_cast<std::size_t>(sizes[i]));
    at += text.size();
    f(text, [&] { return std::string(text); });
  }
}

using SlotStates = std::map<std::int32_t, SlotState>;

bool owns(const SlotStates& states, std::int32_t slot) {
  const auto found = states.find(slot);
  return found != states.end() && (found->second == SlotState::owned || found->second == SlotState::fenced);
}

SlotStates read_states(pqxx::transaction_base& transaction, const ShardMap& map, const std::string& group) {
  SlotStates states;
  const ShardOwnership ownership =
      read_ownership(transaction, map);  // verify_ownership() tells what does not fit
  for (const SlotState state : ownership.groups.at(group))
    states.emplace(static_cast<std::int32_t>(states.size()), state);
  return states;
}

std::uint64_t read_piece(pqxx::transaction_base& transaction, const VerifiedTable& table,
                         const std::string& piece, const SlotStates& states, Part& part) {
  std::uint64_t rows = 0;
  for (const auto& row : transaction.exec(piece_sql(table, piece))) {
    const auto slot = row[0].as<std::int32_t>();
    const auto list_value = row[1].is_null() ? std::nullopt : std::optional(row[1].as<std::string>());
    const auto count = row[2].as<std::uint64_t>();
    part.rows[slot] += count;
    rows += count;
    if (row[3].as<std::uint64_t>() < count) part.suspect({slot, std::nullopt, list_value});
    for_each_key(table.key_type, row, [&](std::string_view key, const auto& text) {
      const Slot right = slot_of_row(*table.group, key, list_value);
      if (static_cast<std::int64_t>(right.value) != slot) part.suspect({slot, text(), list_value});
    });
    if (!table.can_double || !owns(states, slot)) continue;
    const Integers<std::int64_t> hashes(row[6]);
    for (std::size_t i = 0; i < hashes.size(); ++i) part.key_hashes.push_back(hashes[i]);
  }
  return rows;
}

/// What a scan of the table on one shard has found.
struct Scanned {
  Part all;
  SlotStates states;
};

Scanned scan(const ShardMap& map, const Connections& connections, const VerifiedTable& table,
             ScanWatch& watch) {
  Scanned scanned;
  std::vector<Part> parts(connections.size());  // by job
  scan_table(
      connections, table.name, watch,
      [&](std::size_t job, pqxx::transaction_base& transaction, const std::string& piece) {
        return read_piece(transaction, table, piece, scanned.states, parts[job]);
      },
      [&](pqxx::transaction_base& transaction) {
        scanned.states = read_states(transaction, map, table.group->name);
      });
  for (auto& part : parts) {
    for (const auto& [slot, rows] : part.rows) scanned.all.rows[slot] += rows;
    for (const auto& suspect : part.suspects) scanned.all.suspect(suspect);
    scanned.all.further_suspects += part.further_suspects;
    std::ranges::copy(part.key_hashes, std::back_inserter(scanned.all.key_hashes));
  }
  return scanned;
}

// ---- What looks wrong, looked at again ----

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

void TableVerification::check_slots(ShardId shard, const Part& found) {
  const std::string key = quote_identifier(table_.placement->key);
  const std::string sql = "SELECT " + key + "::text, " + list_expression(table_) +
                          ", row_to_json(t.*)::text" + key_texts(table_) + " FROM " + table_.name +
                          " t WHERE " + quoted_slot_column + " = $1 AND ";
  pqxx::nontransaction transaction(*access_.looks[shard.value]);
  for (const auto& suspect : found.suspects) {
    const auto rows = suspect.key ? transaction.exec_params(sql + key + " = $2::" + key_column(table_).type,
                                                            suspect.slot, *suspect.key)
                                  : transaction.exec_params(sql + key + " IS NULL", suspect.slot);
    for (const auto& row : rows) {
      const PrimaryKey primary_key = read_key(row, 3);
      const std::string what = shard_name(shard) + ": " + name_row(table_, primary_key);
      if (row[0].is_null()) {
        scope_.findings.add({Check::slot_value, shard_name(shard), what + " has no key, and so no slot", ""});
        continue;
      }
      const auto bytes = canonical_bytes(table_.key_type, row[0].as<std::string>());
      const auto list_value = row[1].is_null() ? std::nullopt : std::optional(row[1].as<std::string>());
      if (list_value != suspect.list_value) continue;
      const Slot right = slot_of_row(*table_.group, bytes.value(), list_value);
      if (static_cast<std::int64_t>(right.value) == suspect.slot) continue;
      const auto owner = owner_of(right.value);
      scope_.findings.add({Check::slot_value, shard_name(shard),
                           what + " is in slot " + std::to_string(suspect.slot) +
                               "; its key belongs in slot " + std::to_string(right.value) +
                               (owner ? ", which " + shard_name(*owner) + " owns" : ", which nobody owns"),
                           repair_of_slot(shard, right, primary_key, row[2].as<std::string>())});
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
