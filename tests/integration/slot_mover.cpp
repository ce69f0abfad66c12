#include "tests/integration/slot_mover.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace shardplex::integration {
namespace {

const std::string group = "catalog";

std::string slots_literal(const std::vector<int>& slots) {
  std::string out = "{";
  for (const auto slot : slots) out += (out.size() > 1 ? "," : "") + std::to_string(slot);
  return "'" + out + "}'::integer[]";
}

void change(Database& shard, const std::string& function, const std::string& slots) {
  shard.run("SELECT shardplex." + function + "('" + group + "', " + slots + ')');
}

/// Brings the target's rows of these slots to what the source has.
void copy(Database& source, Database& target, const std::string& slots) {
  pqxx::work transaction(target.connection());
  for (const std::string table : {"movies", "ratings"}) {
    const auto rows = source.value("SELECT coalesce(json_agg(t), '[]')::text FROM " + table +
                                   " t WHERE shardplex_slot = ANY (" + slots + ')');
    transaction.exec("DELETE FROM " + table + " WHERE shardplex_slot = ANY (" + slots + ')');
    transaction.exec("INSERT INTO " + table + " SELECT * FROM json_populate_recordset(NULL::" + table + ", " +
                     transaction.quote(*rows) + "::json)");
  }
  transaction.commit();
}

}  // namespace

SlotMover::SlotMover(const Cluster& cluster) {
  for (const auto& name : cluster.shards()) {
    auto& shard = shards_.emplace_back(cluster.conninfo(name));
    auto& owned = owned_.emplace_back();
    for (const auto& row :
         shard.run("SELECT slot FROM shardplex.slots WHERE grp = '" + group + "' ORDER BY slot"))
      owned.push_back(row[0].as<int>());
  }
}

std::chrono::steady_clock::time_point SlotMover::move(const std::vector<int>& slots, std::size_t from,
                                                      std::size_t to) {
  auto &source = shards_[from], &target = shards_[to];
  const auto which = slots_literal(slots);
  change(target, "receive_slots", which);
  copy(source, target, which);  // while clients go on writing to the source
  change(source, "fence_slots", which);
  copy(source, target, which);  // what they have written since
  change(source, "hand_over_slots", which);
  change(target, "own_slots", which);
  const auto handed_over = std::chrono::steady_clock::now();
  for (const std::string table : {"movies", "ratings"})
    source.run("DELETE FROM " + table + " WHERE shardplex_slot = ANY (" + which + ')');
  change(source, "forget_slots", which);
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

void SlotMover::check() {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    CHECK(shards_[i].number("SELECT count(*) FROM shardplex.slots WHERE state = 'owned' AND slot = ANY (" +
                            slots_literal(owned_[i]) + ')') == static_cast<std::int64_t>(owned_[i].size()));
    CHECK(shards_[i].number("SELECT count(*) FROM shardplex.slots") ==
          static_cast<std::int64_t>(owned_[i].size()));
    for (const auto* table : {"movies", "ratings"})
      CHECK(shards_[i].number(std::string("SELECT count(*) FROM ") + table +
                              " WHERE shardplex_slot <> ALL (" + slots_literal(owned_[i]) + ')') == 0);
  }
}

}  // namespace shardplex::integration
