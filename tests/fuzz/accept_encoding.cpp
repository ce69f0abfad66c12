// The Accept-Encoding header.
#include <string>

#include "query/grammar/accept_encoding.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {

void take(std::string_view input) {
  const auto coding = parse_accept_encoding(input);
  if (!coding) return;
  invariant(parse_accept_encoding(to_string(*coding)) == coding, "a coding is known by its name");
  const auto refused = std::string(to_string(*coding)) + ";q=0";
  invariant(!parse_accept_encoding(refused), "what is refused is not taken");
}

}  // namespace shardplex::fuzz
