// The Prefer header.
#include "query/grammar/preferences.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

/// What was honoured, said and read again, is honoured again. (Of a time zone only a server knows what it may
/// be called.)
void check_applied(const Preferences& preferences, bool is_write) {
  if (preferences.timezone) return;
  const auto applied = preference_applied(preferences, is_write);
  const auto again = read_prefer(applied);
  invariant(again.preferences.unknown.empty(), "what is honoured is known");
  invariant(preference_applied(again.preferences, is_write) == applied, "what is honoured is honoured again");
}

}  // namespace

void take(std::string_view input) {
  const auto read = read_prefer(input);
  for (const auto& unknown : read.preferences.unknown)
    invariant(!unknown.empty(), "an unknown preference is named");
  for (const auto& header : {read, without_time_zone(read), without_partial(read)}) {
    const auto served = served_preferences(header);
    if (!served) {
      check_error(served.error());
      continue;
    }
    check_applied(*served, true);
    check_applied(*served, false);
  }
  const auto parsed = parse_prefer(input);
  invariant(!parsed || !parsed->timezone, "a request without a time zone of its own has none");
}

}  // namespace shardplex::fuzz
