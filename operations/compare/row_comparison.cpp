#include "operations/compare/row_comparison.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <optional>
#include <span>

#include "operations/compare/slot_checksums.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr std::size_t most_told = 1000;          // differences that are kept
constexpr std::size_t rows_of_fetch = 5000;      // of a sorted list of rows
constexpr std::size_t suspects_of_batch = 5000;  // that are settled together
constexpr std::size_t keys_of_lookup = 1000;
constexpr int most_rounds = 10;  // in which a row may change before it is given up
constexpr std::chrono::milliseconds tick{100};

using Kind = RowDifference::Kind;
using Key = std::vector<std::string>;
using Connections = std::vector<std::unique_ptr<pqxx::connection>>;
using Snapshot = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

/// A row as it was found on one side.
struct SeenRow {
  std::string version;  ///< transaction and place: another one after each update
  std::string hash;
};
using Seen = std::optional<SeenRow>;

/// A row that did not look the same on both sides when it was last looked at.
struct Suspect {
  Key key;
  Seen source, target;
};

bool looks_equal(const Suspect& row) {
  if (!row.source || !row.target) return !row.source && !row.target;
  return row.source->hash == row.target->hash;
}

bool same_version(const Seen& before, const Seen& now) {
  return before.has_value() == now.has_value() && (!now || before->version == now->version);
}

RowDifference difference_of(const ComparedTable& table, const Suspect& row) {
  const Kind kind = !row.target ? Kind::missing : !row.source ? Kind::unexpected : Kind::different;
  return {kind, table.table.name, row.key};
}

Connections connect_all(const std::string& conninfo, int count) {
  Connections connections;
  for (int i = 0; i < count; ++i) {
    connections.push_back(connect(conninfo));
    make_comparable(*connections.back());
  }
  return connections;
}

std::string type_of(const ComparedTable& table, const std::string& column) {
  return std::ranges::find(table.columns, column, &HashedColumn::name)->type;
}

/// Rows by their keys: for each key the row as it is now, in the order of the keys.
class RowLookup {
 public:
  explicit RowLookup(const ComparedTable& table) {
    std::string arrays, names, matches;
    const auto& key = table.table.primary_key;
    for (std::size_t i = 0; i < key.size(); ++i) {
      const std::string n = std::to_string(i + 1);
      arrays.append(i == 0 ? "$" : ", $").append(n).append("::text[]");
      names.append("k").append(n).append(", ");
      matches.append(i == 0 ? "" : " AND ").append(quote_identifier(key[i]));
      matches.append(" = shardplex_keys.k").append(n).append("::").append(type_of(table, key[i]));
    }
    sql_ = "SELECT n, version, hash FROM unnest(" + arrays + ") WITH ORDINALITY AS shardplex_keys(" + names +
           "n) CROSS JOIN LATERAL (SELECT xmin::text || ctid::text AS version, " + row_hash(table.columns) +
           " AS hash FROM " + qualified_name(table.table) + " WHERE " + matches + " AND " + table.condition +
           ") r";
  }

  /// Precondition: rows is not empty. `side` tells where each row's state goes.
  void look_at(pqxx::connection& connection, std::span<Suspect> rows, Seen Suspect::*side) const {
    for (auto& row : rows) row.*side = std::nullopt;
    pqxx::nontransaction transaction(connection);
    for (std::size_t first = 0; first < rows.size(); first += keys_of_lookup) {
      const auto some = rows.subspan(first, std::min(keys_of_lookup, rows.size() - first));
      const auto arrays = key_arrays(some);
      for (const auto& row : transaction.exec_params(sql_, pqxx::prepare::make_dynamic_params(arrays)))
        some[row[0].as<std::size_t>() - 1].*side =
            SeenRow{row[1].as<std::string>(), row[2].as<std::string>()};
    }
  }

 private:
  /// An array literal for each column of the key.
  static std::vector<std::string> key_arrays(std::span<const Suspect> rows) {
    std::vector<std::string> arrays;
    for (std::size_t column = 0; column < rows.front().key.size(); ++column) {
      std::vector<std::string> values;
      for (const auto& row : rows) values.push_back(row.key[column]);
      arrays.push_back(shardplex::array_literal(values));
    }
    return arrays;
  }

  std::string sql_;
};

/// The rows of some slots of one side, sorted by a hash of their keys.
class SortedRows {
 public:
  struct Row {
    std::int64_t key_hash = 0;
    std::string hash;
    Key key;
  };

  SortedRows(pqxx::connection& connection, const ComparedTable& table) : transaction_(connection) {
    std::vector<HashedColumn> key;
    std::string texts;
    for (const auto& name : table.table.primary_key) {
      key.push_back({name, type_of(table, name)});
      texts.append(", ").append(quote_identifier(name)).append("::text");
    }
    transaction_.exec("SET LOCAL work_mem = '64MB'");
    transaction_.exec("DECLARE shardplex_rows NO SCROLL CURSOR FOR SELECT " + row_hash(key) + ", " +
                      row_hash(table.columns) + texts + " FROM " + qualified_name(table.table) + " WHERE " +
                      table.condition + " ORDER BY 1");
    fetch();
  }

