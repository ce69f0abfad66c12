#include "tests/oracle/any_request.hpp"

#include "tests/oracle/any_read.hpp"

namespace shardplex::oracle {

AnyRequest any_request(const Schema& schema, bool with_writes, Random& random) {
  AnyRequest request;
  if (with_writes && random.chance(50))
    request.write = any_write(schema, random);
  else
    request.read = any_read(schema, random);
  return request;
}

}  // namespace shardplex::oracle
