// The statements of a read, for people.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "query/plan/sql.hpp"

namespace shardplex {

/// The type that `sql` casts $number to, such as "bigint[]"; "unknown", as PostgreSQL calls it, where the
/// statement leaves it to what the parameter is compared with.
std::string parameter_type(std::string_view sql, std::size_t number);

/// Statements in the order in which they are sent; equal ones of several shards become one.
class ExplainedStatements {
 public:
  /// `has_epoch`: $1 is the epoch.
  void add(std::string_view does, const std::string& shard, const Statement& statement, bool has_epoch);
  boost::json::array to_json() const;

 private:
  struct One {
    std::string does;
    std::vector<std::string> shards;
    Statement statement;
    bool has_epoch;
  };
  std::vector<One> statements_;
};

}  // namespace shardplex
