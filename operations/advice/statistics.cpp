#include "operations/advice/statistics.hpp"

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shard_map/map_name.hpp"

namespace shardplex::operations {
namespace {

// Nothing waits for a table that somebody alters, and definitions have all names in full.
constexpr const char* settings_sql =
    "SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '30s'";

// A crash, as the first start, resets what is counted of the whole server; a reset by hand may be of one
// kind, and that of a table or an index is noted as the database's.
constexpr const char* since_sql = R"sql(
SELECT to_char(s.since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       extract(epoch FROM clock_timestamp() - s.since)::float8 / 86400
  FROM (SELECT coalesce(greatest(d.stats_reset, least(b.stats_reset, a.stats_reset, w.stats_reset)),
                        pg_postmaster_start_time()) AS since
          FROM pg_stat_database d, pg_stat_bgwriter b, pg_stat_archiver a, pg_stat_wal w
         WHERE d.datname = current_database()) s)sql";

constexpr const char* table_use_sql = R"sql(
SELECT s.schemaname, s.relname, coalesce(s.seq_scan, 0), coalesce(s.seq_tup_read, 0),
       coalesce(s.idx_scan, 0), coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0)
  FROM pg_stat_user_tables s)sql";

constexpr const char* index_use_sql = R"sql(
SELECT s.schemaname, s.relname, s.indexrelname, coalesce(s.idx_scan, 0) FROM pg_stat_user_indexes s)sql";

// reltuples is -1 where nobody has looked yet.
constexpr const char* tables_sql = R"sql(
SELECT n.nspname, c.relname, c.reltuples::bigint, coalesce(pg_stat_get_live_tuples(c.oid), 0)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r')sql";

constexpr const char* distinct_sql = R"sql(
SELECT s.schemaname, s.tablename, s.attname, s.n_distinct::float8 FROM pg_stats s
 WHERE NOT s.inherited AND s.n_distinct <> 0 AND s.schemaname <> 'pg_catalog')sql";

// What follows CREATE [UNIQUE] INDEX name ON. The row of an index in pg_class is written when it is made.
// Sizes are those of the last VACUUM, as measuring takes a lock.
constexpr const char* indexes_sql = R"sql(
SELECT n.nspname, t.relname, c.relname,
       substr(pg_get_indexdef(x.indexrelid),
              length(format('CREATE %sINDEX %I ON ', CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END,
                            c.relname)) + 1),
       x.indisunique, x.indisvalid AND x.indisready, x.indisprimary, x.indisreplident OR x.indisclustered,
       EXISTS (SELECT FROM pg_locks l
                WHERE l.locktype = 'relation' AND l.relation = x.indrelid AND l.granted
                  AND l.mode = 'ShareUpdateExclusiveLock'
                  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())),
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid),
       coalesce((SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
                  WHERE k.conindid = x.indexrelid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x')
                  LIMIT 1), ''),
       m.amname, coalesce(pg_get_expr(x.indpred, x.indrelid), ''),
       c.relpages::bigint * current_setting('block_size')::bigint,
       (SELECT json_agg(concat_ws(' ', pg_get_indexdef(x.indexrelid, k.n, false), x.indclass[k.n - 1],
                                  x.indcollation[k.n - 1], x.indoption[k.n - 1]) ORDER BY k.n)
          FROM generate_series(1, x.indnkeyatts::int) k(n)),
       (SELECT json_agg(coalesce(a.attname::text, '') ORDER BY k.n)
          FROM generate_series(1, x.indnkeyatts::int) k(n)
          LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k.n - 1]),
       coalesce((SELECT json_agg(a.attname::text ORDER BY k.n)
                   FROM generate_series(x.indnkeyatts + 1, x.indnatts::int) k(n)
                   JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k.n - 1]), '[]'),
       CASE WHEN current_setting('track_commit_timestamp') = 'on'
            THEN extract(epoch FROM clock_timestamp() - pg_xact_commit_timestamp(c.xmin))::float8 / 86400 END
  FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam
 WHERE t.relkind = 'r' ORDER BY n.nspname, t.relname, c.relname)sql";

std::string text_at(const pqxx::row& row, pqxx::row::size_type column) {
  return row[column].as<std::string>();
}

std::uint64_t not_negative(const pqxx::row& row, pqxx::row::size_type column) {
  const auto number = row[column].as<std::int64_t>();
  return number < 0 ? 0 : static_cast<std::uint64_t>(number);
}

/// The name that the map has for it; "" where it has none.
std::string table_in_map(const ShardMap& map, const pqxx::row& row) {
  auto name = make_map_name(text_at(row, 0), text_at(row, 1));
  return map.find_table(name) != nullptr ? name : std::string();
}

std::vector<std::string> texts_at(const pqxx::row& row, pqxx::row::size_type column) {
  return boost::json::value_to<std::vector<std::string>>(boost::json::parse(text_at(row, column)));
}

SurveyedIndex index_of(const pqxx::row& row, std::string table) {
  SurveyedIndex index;
  index.table = std::move(table);
  index.schema = text_at(row, 0);
  index.name = text_at(row, 2);
  index.on = text_at(row, 3);
  index.unique = row[4].as<bool>();
  index.valid = row[5].as<bool>();
  index.primary = row[6].as<bool>();
  index.replica_identity = row[7].as<bool>();
  index.busy = row[8].as<bool>();
  index.has_dependents = row[9].as<bool>();
  index.constraint = text_at(row, 10);
  index.method = text_at(row, 11);
  index.predicate = text_at(row, 12);
  index.bytes = not_negative(row, 13);
  index.keys = texts_at(row, 14);
  index.columns = texts_at(row, 15);
  index.included = texts_at(row, 16);
  if (!row[17].is_null()) index.days = row[17].as<double>();
  return index;
}

}  // namespace

void read_definitions(pqxx::connection& connection, const ShardMap& map, SurveyedShard& out) {
  pqxx::read_transaction transaction(connection);
  transaction.exec(settings_sql);
  for (const auto& row : transaction.exec(tables_sql)) {
    const auto name = table_in_map(map, row);
    if (name.empty()) continue;
    auto& table = out.tables[name];
    if (row[2].as<std::int64_t>() >= 0) table.rows = not_negative(row, 2);
    if (const auto live = not_negative(row, 3); !table.rows && live > 0) table.rows = live;
  }
  for (const auto& row : transaction.exec(distinct_sql))
    if (const auto name = table_in_map(map, row); !name.empty())
      out.tables[name].distinct[text_at(row, 2)] = row[3].as<double>();
  for (const auto& row : transaction.exec(indexes_sql))
    if (auto name = table_in_map(map, row); !name.empty())
      out.indexes.push_back(index_of(row, std::move(name)));
}

ServerUse read_use(pqxx::connection& connection, const ShardMap& map, const std::string& label) {
  pqxx::read_transaction transaction(connection);
  transaction.exec(settings_sql);
  ServerUse use;
  use.server = label;
  const auto since = transaction.exec1(since_sql);
  use.since = since[0].as<std::string>();
  use.days = since[1].as<double>();
  for (const auto& row : transaction.exec(table_use_sql))
    if (const auto name = table_in_map(map, row); !name.empty())
      use.tables[name] = {not_negative(row, 2), not_negative(row, 3), not_negative(row, 4),
                          not_negative(row, 5)};
  for (const auto& row : transaction.exec(index_use_sql))
    if (const auto name = table_in_map(map, row); !name.empty())
      use.index_scans[{name, text_at(row, 2)}] = not_negative(row, 3);
  return use;
}

}  // namespace shardplex::operations
