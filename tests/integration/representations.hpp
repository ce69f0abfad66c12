// The formats that an answer can be asked for in, and what one PostgreSQL makes of rows in each.
#pragma once

#include <cstdint>
#include <string>

#include "tests/integration/request_generator.hpp"

namespace shardplex::integration {

/// Asks for some of the reads in another format than plain JSON; the same of a seed always.
void ask_for_a_format(ReadRequest& read, std::uint64_t seed);

/// SQL of the body that the read's answer has.
std::string body_sql(const ReadRequest& read);

}  // namespace shardplex::integration
