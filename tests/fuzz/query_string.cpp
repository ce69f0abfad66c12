// A URL's query string, of a read and of a call.
#include <string>

#include "query/grammar/parse.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

/// Bounds that small inputs can come to.
constexpr ParseLimits tight{.filters = 6, .nesting = 2, .list_items = 4, .embeds = 3, .embed_depth = 2};

void check_query(const Query& query) {
  invariant(query.table == "films", "the table is the one that was asked for");
  invariant(!query.page || !query.page->at || decode_cursor(encode_cursor(*query.page->at)) == query.page->at,
            "a cursor that was taken is one that is given");
}

}  // namespace

void take(std::string_view input) {
  for (const auto& limits : {ParseLimits{}, tight}) {
    for (const auto cursors : {Cursors::refused, Cursors::served}) {
      const auto query = parse_query("films", input, limits, cursors);
      if (!query) {
        check_error(query.error());
        continue;
      }
      check_query(*query);
      invariant(cursors == Cursors::served || !query->page, "no cursor where none is served");
      invariant(*parse_query("films", input, limits, cursors) == *query, "it is always read alike");
    }
    const auto call = parse_function_call("films", input, limits);
    if (!call) {
      check_error(call.error());
      continue;
    }
    for (const auto& argument : call->arguments)
      invariant(is_utf8(argument.name) && is_utf8(argument.value), "an argument is UTF-8");
  }
  for (const bool plus_is_space : {false, true}) {
    const auto decoded = percent_decode(input, plus_is_space);
    invariant(!decoded || (is_utf8(*decoded) && decoded->find('\0') == std::string::npos),
              "what is decoded is a text of PostgreSQL's");
  }
}

}  // namespace shardplex::fuzz
