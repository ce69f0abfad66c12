#include "postgres/prepared_statements.hpp"

namespace shardplex::postgres {

PreparedStatements::Use PreparedStatements::use(std::string_view sql) {
  if (auto found = by_sql_.find(sql); found != by_sql_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return {found->second->id, false};
  }
  entries_.push_front({std::string(sql), ++last_id_});
  by_sql_.emplace(entries_.front().sql, entries_.begin());
  bytes_ += sql.size();
  return {last_id_, true};
}

bool PreparedStatements::holds(std::string_view sql, Id id) const {
  auto found = by_sql_.find(sql);
  return found != by_sql_.end() && found->second->id == id;
}

void PreparedStatements::forget(std::string_view sql, Id id) {
  auto found = by_sql_.find(sql);
  if (found == by_sql_.end() || found->second->id != id) return;
  auto entry = found->second;
  bytes_ -= entry->sql.size();
  by_sql_.erase(found);
  entries_.erase(entry);
}

void PreparedStatements::forget_all() {
  by_sql_.clear();
  entries_.clear();
  bytes_ = 0;
}

std::optional<PreparedStatements::Id> PreparedStatements::evict_beyond(std::size_t capacity,
                                                                       std::size_t bytes) {
  if (size() <= capacity && (bytes_ <= bytes || size() <= 1)) return std::nullopt;
  const Id id = entries_.back().id;
  bytes_ -= entries_.back().sql.size();
  by_sql_.erase(entries_.back().sql);
  entries_.pop_back();
  return id;
}

}  // namespace shardplex::postgres
