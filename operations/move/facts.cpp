#include "operations/move/facts.hpp"

#include <stdexcept>

#include "operations/shard/moved_table.hpp"
#include "shard_schema/server_status.hpp"
#include "shard_schema/slots.hpp"

namespace shardplex::operations {
namespace {

// $1 id, $2 group, $3 slots, $4 the publication and replication slot here, $5 the subscription here
const std::string facts_sql = R"sql(
SELECT m.id IS NOT NULL AS recorded, m.phase, m.wanted, coalesce(m.copied, false) AS copied,
       m.source_timeline, m.target_timeline, coalesce(m.identities <> '{}', false) AS full_identities,
       (SELECT string_agg(DISTINCT coalesce(s.state, 'absent'), ' ')
          FROM unnest($3::integer[]) w(slot))sql" +
                              join_slot_state("$2", "w.slot") + R"sql() AS states,
       EXISTS (SELECT FROM pg_publication WHERE pubname = $4) AS published,
       (SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = $4) AS replication_slot_lost,
       EXISTS (SELECT FROM pg_subscription WHERE subname = $5) AS subscribed,
       EXISTS (SELECT FROM shardplex.markers WHERE name IN ($4, $5)) AS markers,
       )sql" + std::string(primary_timeline_sql) +
                              R"sql( AS timeline
  FROM (SELECT) one LEFT JOIN shardplex.moves m ON m.id = $1)sql";

ShardFacts shard_facts(const pqxx::row& row) {
  ShardFacts facts;
  facts.slots = parse_slot_state(row["states"].as<std::string>());
  facts.recorded = row["recorded"].as<bool>();
  facts.published = row["published"].as<bool>();
  facts.has_replication_slot = !row["replication_slot_lost"].is_null();
  facts.replication_slot_lost = facts.has_replication_slot && row["replication_slot_lost"].as<bool>();
  facts.subscribed = row["subscribed"].as<bool>();
  facts.full_identities = row["full_identities"].as<bool>();
  facts.markers = row["markers"].as<bool>();
  return facts;
}

}  // namespace

SourceFacts read_source_facts(pqxx::transaction_base& transaction, const MoveEntry& entry) {
  const auto row = transaction.exec_params1(facts_sql, entry.id, entry.group, array_literal(entry.slots),
                                            entry.forward(), entry.reverse());
  SourceFacts facts;
  facts.shard = shard_facts(row);
  if (!facts.shard.recorded)
    throw std::runtime_error("shard " + entry.source + " does not know the move " + entry.id);
  facts.phase = parse_phase(row["phase"].as<std::string>()).value();
  facts.desired_state = parse_desired_state(row["wanted"].as<std::string>()).value();
  facts.timeline = row["timeline"].as<std::int64_t>();
  if (!row["source_timeline"].is_null())
    facts.shard.same_timeline = row["source_timeline"].as<std::int64_t>() == facts.timeline;
  if (!row["target_timeline"].is_null()) facts.target_timeline = row["target_timeline"].as<std::int64_t>();
  return facts;
}

TargetFacts read_target_facts(pqxx::transaction_base& transaction, const MoveEntry& entry) {
  const auto row = transaction.exec_params1(facts_sql, entry.id, entry.group, array_literal(entry.slots),
                                            entry.reverse(), entry.forward());
  return {shard_facts(row), row["copied"].as<bool>(), row["timeline"].as<std::int64_t>()};
}

void record_move(pqxx::transaction_base& transaction, const MoveEntry& entry) {
  transaction.exec_params(
      "INSERT INTO shardplex.moves (id, number, grp, slots, source, target, phase) "
      "VALUES ($1, $2, $3, $4::integer[], $5, $6, $7) ON CONFLICT (id) DO NOTHING",
      entry.id, entry.number, entry.group, array_literal(entry.slots), entry.source, entry.target,
      std::string(to_string(entry.phase)));
}

void set_phase(pqxx::transaction_base& transaction, const std::string& id, Phase phase) {
  transaction.exec_params(
      "UPDATE shardplex.moves SET phase = $2, problem = NULL, changed_at = now() WHERE id = $1", id,
      std::string(to_string(phase)));
}

void set_desired_state(pqxx::transaction_base& transaction, const std::string& id,
                       DesiredState desired_state) {
  transaction.exec_params("UPDATE shardplex.moves SET wanted = $2, changed_at = now() WHERE id = $1", id,
                          std::string(to_string(desired_state)));
}

std::vector<std::string> moves_of_slots(pqxx::transaction_base& transaction, const std::string& group,
                                        const SlotSet& slots) {
  std::vector<std::string> ids;
  for (const auto& row : transaction.exec_params(
           "SELECT id FROM shardplex.moves WHERE grp = $1 AND slots && $2::integer[] AND phase NOT IN " +
               phases_over_sql() + " ORDER BY created_at",
           group, array_literal(slots)))
    ids.push_back(row[0].as<std::string>());
  return ids;
}

}  // namespace shardplex::operations
