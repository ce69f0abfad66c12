#include "tests/integration/slot_mover.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace shardplex::integration {
namespace {

std::string slots_literal(const std::vector<int>& slots) {
  std::string out = "{";
  for (const auto slot : slots) out += (out.size() > 1 ? "," : "") + std::to_string(slot);
  return "'" + out + "}'::integer[]";
}

/// The columns of a table that can be written, by name: shards have them in different orders.
std::vector<std::string> columns_of(pqxx::work& transaction, const std::string& table) {
  std::vector<std::string> columns;
  for (const auto& row : transaction.exec(
           "SELECT quote_ident(attname) FROM pg_catalog.pg_attribute WHERE attrelid = 'public." + table +
           "'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER "
           "BY attname"))
    columns.push_back(row[0].as<std::string>());
  return columns;
}

/// INSERT of rows as PostgreSQL writes their values, which it reads again without a loss.
std::string insertion(const pqxx::work& transaction, const std::string& table,
                      const std::vector<std::string>& columns, const pqxx::result& rows) {
  std::string names, values;
  for (const auto& column : columns) names += (names.empty() ? "" : ", ") + column;
  for (const auto& row : rows) {
    std::string one;
    for (pqxx::row::size_type i = 0; i < row.size(); ++i)
      one += (i > 0 ? ", " : "") +
             (row[i].is_null() ? std::string("NULL") : transaction.quote(std::string(row[i].c_str())));
    values += (values.empty() ? "(" : ", (") + one + ')';
  }
  return "INSERT INTO public." + table + " (" + names + ") VALUES " + values;
}

}  // namespace

SlotMover::SlotMover(const Cluster& cluster)
    : SlotMover(
          [&] {
            std::vector<std::string> primaries;
            for (const auto& name : cluster.shards()) primaries.push_back(cluster.conninfo(name));
            return primaries;
          }(),
          MovedGroup()) {}

SlotMover::SlotMover(const std::vector<std::string>& primaries, MovedGroup group) : group_(std::move(group)) {
  for (const auto& conninfo : primaries) {
    auto& shard = shards_.emplace_back(conninfo);
    auto& owned = owned_.emplace_back();
    for (const auto& row : shard.run(
             "SELECT slot FROM shardplex.slots WHERE grp = " + shard.quote(group_.name) + " ORDER BY slot"))
      owned.push_back(row[0].as<int>());
  }
}

/// Brings the target's rows of these slots to what the source has. Triggers of foreign keys rest meanwhile.
void SlotMover::copy(Database& source, Database& target, const std::string& slots) const {
  pqxx::work reading(source.connection()), writing(target.connection());
  writing.exec("SET LOCAL session_replication_role = replica");
  for (const auto& table : group_.tables) {
    const auto where = " WHERE shardplex_slot = ANY (" + slots + ')';
    writing.exec("DELETE FROM public." + table + where);
    const auto columns = columns_of(reading, table);
    std::string texts;
    for (const auto& column : columns) texts += (texts.empty() ? "" : ", ") + column + "::text";
    const auto rows = reading.exec("SELECT " + texts + " FROM public." + table + where);
    if (!rows.empty()) writing.exec(insertion(writing, table, columns, rows));
  }
  writing.commit();
}

void SlotMover::remove(Database& shard, const std::string& slots) const {
  pqxx::work transaction(shard.connection());
  transaction.exec("SET LOCAL session_replication_role = replica");
  for (const auto& table : group_.tables)
    transaction.exec("DELETE FROM public." + table + " WHERE shardplex_slot = ANY (" + slots + ')');
  transaction.commit();
}

std::chrono::steady_clock::time_point SlotMover::move(const std::vector<int>& slots, std::size_t from,
                                                      std::size_t to) {
  auto &source = shards_[from], &target = shards_[to];
  const auto which = slots_literal(slots);
  const auto change = [&](Database& shard, const std::string& function) {
    shard.run("SELECT shardplex." + function + '(' + shard.quote(group_.name) + ", " + which + ')');
  };
  change(target, "receive_slots");
  copy(source, target, which);  // while clients go on writing to the source
  change(source, "fence_slots");
  copy(source, target, which);  // what they have written since
  change(source, "hand_over_slots");
  change(target, "own_slots");
  const auto handed_over = std::chrono::steady_clock::now();
  remove(source, which);
  change(source, "forget_slots");
  std::erase_if(owned_[from], [&](int slot) { return std::ranges::count(slots, slot) > 0; });
  owned_[to].insert(owned_[to].end(), slots.begin(), slots.end());
  return handed_over;
}

void SlotMover::move_some(std::mt19937_64& random) {
  std::size_t from = 0, to = 0;
  do {
    from = random() % shards_.size();
    to = random() % shards_.size();
  } while (from == to || owned_[from].size() < 100);
  auto slots = owned_[from];
  std::shuffle(slots.begin(), slots.end(), random);
  slots.resize(1 + random() % 80);
  move(slots, from, to);
}

void SlotMover::move_any(std::mt19937_64& random) {
  std::vector<std::size_t> from_any;
  for (std::size_t shard = 0; shard < shards_.size(); ++shard)
    if (owned_[shard].size() > 1) from_any.push_back(shard);
  if (from_any.empty() || shards_.size() < 2) return;
  const auto from = from_any[random() % from_any.size()];
  const auto to = (from + 1 + random() % (shards_.size() - 1)) % shards_.size();
  auto slots = owned_[from];
  std::ranges::shuffle(slots, random);
  slots.resize(1 + random() % (slots.size() - 1));
  move(slots, from, to);
}

void SlotMover::check() {
  const auto hold = [](bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
  };
  const auto of_group = " FROM shardplex.slots WHERE grp = " + shards_.front().quote(group_.name);
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const auto owned = static_cast<std::int64_t>(owned_[i].size());
    const auto slots = slots_literal(owned_[i]);
    hold(shards_[i].number("SELECT count(*)" + of_group + " AND state = 'owned' AND slot = ANY (" + slots +
                           ')') == owned,
         "a shard does not own a slot that was moved to it");
    hold(shards_[i].number("SELECT count(*)" + of_group) == owned,
         "a shard knows of a slot that was not moved to it");
    for (const auto& table : group_.tables)
      hold(shards_[i].number("SELECT count(*) FROM public." + table + " WHERE shardplex_slot <> ALL (" +
                             slots + ')') == 0,
           "a shard has rows of " + table + " in slots that it does not own");
  }
}

}  // namespace shardplex::integration
