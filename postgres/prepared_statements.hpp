// Which statements one connection has prepared on its server: by SQL text, least recently used first to go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace shardplex::postgres {

/// A value that mirrors the server. Ids are never used twice, so a name that failed to be prepared, was lost
/// or was deallocated can never be mistaken for a later one.
class PreparedStatements {
 public:
  using Id = std::uint64_t;
  struct Use {
    Id id;
    bool fresh;  ///< not known before: prepare it now
  };

  /// The statement's id, now the most recently used.
  Use use(std::string_view sql);

  bool holds(std::string_view sql, Id id) const;
  void forget(std::string_view sql, Id id);  ///< no effect where `sql` has another id by now, or none
  void forget_all();

  /// Forgets the least recently used statement, where there are more than `capacity`, or their texts have
  /// more than `bytes`; it is to be deallocated. The most recently used one stays.
  std::optional<Id> evict_beyond(std::size_t capacity, std::size_t bytes);

  std::size_t size() const { return by_sql_.size(); }

 private:
  struct Entry {
    std::string sql;
    Id id;
  };
  std::list<Entry> entries_;                                                 // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_sql_;  // views into entries_
  std::size_t bytes_ = 0;                                                    // of all texts
  Id last_id_ = 0;
};

}  // namespace shardplex::postgres
