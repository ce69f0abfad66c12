#include "operations/compare/doubled_values.hpp"

#include <algorithm>
#include <charconv>
#include <compare>
#include <memory>
#include <utility>

#include "operations/shard/moved_table.hpp"
#include "query/plan/owned_slots.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* fetch_sql = "FETCH 5000 FROM shardplex_values";

/// So many could be rows that went from one shard to another while they were read; more are not.
constexpr std::size_t most_doubted = 1000;

using Values = std::vector<std::optional<std::string>>;

std::string values_sql(const LocalUnique& unique, const SearchedRows& rows) {
  const std::string slot = quote_identifier(slot_column);
  std::string columns, order;
  std::string condition = rows.slots ? slot + " = ANY ('" + array_literal(*rows.slots) + "'::integer[])"
                                     : slot + " IN (" + select_owned_slots(quote_literal(unique.group)) + ")";
  for (const auto& column : unique.columns) {
    // Without a name of its own it would be the column's, and ORDER BY would mean this text.
    columns += (columns.empty() ? "" : ", ") + column.text_sql + " AS \"shardplex value\"";
    order += (order.empty() ? "" : ", ") + column.order_sql + " NULLS LAST";
    if (!unique.nulls_are_equal) condition += " AND " + column.text_sql + " IS NOT NULL";
  }
  if (!unique.condition.empty()) condition += " AND (" + unique.condition + ")";
  return "SELECT " + columns + " FROM " + quote_map_name(unique.table) + " WHERE " + condition +
         " ORDER BY " + order;
}

/// The values of one shard, one after the other.
class Stream {
 public:
  Stream(const LocalUnique& unique, const SearchedRows& rows, const std::function<void(std::size_t)>& read)
      : read_(read), transaction_(std::make_unique<Transaction>(*rows.connection)) {
    transaction_->exec("SET LOCAL statement_timeout = " + std::to_string(rows.statement_timeout.count()) +
                       "; SET LOCAL idle_in_transaction_session_timeout = 0; "
                       "SET LOCAL max_parallel_workers_per_gather = 0");
    transaction_->exec("DECLARE shardplex_values NO SCROLL CURSOR FOR " + values_sql(unique, rows));
    fetch();
  }

  bool at_end() const { return at_ == batch_.size(); }
  const Values& values() const { return values_; }
  void next() {
    if (++at_ == batch_.size()) return fetch();
    take();
  }

 private:
  using Transaction = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

  void fetch() {
    batch_ = transaction_->exec(fetch_sql);
    at_ = 0;
    read_(batch_.size());
    if (!at_end()) take();
  }
  void take() {
    values_.clear();
    for (const auto& field : batch_[static_cast<pqxx::result::size_type>(at_)])
      values_.push_back(field.is_null() ? std::nullopt : std::optional(field.as<std::string>()));
  }

  const std::function<void(std::size_t)>& read_;
  std::unique_ptr<Transaction> transaction_;
  pqxx::result batch_;
  std::size_t at_ = 0;
  Values values_;
};

std::int64_t number(const std::string& text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::strong_ordering compare(const LocalUnique& unique, const Values& one, const Values& other) {
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (one[i].has_value() != other[i].has_value())
      return one[i] ? std::strong_ordering::less : std::strong_ordering::greater;
    if (!one[i]) continue;
    const auto order = unique.columns[i].order == ValueOrder::by_number
                           ? number(*one[i]) <=> number(*other[i])
                           : one[i]->compare(*other[i]) <=> 0;
    if (order != 0) return order;
  }
  return std::strong_ordering::equal;
}

/// f(DoubledValue) for each, in order.
template <class F>
void merge(const LocalUnique& unique, const std::vector<SearchedRows>& shards,
           const std::function<void(std::size_t)>& read, F f) {
  std::vector<std::unique_ptr<Stream>> streams;
  for (const auto& rows : shards) streams.push_back(std::make_unique<Stream>(unique, rows, read));
  while (true) {
    std::vector<std::size_t> least;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (streams[i]->at_end()) continue;
      const auto order = least.empty() ? std::strong_ordering::equal
                                       : compare(unique, streams[i]->values(), streams[least[0]]->values());
      if (order < 0) least.clear();
      if (order <= 0) least.push_back(i);
    }
    if (least.empty()) return;
    if (least.size() > 1) f(DoubledValue{streams[least[0]]->values(), least});
    for (const std::size_t i : least) streams[i]->next();
  }
}

}  // namespace

std::string to_string(const DoubledValue& doubled) {
  std::string text;
  for (const auto& value : doubled.values) text += (text.empty() ? "" : ", ") + value.value_or("null");
  return doubled.values.size() == 1 ? text : "(" + text + ")";
}

void find_doubled_values(const LocalUnique& unique, const std::vector<SearchedRows>& shards,
                         const std::function<void(DoubledValue)>& found,
                         const std::function<void(std::size_t)>& read) {
  std::vector<DoubledValue> seen;
  bool certain = false;
  merge(unique, shards, read, [&](DoubledValue doubled) {
    if (!certain && seen.size() < most_doubted) return seen.push_back(std::move(doubled));
    if (!std::exchange(certain, true))
      for (auto& one : seen) found(std::move(one));
    found(std::move(doubled));
  });
  if (certain || seen.empty()) return;
  auto before = seen.begin();
  merge(unique, shards, read, [&](DoubledValue doubled) {
    while (before != seen.end() && compare(unique, before->values, doubled.values) < 0) ++before;
    if (before != seen.end() && before->values == doubled.values) found(std::move(doubled));
  });
}

}  // namespace shardplex::operations
