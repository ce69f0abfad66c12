#include "operations/shard/sequence_strides.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "operations/process/failure.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

/// More shards can come without all sequences having to change.
constexpr std::size_t least_stride = 32;

/// A sequence on each of some shards, and what draws from it.
struct Shared {
  std::map<std::size_t, SequenceState> states;            ///< by shard
  std::set<std::pair<std::string, std::string>> columns;  ///< tables and columns of numbers
};

/// While a shard leaves, routers that do not know it yet draw from it.
constexpr std::int64_t values_left_out = 10'000;

// Of the tables $1, as SQL names them: sequences that belong to a column, or that its default draws from.
const std::string sequences_sql = R"sql(
WITH tables AS (SELECT to_regclass(name)::oid AS oid FROM unnest($1::text[]) AS n(name))
SELECT DISTINCT s.oid::regclass::text
  FROM tables t
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
UNION
SELECT s.oid::regclass::text
  FROM tables t
  JOIN pg_attrdef e ON e.adrelid = t.oid
  JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S')sql";

std::map<std::string, Shared> shared_sequences(const std::vector<std::vector<LocalUnique>>& by_shard) {
  std::map<std::string, Shared> all;
  for (std::size_t i = 0; i < by_shard.size(); ++i)
    for (const auto& unique : by_shard[i]) {
      if (!unique.sequence) continue;
      Shared& shared = all[unique.sequence->name];
      shared.states[i] = *unique.sequence;
      if (unique.number_column) shared.columns.emplace(unique.table, *unique.number_column);
    }
  return all;
}

/// One that counts down is left to a person.
bool all_count_up(const std::map<std::size_t, SequenceState>& states) {
  return std::ranges::all_of(states, [](const auto& state) { return state.second.increment > 0; });
}

bool any_meet(const std::map<std::size_t, SequenceState>& states) {
  for (auto one = states.begin(); one != states.end(); ++one)
    for (auto other = std::next(one); other != states.end(); ++other)
      if (may_meet(one->second, other->second)) return true;
  return false;
}

/// The greatest value that the shard has given or holds.
std::int64_t greatest(pqxx::transaction_base& shard, const std::string& name, const Shared& shared) {
  const auto given =
      shard.exec1("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM " + name);
  std::int64_t most = given[0].as<std::int64_t>();
  for (const auto& [table, column] : shared.columns) {
    const auto found =
        shard.exec1("SELECT max(" + quote_identifier(column) + ")::bigint FROM " + quote_map_name(table));
    if (!found[0].is_null()) most = std::max(most, found[0].as<std::int64_t>());
  }
  return most;
}

std::size_t stride_over(std::size_t shards) {
  return std::max(least_stride, std::bit_ceil(shards));
}

void separate(const std::vector<pqxx::transaction_base*>& shards, const std::string& name,
              const Shared& shared) {
  const auto stride = stride_over(shards.size());
  std::int64_t most = 0;
  // Changing a sequence keeps others from drawing from it; only then is known what was drawn.
  for (const auto& [shard, state] : shared.states) {
    shards[shard]->exec("SET LOCAL lock_timeout = '2s'");
    shards[shard]->exec("ALTER SEQUENCE " + name + " INCREMENT BY " + std::to_string(stride) + " NO CYCLE");
    most = std::max(most, greatest(*shards[shard], name, shared));
  }
  std::int64_t first = most;
  for (const auto& [shard, state] : shared.states) {
    if (first >= state.most)
      throw CommandFailed("sequence " + name + " ends at " + std::to_string(state.most) +
                          ", and values up to " + std::to_string(most) +
                          " are in use; give its column the type bigint, and ALTER SEQUENCE " + name +
                          " AS bigint");
    shards[shard]->exec("ALTER SEQUENCE " + name + " RESTART WITH " + std::to_string(++first));
  }
}

}  // namespace

std::vector<MeetingSequences> meeting_sequences(const std::vector<std::vector<LocalUnique>>& by_shard) {
  std::vector<MeetingSequences> meeting;
  std::set<std::pair<std::string, std::string>> told;
  for (std::size_t i = 0; i < by_shard.size(); ++i)
    for (std::size_t j = i + 1; j < by_shard.size(); ++j)
      for (const auto& unique : by_shard[i])
        for (const auto& same : by_shard[j])
          if (unique.table == same.table && unique.name == same.name && unique.sequence && same.sequence &&
              may_meet(*unique.sequence, *same.sequence) && told.emplace(unique.table, unique.name).second)
            meeting.push_back({unique, i, j});
  return meeting;
}

