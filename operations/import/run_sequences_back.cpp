// The source's sequences, when an import is reversed.
#include "operations/import/run.hpp"

namespace shardplex::operations {
namespace {

// What draws from the sequence $1 or owns it, of integers, where an index finds the greatest value at once
// and a value that is there already would be refused.
constexpr const char* numbered_columns_sql = R"sql(
SELECT DISTINCT format('%I.%I', n.nspname, t.relname), quote_ident(a.attname)
  FROM pg_attribute a
  JOIN pg_class t ON t.oid = a.attrelid AND t.relkind = 'r'
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_index i ON i.indrelid = t.oid AND i.indisunique AND i.indpred IS NULL AND i.indkey[0] = a.attnum
 WHERE a.atttypid = ANY (ARRAY['int2', 'int4', 'int8']::regtype[])
   AND (EXISTS (SELECT FROM pg_depend d
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = $1::regclass AND d.deptype IN ('a', 'i')
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.refobjsubid = a.attnum)
     OR EXISTS (SELECT FROM pg_attrdef e
                  JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
                 WHERE e.adrelid = t.oid AND e.adnum = a.attnum
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::regclass)))sql";

/// The last value that was given.
std::int64_t given_by(const SequencePosition& position, bool ascending) {
  if (position.is_called) return position.last_value;
  return ascending ? position.last_value - 1 : position.last_value + 1;
}

/// Where the sequence stands, whichever of the two has gone further. One that was restarted has given what is
/// before it.
SequencePosition further(const SequencePosition& a, const SequencePosition& b, bool ascending) {
  const auto of_a = given_by(a, ascending), of_b = given_by(b, ascending);
  if (of_a == of_b || (of_a < of_b) != ascending) return a;
  return {a.name, of_b, true};
}

/// The row that is furthest, of those that the sequence has not passed yet. Values at its end or beyond are
/// never in its way before it ends.
SequencePosition further_row(pqxx::transaction_base& source, SequencePosition position, bool ascending) {
  for (const auto& column : source.exec_params(numbered_columns_sql, position.name)) {
    const auto table = column[0].as<std::string>(), name = column[1].as<std::string>();
    const auto found = source.exec_params1(std::string("SELECT ") + (ascending ? "max(" : "min(") + name +
                                               ")::bigint FROM " + table + " WHERE " + name +
                                               (ascending ? " < (SELECT seqmax" : " > (SELECT seqmin") +
                                               " FROM pg_sequence WHERE seqrelid = $1::regclass)",
                                           position.name);
    if (!found[0].is_null())
      position = further(position, {position.name, found[0].as<std::int64_t>(), true}, ascending);
  }
  return position;
}

}  // namespace

/// They go on behind all values that the shards have given, and behind all that the rows have: a column that
/// decides the shard has no sequence there, and its values come from clients and routers.
void ImportRunner::bring_sequences_back() {
  const auto positions = origin_->sequences(tables_);
  pqxx::nontransaction source(origin_->connection());
  for (auto position : positions) {
    const bool ascending =
        source
            .exec_params1("SELECT seqincrement > 0 FROM pg_sequence WHERE seqrelid = $1::regclass",
                          position.name)[0]
            .as<bool>();
    for (auto& site : sites_)
      site->look([&](pqxx::transaction_base& shard) {
        if (shard.exec_params1("SELECT to_regclass($1) IS NULL", position.name)[0].as<bool>()) return;
        const auto row = shard.exec1("SELECT last_value, is_called FROM " + position.name);
        position =
            further(position, {position.name, row[0].as<std::int64_t>(), row[1].as<bool>()}, ascending);
      });
    position = further_row(source, position, ascending);
    source.exec_params("SELECT setval($1::regclass, $2, $3)", position.name, position.last_value,
                       position.is_called);
  }
}

}  // namespace shardplex::operations
