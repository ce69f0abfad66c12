#include "postgres/result_rows.hpp"

#include <string>

namespace shardplex::postgres {

Failure unexpected_answer(std::string_view what) {
  return {.kind = Failure::Kind::statement,
          .sent = true,
          .sqlstate = "XX000",  // PostgreSQL's own for what should not be
          .message = "the server's answer makes no sense: " + std::string(what)};
}

}  // namespace shardplex::postgres
