// The Range header, beside pages that the URL asks for.
#include <cstdint>
#include <limits>
#include <optional>

#include "query/grammar/parse.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

constexpr auto greatest_row = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

}  // namespace

void take(std::string_view input) {
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{7}, greatest_row}) {
    for (const auto limit : {std::optional<std::uint64_t>(), std::optional<std::uint64_t>(0),
                             std::optional<std::uint64_t>(10), std::optional(greatest_row)}) {
      Query query;
      query.offset = offset;
      query.limit = limit;
      const auto applied = apply_range_header(query, input);
      if (!applied) {
        invariant(applied.error().code == "PGRST103", "what cannot be satisfied is PGRST103");
        check_error(applied.error());
        continue;
      }
      invariant(query.offset >= offset, "no row before the page that the URL asks for");
      invariant(!limit || (query.limit && *query.limit <= *limit), "no more rows than the URL asks for");
    }
  }
}

}  // namespace shardplex::fuzz
