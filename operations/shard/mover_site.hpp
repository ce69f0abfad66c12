// One of the two shards of a move: its primary of the moment, and transactions on it that only the mover
// makes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <utility>

#include "operations/shard/mover.hpp"
#include "shard_map/shard_map.hpp"
#include "shard_schema/functions.hpp"

namespace shardplex::operations {

class MoveSite {
 public:
  /// Connects to the shard's primary. Throws CommandFailed where it has none. All arguments outlive this.
  MoveSite(const ShardMap& map, const Shard& shard, Mover& mover);

  const std::string& name() const { return shard_.name; }
  const std::string& conninfo() const { return conninfo_; }
  /// How many servers the shard has beside its primary, by the map: whichever of them that is now.
  std::size_t replicas() const { return shard_.replicas.size(); }

  /// All of them followed it, by their own word, when it was last found.
  bool all_followed() const { return followers_ == replicas(); }

  /// Finds the primary anew, as it may be another server by now.
  void find_again();

  /// f(transaction) in a transaction that only the mover can make; committed where f returns. Throws pqxx's
  /// exceptions; sqlstate_not_mover is another mover's having taken over.
  template <class F>
  auto change(F f) {
    pqxx::work transaction(*connection_);
    transaction.exec_params(as_mover_sql, mover_.token());
    if constexpr (std::is_void_v<std::invoke_result_t<F, pqxx::work&>>) {
      f(transaction);
      transaction.commit();
    } else {
      auto value = f(transaction);
      transaction.commit();
      return value;
    }
  }

  /// f(transaction) in a transaction of its own for each statement; for looking, and for what PostgreSQL
  /// refuses within a transaction that writes.
  template <class F>
  auto look(F f) {
    pqxx::nontransaction transaction(*connection_);
    return f(transaction);
  }

  /// Throws where another mover has taken over: before what cannot be part of a change().
  void assert_mover();

 private:
  void use(std::unique_ptr<pqxx::connection> connection, std::string conninfo);

  const ShardMap& map_;
  const Shard& shard_;
  Mover& mover_;
  std::unique_ptr<pqxx::connection> connection_;
  std::string conninfo_;
  std::size_t followers_ = 0;
};

}  // namespace shardplex::operations