std::vector<std::string> find_cramped_sequences(pqxx::transaction_base& database,
                                                const std::vector<LocalUnique>& uniques, std::size_t shards) {
  std::vector<std::string> problems;
  const auto stride = static_cast<std::int64_t>(stride_over(shards));
  for (const auto& [name, shared] : shared_sequences({uniques})) {
    if (shards < 2 || !all_count_up(shared.states)) continue;
    const std::int64_t most = std::max<std::int64_t>(0, shared.states.begin()->second.most);
    const std::int64_t used = std::max<std::int64_t>(0, greatest(database, name, shared));
    if (most - used >= stride) continue;
    std::string cure;
    for (const auto& [table, column] : shared.columns)
      cure +=
          "ALTER TABLE " + quote_map_name(table) + " ALTER " + quote_identifier(column) + " TYPE bigint; ";
    problems.push_back("sequence " + name + " ends at " + std::to_string(most) + ", and values up to " +
                       std::to_string(used) + " are in use: each shard's goes in steps of " +
                       std::to_string(stride) + ", for which too few are left. What works: " + cure +
                       "ALTER SEQUENCE " + name + " AS bigint NO MAXVALUE");
  }
  return problems;
}

std::vector<std::string> separate_sequences(const std::vector<pqxx::transaction_base*>& shards,
                                            const ShardMap& map, Separate which) {
  std::vector<std::vector<LocalUnique>> by_shard;
  for (auto* shard : shards) by_shard.push_back(read_local_uniques(*shard, map));
  std::vector<std::string> changed;
  for (const auto& [name, shared] : shared_sequences(by_shard))
    if (shared.states.size() > 1 && all_count_up(shared.states) &&
        (which == Separate::all || any_meet(shared.states))) {
      separate(shards, name, shared);
      changed.push_back(name);
    }
  return changed;
}

std::vector<std::string> separate_sequences(const std::vector<PrimaryFound>& shards, const ShardMap& map,
                                            Separate which) {
  std::vector<std::unique_ptr<pqxx::work>> works;
  std::vector<pqxx::transaction_base*> transactions;
  for (const auto& shard : shards)
    transactions.push_back(works.emplace_back(std::make_unique<pqxx::work>(*shard.connection)).get());
  auto changed = separate_sequences(transactions, map, which);
  for (auto& work : works) work->commit();
  return changed;
}

void carry_sequences(pqxx::connection& leaving, const std::vector<PrimaryFound>& staying,
                     const ShardMap& map) {
  std::vector<std::string> tables;
  for (const auto& table : map.tables()) tables.push_back(quote_map_name(table.name));
  std::map<std::string, std::int64_t> given;  // by sequence
  {
    pqxx::read_transaction transaction(leaving);
    for (const auto& row :
         transaction.exec_params(sequences_sql, array_literal(std::span<const std::string>(tables)))) {
      const auto name = row[0].as<std::string>();
      const auto at = transaction.exec1("SELECT last_value, is_called FROM " + name);
      if (at[1].as<bool>()) given[name] = at[0].as<std::int64_t>();
    }
  }
  for (const auto& shard : staying) {
    pqxx::work work(*shard.connection);
    for (const auto& [name, value] : given) {
      if (work.exec_params1("SELECT to_regclass($1) IS NULL", name)[0].as<bool>()) continue;
      work.exec("SET LOCAL lock_timeout = '2s'");
      // In its own steps, so that it stays apart from the others, and not past its end.
      work.exec_params(
          "SELECT setval(q.seqrelid, s.next + q.seqincrement * floor((least($2::numeric + $3::numeric, "
          "($2::numeric + q.seqmax) / 2) - s.next) / q.seqincrement)::bigint, false) "
          "FROM pg_sequence q, LATERAL (SELECT last_value + CASE WHEN is_called THEN q.seqincrement ELSE 0 "
          "END AS "
          "next FROM " +
              name +
              ") s WHERE q.seqrelid = $1::regclass AND q.seqincrement > 0 AND s.next <= $2::bigint "
              "AND $2::numeric + 2 * q.seqincrement < q.seqmax",
          name, value, values_left_out);
    }
    work.commit();
  }
}

}  // namespace shardplex::operations
