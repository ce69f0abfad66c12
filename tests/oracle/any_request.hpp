// Reads and writes at random. Pure.
#pragma once

#include <optional>
#include <string>

#include "tests/integration/request_generator.hpp"
#include "tests/oracle/any_write.hpp"
#include "tests/oracle/schema.hpp"

namespace shardplex::oracle {

struct AnyRequest {
  integration::ReadRequest read;
  std::optional<Write> write;  ///< in the place of the read

  std::string describe() const { return write ? write->describe() : read.describe(); }
  const std::string& method() const { return write ? write->method : read.method; }
  const std::string& target() const { return write ? write->target : read.target; }
};

/// `with_writes`: half of them are writes. Throws LeftOut where it comes to what is left out of the schema,
/// and Random::Endless.
AnyRequest any_request(const Schema& schema, bool with_writes, Random& random);

}  // namespace shardplex::oracle
