// The JSON body of a write.
#include <string>
#include <vector>

#include "query/grammar/body.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

const std::vector<std::string> watched{"id", "primary_genre"};

void check_body(const Body& body) {
  invariant(body.is_array || body.rows == 1, "an object is one row");
  invariant(body.watched.size() == watched.size(), "each watched column has its values");
  for (const auto& column : body.watched) invariant(column.size() == body.rows, "a row has one of each");
  for (const auto& key : body.keys) invariant(is_utf8(key), "a key is UTF-8");
  for (const auto& column : body.watched)
    for (const auto& value : column) invariant(is_utf8(value.text), "a value is UTF-8");
}

}  // namespace

void take(std::string_view input) {
  const auto any = read_body(input, watched, false), even = read_body(input, watched, true);
  for (const auto* read : {&any, &even}) {
    if (*read) {
      check_body(**read);
      continue;
    }
    invariant(read->error().code == "PGRST102", "what is no body is PGRST102");
    check_error(read->error());
  }
  invariant(!even || (any && *any == *even), "that all rows have equal keys changes nothing else");
}

}  // namespace shardplex::fuzz
