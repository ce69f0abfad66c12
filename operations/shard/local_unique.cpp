#include "operations/shard/local_unique.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <variant>

#include "query/plan/sql.hpp"
#include "shard_schema/map_name_sql.hpp"

namespace shardplex::operations {
namespace {

// A row for each key column of each unique index of the tables $1. `sequence`: what the column's default
// draws from, or its identity.
const std::string uniques_sql = R"sql(
SELECT )sql" + map_name_sql("s.nspname", "t.relname") +
                                R"sql( AS tab, x.relname AS name, i.indisprimary, i.indnullsnotdistinct,
       coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS condition,
       pg_get_indexdef(i.indexrelid, k, true) AS expression, y.typname, a.attname,
       EXISTS (SELECT FROM pg_constraint f
                WHERE f.contype = 'f' AND f.confrelid = i.indrelid AND a.attnum = ANY (f.confkey)) AS referenced,
       (SELECT s.oid::regclass::text FROM pg_class s
         WHERE s.relkind = 'S'
           AND (EXISTS (SELECT FROM pg_depend d JOIN pg_attrdef e ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
                         WHERE e.adrelid = i.indrelid AND e.adnum = a.attnum
                           AND d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid)
             OR EXISTS (SELECT FROM pg_depend d
                         WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype = 'i'
                           AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
         LIMIT 1) AS sequence
  FROM pg_index i
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace s ON s.oid = t.relnamespace
  JOIN pg_class x ON x.oid = i.indexrelid
 CROSS JOIN generate_series(1, i.indnkeyatts) k
  JOIN pg_attribute b ON b.attrelid = i.indexrelid AND b.attnum = k
  JOIN pg_type y ON y.oid = b.atttypid
  LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1] AND a.attnum > 0
 WHERE i.indisunique AND )sql" + map_name_sql("s.nspname", "t.relname") +
                                R"sql( = ANY ($1::text[]) AND t.relkind = 'r'
 ORDER BY tab, x.relname, k)sql";

bool is_integer(const std::string& type) {
  return type == "int2" || type == "int4" || type == "int8" || type == "oid";
}

UniqueColumn column_of(const std::string& expression, const std::string& type) {
  const std::string value = "(" + expression + ")";
  if (is_integer(type)) return {value + "::text", value, ValueOrder::by_number};
  if (type == "uuid") return {value + "::text", value, ValueOrder::by_bytes};  // it sorts as its text does
  std::string text = value + "::text";
  if (type == "numeric") text = "trim_scale" + value + "::text";
  if (type == "citext") text = "lower(" + text + ")";
  return {text, text + " COLLATE \"C\"", ValueOrder::by_bytes};
}

/// The columns that decide a row's slot.
std::set<std::string> placing_columns(const ShardMap& map, const TablePlacement& placement) {
  const auto& key = placement.key.names();
  std::set<std::string> columns(key.begin(), key.end());
  if (const auto* list = std::get_if<ListStrategy>(&map.group(*placement.group).strategy))
    columns.insert(list->column);
  return columns;
}

SequenceState read_sequence(pqxx::transaction_base& transaction, const std::string& name) {
  const auto row = transaction.exec_params1(
      "SELECT seqincrement, seqmax, seqcycle FROM pg_sequence WHERE seqrelid = $1::regclass", name);
  const auto at = transaction.exec1("SELECT last_value, is_called FROM " + name);
  const auto increment = row[0].as<std::int64_t>(), last = at[0].as<std::int64_t>();
  SequenceState state{name, increment, last, row[1].as<std::int64_t>(), row[2].as<bool>()};
  if (at[1].as<bool>() && __builtin_add_overflow(last, increment, &state.next)) {
    // It gives none any more.
    state.next = std::numeric_limits<std::int64_t>::max();
    state.most = state.next - 1;
  }
  return state;
}

}  // namespace

bool may_meet(const SequenceState& one, const SequenceState& other) {
  if (one.cycles || other.cycles || one.increment < 1 || other.increment < 1) return true;
  if (one.next > other.most || other.next > one.most) return false;
  const auto step = std::gcd(one.increment, other.increment);
  return one.next % step == other.next % step;
}

std::vector<LocalUnique> read_local_uniques(pqxx::transaction_base& transaction, const ShardMap& map) {
  std::vector<std::string> sharded;
  for (const auto& table : map.tables())
    if (!table.reference) sharded.push_back(table.name);
  std::vector<LocalUnique> uniques;
  std::vector<std::set<std::string>> plain;  // columns of each, without its expressions
  for (const auto& row :
       transaction.exec_params(uniques_sql, array_literal(std::span<const std::string>(sharded)))) {
    const auto table = row["tab"].as<std::string>(), name = row["name"].as<std::string>();
    if (uniques.empty() || uniques.back().table != table || uniques.back().name != name) {
      LocalUnique& unique = uniques.emplace_back();
      unique.table = table;
      unique.name = name;
      unique.group = map.group(*map.find_table(table)->group).name;
      unique.condition = row["condition"].as<std::string>();
      unique.nulls_are_equal = row["indnullsnotdistinct"].as<bool>();
      plain.emplace_back();
    }
    LocalUnique& unique = uniques.back();
    const auto expression = row["expression"].as<std::string>(), type = row["typname"].as<std::string>();
    unique.shown += (unique.columns.empty() ? "" : ", ") + expression;
    unique.columns.push_back(column_of(expression, type));
    unique.is_referenced = unique.is_referenced || row["referenced"].as<bool>();
    unique.number_column.reset();
    if (row["attname"].is_null()) continue;
    const auto column = row["attname"].as<std::string>();
    plain.back().insert(column);
    if (unique.columns.size() == 1 && is_integer(type)) unique.number_column = column;
    if (!row["sequence"].is_null()) {
      unique.sequence.emplace();
      unique.sequence->name = row["sequence"].as<std::string>();
      unique.sequence_column = column;
    }
  }
  std::vector<LocalUnique> local;
  for (std::size_t i = 0; i < uniques.size(); ++i)
    if (const auto placing = placing_columns(map, *map.find_table(uniques[i].table));
        !std::ranges::includes(plain[i], placing)) {  // else equal values meet on one shard
      uniques[i].helps_to_place =
          std::ranges::any_of(plain[i], [&](const auto& column) { return placing.contains(column); });
      if (auto& sequence = uniques[i].sequence) *sequence = read_sequence(transaction, sequence->name);
      local.push_back(std::move(uniques[i]));
    }
  return local;
}

std::string to_string(const LocalUnique& unique) {
  return "unique constraint " + unique.name + " (" + unique.shown + ") of table " + unique.table;
}

}  // namespace shardplex::operations
