#include "operations/import/compare.hpp"

#include <algorithm>
#include <bit>
#include <boost/multiprecision/cpp_int.hpp>

#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr double rows_per_bucket = 64;
constexpr double fewest_buckets = 1024, most_buckets = 1 << 20;
constexpr std::size_t rows_per_look = 10'000;

// Sums of 64-bit checksums, each side adding up its own; wide enough for any number of rows.
using Sum = boost::multiprecision::int128_t;

struct Bucket {
  std::uint64_t rows = 0;
  Sum sum = 0;
  bool operator==(const Bucket&) const = default;
};
using Buckets = std::map<std::uint32_t, Bucket>;

std::string checksum_of(const ImportTable& table) {
  std::string columns;
  for (const auto* names : {&table.columns, &table.generated})
    for (const auto& name : *names)
      columns.append(columns.empty() ? "t." : ", t.").append(quote_identifier(name));
  return "hashtextextended(ROW(" + columns + ")::text COLLATE \"C\", 0)";
}

std::string bucket_of(const ImportTable& table, std::uint32_t buckets) {
  std::string key;
  for (const auto column : table.primary_key)
    key.append(key.empty() ? "t." : ", t.").append(quote_identifier(table.columns[column]) + "::text");
  return "(hashtextextended(concat_ws(E'\\x1f', " + key + ") COLLATE \"C\", 1) & " +
         std::to_string(buckets - 1) + ")";
}

std::uint32_t bucket_count(const ImportTable& table) {
  const double wanted = std::clamp(table.estimated_rows / rows_per_bucket, fewest_buckets, most_buckets);
  return std::bit_ceil(static_cast<std::uint32_t>(wanted));
}

Buckets read_buckets(pqxx::connection& server, const ImportTable& table, std::uint32_t count) {
  Buckets buckets;
  const auto rows = pqxx::nontransaction(server).exec(
      "SELECT " + bucket_of(table, count) + ", count(*), sum(" + checksum_of(table) + ")::text FROM ONLY " +
      qualified_name(table) + " t GROUP BY 1");
  for (const auto& row : rows)
    buckets[row[0].as<std::uint32_t>()] = {row[1].as<std::uint64_t>(), Sum(row[2].as<std::string>())};
  return buckets;
}

std::set<std::uint32_t> differing(const Buckets& a, const Buckets& b) {
  std::set<std::uint32_t> numbers;
  for (const auto* pair : {&a, &b})
    for (const auto& [number, bucket] : *pair) {
      const auto at_a = a.find(number), at_b = b.find(number);
      if (at_a == a.end() || at_b == b.end() || at_a->second != at_b->second) numbers.insert(number);
    }
  return numbers;
}

std::string array_of(const std::set<std::uint32_t>& numbers) {
  std::string text = "{";
  for (const auto number : numbers) text.append(text.size() > 1 ? "," : "").append(std::to_string(number));
  return text + "}";
}

/// The rows of some buckets.
RowChecksums read_rows(pqxx::connection& server, const ImportTable& table, std::size_t index,
                       std::uint32_t count, const std::set<std::uint32_t>& buckets) {
  std::string key;
  for (const auto column : table.primary_key)
    key += "t." + quote_identifier(table.columns[column]) + "::text, ";
  const auto rows = pqxx::nontransaction(server).exec_params(
      "SELECT " + key + checksum_of(table) + "::text FROM ONLY " + qualified_name(table) + " t WHERE " +
          bucket_of(table, count) + " = ANY ($1::bigint[])",
      array_of(buckets));
  RowChecksums checksums;
  for (const auto& row : rows) {
    TouchedRow touched{index, {}};
    for (pqxx::row::size_type i = 0; i + 1 < row.size(); ++i) touched.key.push_back(row[i].as<std::string>());
    checksums[std::move(touched)] = row[row.size() - 1].as<std::string>();
  }
  return checksums;
}

std::unique_ptr<pqxx::connection> open(const std::string& conninfo) {
  auto connection = connect(conninfo);
  pqxx::nontransaction(*connection).exec(alike_session_settings);
  return connection;
}

}  // namespace

ImportComparison::ImportComparison(const std::string& source, const std::vector<std::string>& shards,
                                   const std::vector<ImportTable>& tables)
    : source_(open(source)), tables_(tables) {
  for (const auto& shard : shards) shards_.push_back(open(shard));
}

std::set<TouchedRow> ImportComparison::find_suspects(
    const std::function<void(std::uint64_t rows)>& advanced) {
  std::set<TouchedRow> suspects;
  for (std::size_t table = 0; table < tables_.size(); ++table) {
    std::uint64_t rows = 0;
    suspects.merge(compare_table(table, rows));
    advanced(rows);
  }
  return suspects;
}

