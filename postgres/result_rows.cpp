#include "postgres/result_rows.hpp"

#include <string>

#include "shard_schema/sqlstates.hpp"

namespace shardplex::postgres {

Failure unexpected_answer(std::string_view what) {
  return {.kind = Failure::Kind::statement,
          .sent = true,
          .sqlstate = std::string(sqlstate_odd_answer),
          .message = "the server's answer makes no sense: " + std::string(what)};
}

}  // namespace shardplex::postgres