  const Row* row() const { return next_ < rows_.size() ? &rows_[next_] : nullptr; }
  void advance() {
    if (++next_ == rows_.size()) fetch();
  }

 private:
  void fetch() {
    rows_.clear();
    next_ = 0;
    for (const auto& row :
         transaction_.exec("FETCH " + std::to_string(rows_of_fetch) + " FROM shardplex_rows")) {
      Row& read = rows_.emplace_back(Row{row[0].as<std::int64_t>(), row[1].as<std::string>(), {}});
      for (pqxx::row::size_type i = 2; i < row.size(); ++i) read.key.push_back(row[i].as<std::string>());
    }
  }

  Snapshot transaction_;
  std::vector<Row> rows_;
  std::size_t next_ = 0;
};

/// Calls f(key) for each key whose rows are not the same in both lists.
template <class F>
void merge(SortedRows& source, SortedRows& target, F f) {
  while (source.row() != nullptr || target.row() != nullptr) {
    const std::int64_t hash = [&] {
      if (source.row() == nullptr) return target.row()->key_hash;
      if (target.row() == nullptr) return source.row()->key_hash;
      return std::min(source.row()->key_hash, target.row()->key_hash);
    }();
    // Almost always one row on each side; more where keys have the same hash.
    std::map<Key, std::pair<std::string, std::string>> hashes;
    for (; source.row() != nullptr && source.row()->key_hash == hash; source.advance())
      hashes[source.row()->key].first = source.row()->hash;
    for (; target.row() != nullptr && target.row()->key_hash == hash; target.advance())
      hashes[target.row()->key].second = target.row()->hash;
    for (const auto& [key, pair] : hashes)
      if (pair.first != pair.second) f(key);
  }
}

/// The slots whose checksums differ.
std::vector<std::int32_t> differing_slots(const SlotChecksums& source, const SlotChecksums& target) {
  std::vector<std::int32_t> slots;
  const auto differs = [](const SlotChecksums& a, const SlotChecksums& b, std::int32_t slot) {
    const auto other = b.find(slot);
    return other == b.end() || other->second != a.at(slot);
  };
  for (const auto& [slot, checksum] : source)
    if (differs(source, target, slot)) slots.push_back(slot);
  for (const auto& [slot, checksum] : target)
    if (!source.contains(slot)) slots.push_back(slot);
  return slots;
}

/// The table, narrowed to the rows of these slots.
ComparedTable narrowed(ComparedTable table, const std::vector<std::int32_t>& slots) {
  std::string list;
  for (const auto slot : slots) list.append(list.empty() ? "" : ",").append(std::to_string(slot));
  table.condition += " AND " + table.slot + " = ANY ('{" + list + "}'::integer[])";
  return table;
}

/// The value of a future, calling `tell` every tick until it is there.
template <class Value, class F>
Value await(std::future<Value>& future, F tell) {
  while (future.wait_for(tick) != std::future_status::ready) tell();
  return future.get();
}

/// Two servers under comparison, and what has been found.
class Comparison {
 public:
  Comparison(const std::string& source, const std::string& target, const RowComparison::Options& options)
      : options_(options), source_(source, options.jobs), target_(target, options.jobs) {}

  void compare(const MovedTable& moved, const SlotSet& slots) {
    const ComparedTable table = describe(moved, slots);
    const auto differing = compare_slots(table);
    if (!differing.empty()) compare_rows(table, narrowed(table, differing));
  }

  ComparedTable describe(const MovedTable& table, const SlotSet& slots) {
    pqxx::nontransaction transaction(*source_.lookups);
    return compared_table(transaction, table, slots);
  }

  void look_at(const ComparedTable& table, std::span<Suspect> rows) {
    const RowLookup lookup(table);
    // The target first: what the source has by now may be on its way.
    lookup.look_at(*target_.lookups, rows, &Suspect::target);
    lookup.look_at(*source_.lookups, rows, &Suspect::source);
  }

  ComparedRows result;

 private:
  struct Side {
    Side(const std::string& conninfo, int jobs)
        : scans(connect_all(conninfo, jobs)), lookups(std::move(connect_all(conninfo, 1).front())) {}
    Connections scans;
    std::unique_ptr<pqxx::connection> lookups;
  };

  std::vector<std::int32_t> compare_slots(const ComparedTable& table);
  void compare_rows(const ComparedTable& table, const ComparedTable& part);
  void settle(const ComparedTable& table, std::vector<Suspect>& suspects);
  void tell_advance(const ScanWatch& watch, std::uint64_t& told);
  void add_difference(const ComparedTable& table, const Suspect& row);

  const RowComparison::Options& options_;
  Side source_, target_;
};