std::set<TouchedRow> ImportComparison::compare_table(std::size_t index, std::uint64_t& rows) {
  const ImportTable& table = tables_[index];
  const std::uint32_t count = bucket_count(table);
  const auto server = [&](std::size_t i) -> pqxx::connection& { return i == 0 ? *source_ : *shards_[i - 1]; };
  const auto all =
      in_parallel(shards_.size() + 1, [&](std::size_t i) { return read_buckets(server(i), table, count); });
  for (const auto& [number, bucket] : all[0]) rows += bucket.rows;
  std::set<std::uint32_t> numbers;
  Buckets together;
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (!table.sharding) numbers.merge(differing(all[0], all[i]));
    for (const auto& [number, bucket] : all[i]) {
      together[number].rows += bucket.rows;
      together[number].sum += bucket.sum;
    }
  }
  if (table.sharding) numbers = differing(all[0], together);
  if (numbers.empty()) return {};
  const auto found = in_parallel(
      shards_.size() + 1, [&](std::size_t i) { return read_rows(server(i), table, index, count, numbers); });
  const std::vector<RowChecksums> on_shards(found.begin() + 1, found.end());
  std::set<TouchedRow> suspects;
  for (const auto& rows_of_server : found)
    for (const auto& [row, checksum] : rows_of_server)
      if (difference(row, found[0], on_shards)) suspects.insert(row);
  return suspects;
}

std::vector<RowChecksums> ImportComparison::look_at_shards(const std::set<TouchedRow>& rows) {
  return in_parallel(shards_.size(), [&](std::size_t i) { return look(*shards_[i], rows); });
}

RowChecksums ImportComparison::look(pqxx::connection& server, const std::set<TouchedRow>& rows) const {
  RowChecksums checksums;
  for (auto from = rows.begin(); from != rows.end();) {
    const ImportTable& table = tables_[from->table];
    auto until = from;
    std::vector<std::vector<std::string>> keys(table.primary_key.size());  // by column
    for (std::size_t n = 0; until != rows.end() && until->table == from->table && n < rows_per_look;
         ++n, ++until)
      for (std::size_t i = 0; i < keys.size(); ++i) keys[i].push_back(until->key[i]);
    std::string arrays, names, condition;
    pqxx::nontransaction transaction(server);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string number = std::to_string(i);
      arrays.append(i == 0 ? "" : ", ")
          .append(transaction.quote(array_literal(std::span<const std::string>(keys[i]))) + "::text[]");
      names += "k" + number + ", ";
      condition.append(i == 0 ? "" : " AND ")
          .append("t." + quote_identifier(table.columns[table.primary_key[i]]) + " = k.k" + number +
                  "::" + table.key_types[i]);
    }
    const auto found = transaction.exec("SELECT k.n, " + checksum_of(table) + "::text FROM unnest(" + arrays +
                                        ") WITH ORDINALITY AS k (" + names + "n) JOIN ONLY " +
                                        qualified_name(table) + " t ON " + condition + " ORDER BY k.n");
    std::uint64_t at = 1;
    for (const auto& row : found) {
      for (const auto n = row[0].as<std::uint64_t>(); at < n; ++at) ++from;
      checksums[*from] = row[1].as<std::string>();
    }
    from = until;
  }
  return checksums;
}

std::optional<std::string> ImportComparison::difference(const TouchedRow& row, const RowChecksums& source,
                                                        const std::vector<RowChecksums>& shards) const {
  const ImportTable& table = tables_[row.table];
  const auto wanted = source.find(row);
  std::size_t there = 0, equal = 0;
  for (const auto& shard : shards) {
    const auto found = shard.find(row);
    if (found == shard.end()) continue;
    ++there;
    if (wanted != source.end() && found->second == wanted->second) ++equal;
  }
  const std::size_t copies = wanted == source.end() ? 0 : table.sharding ? 1 : shards.size();
  if (there == copies && equal == copies) return std::nullopt;
  std::string text = table.name;
  for (std::size_t i = 0; i < row.key.size(); ++i)
    text += " " + table.columns[table.primary_key[i]] + "=" + row.key[i];
  if (there < copies) return text + (table.sharding ? " is missing on the shards" : " is missing on a shard");
  if (there > copies && copies == 1) return text + " is on several shards";
  return text + (there > copies ? " is on a shard and not on the source" : " differs from the source");
}

}  // namespace shardplex::operations
