// The Prefer header (RFC 7240).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

enum class ReturnKind : std::uint8_t { minimal, headers_only, representation };
enum class Resolution : std::uint8_t { merge_duplicates, ignore_duplicates };
enum class MissingColumns : std::uint8_t { null, column_default };
enum class TransactionEnd : std::uint8_t { commit, rollback };
/// How a request may have its transaction end: rollback is not served unless it is `any`.
enum class TransactionEnds : std::uint8_t { commit, any };

/// What Prefer asks for. Of a preference given more than once the first counts (RFC 7240, section 2).
struct Preferences {
  ReturnKind returning = ReturnKind::minimal;
  CountKind count = CountKind::none;
  bool strict = false;
  bool returning_given = false, count_given = false, handling_given = false;
  std::optional<Resolution> resolution = std::nullopt;
  std::optional<MissingColumns> missing = std::nullopt;
  std::optional<TransactionEnd> tx = std::nullopt;
  std::optional<std::string> timezone = std::nullopt;  ///< as written
  std::optional<std::int64_t> max_affected = std::nullopt;
  std::vector<std::string> unknown = {};  ///< as written, in order
  bool partial = false;  ///< partial=allow: of a read, the rows of the shards that answer will do
};

/// Everything that a Prefer header says, and what of it this release does not serve.
struct PreferHeader {
  Preferences preferences;
  std::optional<Error> not_served = std::nullopt;  ///< SHARD400 naming the first such preference
};

/// All Prefer headers of a request, joined with commas.
PreferHeader read_prefer(std::string_view header, TransactionEnds ends = TransactionEnds::commit);

/// What of it is honoured. What is not served (tx=rollback) is SHARD400; under handling=strict unknown
/// preferences are PGRST122.
Result<Preferences> served_preferences(PreferHeader read);

/// The same of a header, for requests that have no time zone of their own: that is not served.
Result<Preferences> parse_prefer(std::string_view header);

/// `read` without its time zone, which no server knows: it is then an unknown preference.
PreferHeader without_time_zone(PreferHeader read);

/// `read` without partial=allow, for what is no answer where part of it is missing: it is then an unknown
/// preference.
PreferHeader without_partial(PreferHeader read);

/// As it is written in Prefer: "return=minimal".
std::string_view text_of(ReturnKind kind);
/// The same: "count=exact"; "" for none.
std::string_view text_of(CountKind kind);

/// The Preference-Applied value for what was honoured; "" where nothing was asked.
std::string preference_applied(const Preferences& preferences, bool is_write);

}  // namespace shardplex
