// What one PostgreSQL says that the answer to a generated read has to be.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/integration/cluster.hpp"
#include "tests/integration/request_generator.hpp"

namespace shardplex::integration {

struct ExpectedAnswer {
  unsigned status = 200;  // of an answer with rows
  std::string body;
  std::optional<std::string> content_range;
  std::map<std::string, unsigned> errors;  // in its place: any of these codes, each with its status
};

/// `database` has all rows. `over_shards`: as opposed to over one. Throws pqxx exceptions where it is gone.
ExpectedAnswer expected_answer(Database& database, const ReadRequest& read, bool over_shards);

/// Why `answer` is not what was expected, for people; "" where it is.
std::string difference(const ReadRequest& read, const ExpectedAnswer& expected, const HttpResponse& answer);

}  // namespace shardplex::integration
