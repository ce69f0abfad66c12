#include "operations/compare/row_checksum.hpp"

#include <algorithm>

#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* columns_sql = R"sql(
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
  FROM pg_attribute a
 WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped)sql";

constexpr const char* settings_sql = R"sql(
SET client_encoding = 'UTF8';
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 3;
SET bytea_output = 'hex';
SET xmloption = 'content';
SET lc_monetary = 'C';
SET lc_numeric = 'C';
SET lc_time = 'C';
SET search_path = '';
SET jit = off;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0)sql";

std::string text_hash(const std::string& text, const std::string& seed) {
  return "hashtextextended((" + text + ") COLLATE \"C\", " + seed + ")";
}

std::string choose(const std::string& condition, const std::string& then, const std::string& otherwise) {
  return "CASE WHEN " + condition + " THEN " + then + " ELSE " + otherwise + " END";
}

/// The type without its modifier: "character varying(20)" → "character varying".
std::string base_type(const std::string& type) {
  const auto open = type.find('(');
  if (open == std::string::npos) return type;
  const auto close = type.find(')', open);
  return type.substr(0, open) + type.substr(close + 1);
}

bool is_any_of(const std::string& type, std::initializer_list<std::string_view> types) {
  return std::ranges::find(types, type) != types.end();
}

/// hashint8extended() folds the two halves into one before it hashes, so 1 and 2^32 look alike to it.
std::string bigint_hash(const std::string& value, const std::string& seed) {
  return "hashint4extended((" + value + " >> 32)::integer, hashint8extended(" + value + ", " + seed + "))";
}

/// The hash of a value's binary form, which has no function of its own in SQL: that of an array of one.
std::string bytes_hash(const std::string& bytes, const std::string& seed) {
  return "hash_array_extended(ARRAY[" + bytes + "], " + seed + ")";
}

/// The hash of one value. PostgreSQL's hash functions are taken where they tell apart all that looks
/// different, since they are several times as fast as making a text. (hash_numeric() ignores scale and sign,
/// that of an enum is of its number in the catalogue, that of jsonb calls 1.0 and 1.00 equal.)
std::string value_hash(const std::string& value, const std::string& full_type, const std::string& seed) {
  const std::string type = base_type(full_type);
  const std::string by_text = text_hash(value + "::text", seed);
  if (type == "smallint") return "hashint2extended(" + value + ", " + seed + ")";
  if (type == "integer") return "hashint4extended(" + value + ", " + seed + ")";
  if (type == "bigint") return bigint_hash(value, seed);
  if (type == "boolean") return "hashint4extended(" + value + "::integer, " + seed + ")";
  if (type == "uuid") return "uuid_hash_extended(" + value + ", " + seed + ")";
  if (is_any_of(type, {"text", "character varying"})) return text_hash(value, seed);
  if (type == "real")
    return choose(value + " = 0", by_text, "hashfloat4extended(" + value + ", " + seed + ")");
  if (type == "double precision")
    return choose(value + " = 0", by_text, "hashfloat8extended(" + value + ", " + seed + ")");
  if (type == "date")  // infinity cannot be subtracted from
    return choose("isfinite(" + value + ")",
                  "hashint4extended(" + value + " - date '2000-01-01', " + seed + ")", by_text);
  if (type == "timestamp without time zone") return bytes_hash("timestamp_send(" + value + ")", seed);
  if (type == "timestamp with time zone") return bytes_hash("timestamptz_send(" + value + ")", seed);
  if (type == "bytea") return bytes_hash(value, seed);
  if (is_any_of(type, {"text[]", "character varying[]"}))  // the array's hash is of its items only
    return choose("array_ndims(" + value + ") = 1 AND array_lower(" + value + ", 1) = 1",
                  "hash_array_extended((" + value + ") COLLATE \"C\", " + seed + ")", by_text);
  return by_text;
}

}  // namespace

std::vector<HashedColumn> read_hashed_columns(pqxx::transaction_base& transaction, const MovedTable& table) {
  std::vector<HashedColumn> found;
  for (const auto& row : transaction.exec_params(columns_sql, qualified_name(table)))
    found.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
  std::vector<HashedColumn> columns;
  for (const auto* names : {&table.columns, &table.generated})
    for (const auto& name : *names) columns.push_back(*std::ranges::find(found, name, &HashedColumn::name));
  return columns;
}

std::string row_hash(const std::vector<HashedColumn>& columns) {
  std::string sql;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string seed = std::to_string(i + 1);  // equal values in two columns do not cancel out
    const std::string hash = value_hash(quote_identifier(columns[i].name), columns[i].type, seed);
    sql.append(i == 0 ? "coalesce(" : " # coalesce(").append(hash).append(", ").append(seed).append(")");
  }
  return sql;
}

std::string mixed(const std::string& hash) {
  return bigint_hash(hash, "0");
}

void make_comparable(pqxx::connection& connection) {
  pqxx::nontransaction(connection).exec(settings_sql);
}

}  // namespace shardplex::operations