void Comparison::tell_advance(const ScanWatch& watch, std::uint64_t& told) {
  const std::uint64_t now = watch.rows;
  if (options_.advanced) options_.advanced(now - told);
  told = now;
}

std::vector<std::int32_t> Comparison::compare_slots(const ComparedTable& table) {
  ScanWatch on_source, on_target;
  std::uint64_t told = 0;
  const auto scan = [&table](const Side& side, ScanWatch& watch) {
    return std::async(std::launch::async, [&] { return read_slot_checksums(side.scans, table, watch); });
  };
  auto of_source = scan(source_, on_source);
  auto of_target = scan(target_, on_target);
  try {
    const auto tell = [&] { tell_advance(on_source, told); };
    const auto source = await(of_source, tell);
    const auto target = await(of_target, tell);
    tell();
    result.rows += on_source.rows;
    pqxx::nontransaction transaction(*source_.lookups);
    result.bytes +=
        transaction.exec_params1("SELECT pg_table_size($1::regclass)", qualified_name(table.table))[0]
            .as<std::uint64_t>();
    return differing_slots(source, target);
  } catch (...) {
    on_source.stop = on_target.stop = true;  // the futures wait for their threads
    throw;
  }
}

void Comparison::compare_rows(const ComparedTable& table, const ComparedTable& part) {
  const auto sorted = in_parallel(2, [&](std::size_t i) {
    return std::make_unique<SortedRows>(*(i == 0 ? source_ : target_).scans.front(), part);
  });
  std::vector<Suspect> suspects;
  merge(*sorted[0], *sorted[1], [&](const Key& key) {
    suspects.push_back({key, {}, {}});
    if (suspects.size() == suspects_of_batch) settle(table, suspects);
  });
  settle(table, suspects);
}

/// Finds out what is the matter with the suspects, and clears them.
///
/// A row is surely different where neither side's version changed between two looks with a wait between them:
/// all that the source had committed before the wait is on the target after it, and nothing came later. (The
/// target's version has to be the same too, for it may have shown a row that came and went on the source.)
void Comparison::settle(const ComparedTable& table, std::vector<Suspect>& suspects) {
  if (suspects.empty()) return;
  look_at(table, suspects);
  std::erase_if(suspects, looks_equal);
  for (int round = 0; round < most_rounds && !suspects.empty(); ++round) {
    const auto before = suspects;
    options_.wait_until_applied();
    look_at(table, suspects);
    std::vector<Suspect> open;
    for (std::size_t i = 0; i < suspects.size(); ++i) {
      const Suspect& now = suspects[i];
      if (looks_equal(now)) continue;
      if (same_version(before[i].source, now.source) && same_version(before[i].target, now.target))
        add_difference(table, now);
      else
        open.push_back(now);
    }
    suspects = std::move(open);
    if (options_.advanced) options_.advanced(0);
  }
  for (const auto& row : suspects) result.undecided.push_back(difference_of(table, row));
  suspects.clear();
}

void Comparison::add_difference(const ComparedTable& table, const Suspect& row) {
  ++result.difference_count;
  if (result.differences.size() < most_told) result.differences.push_back(difference_of(table, row));
}

std::string_view description_of(Kind kind) {
  switch (kind) {
    case Kind::missing:
      return "missing";
    case Kind::unexpected:
      return "unexpected";
    case Kind::different:
      break;
  }
  return "different";
}

}  // namespace

std::string to_string(const RowDifference& difference, const MovedTable& table, const std::string& target) {
  std::string text = difference.table;
  for (std::size_t i = 0; i < table.primary_key.size(); ++i)
    text.append(i == 0 ? " " : ", ").append(table.primary_key[i]).append("=").append(difference.key[i]);
  return text.append(" is ").append(description_of(difference.kind)).append(" on ").append(target);
}

RowComparison::RowComparison(std::string source, std::string target, std::vector<MovedTable> tables,
                             SlotSet slots, Options options)
    : source_(std::move(source)),
      target_(std::move(target)),
      tables_(std::move(tables)),
      slots_(std::move(slots)),
      options_(std::move(options)) {}

ComparedRows RowComparison::compare() {
  Comparison comparison(source_, target_, options_);
  for (const auto& table : tables_) comparison.compare(table, slots_);
  return std::move(comparison.result);
}

std::vector<RowDifference> RowComparison::compare_again(const std::vector<RowDifference>& rows) {
  std::vector<RowDifference> different;
  Options one = options_;
  one.jobs = 1;
  Comparison comparison(source_, target_, one);
  for (const auto& table : tables_) {
    std::vector<Suspect> suspects;
    for (const auto& row : rows)
      if (row.table == table.name) suspects.push_back({row.key, {}, {}});
    if (suspects.empty()) continue;
    const ComparedTable compared = comparison.describe(table, slots_);
    comparison.look_at(compared, suspects);
    for (const auto& row : suspects)
      if (!looks_equal(row)) different.push_back(difference_of(compared, row));
  }
  return different;
}

}  // namespace shardplex::operations
