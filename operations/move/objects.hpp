// What a move makes in PostgreSQL: publications, replica identities, markers; subscriptions and replication
// slots are of operations/replication. Each function takes the transaction it is part of, and can be
// repeated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "operations/replication/subscription.hpp"
#include "operations/shard/move_entry.hpp"
#include "operations/shard/moved_table.hpp"

namespace shardplex::operations {

/// "shardplex_slot BETWEEN 0 AND 63 OR shardplex_slot = 70": a publication evaluates its filter for each
/// change, so few comparisons are better than a long list. Precondition: not empty.
std::string slot_condition(const SlotSet& slots);

/// Makes the tables log whole rows, without which PostgreSQL refuses updates of a table that is published by
/// slot; what they logged before is written down in the move's row. Then publishes the move's slots of them,
/// and the marker of that name. All of it holds back other changes of identities until the transaction ends.
void publish(pqxx::work& transaction, const MoveEntry& entry, const std::vector<MovedTable>& tables,
             const std::string& name);
void unpublish(pqxx::work& transaction, const std::string& name);

/// Gives the tables the identities that the move's row on this shard has written down, where no other move
/// still publishes them, and clears the note.
void restore_identities(pqxx::work& transaction, const MoveEntry& entry);

/// Raises the marker, and returns its new number; what commits before this transaction comes before it.
std::int64_t raise_marker(pqxx::transaction_base& transaction, const std::string& name);
/// The marker's number here; 0 where it has not arrived.
std::int64_t read_marker(pqxx::transaction_base& transaction, const std::string& name);
/// Puts a marker where the other shard's will be applied to it.
void place_marker(pqxx::transaction_base& transaction, const std::string& name, std::int64_t number);

/// Ends autovacuum's work on these tables: it holds a lock that a change of identity has to wait for, and
/// would otherwise give it up only after clients have waited too.
void cancel_autovacuum(pqxx::transaction_base& transaction, const std::vector<MovedTable>& tables);

}  // namespace shardplex::operations
