#include "shard_schema/prepared_writes.hpp"

#include <charconv>
#include <system_error>
#include <utility>

#include "query/plan/sql.hpp"

namespace shardplex {
namespace {

constexpr std::string_view part_prefix = "shardplex:";
constexpr std::size_t write_digits = 32;

bool is_write_id(std::string_view text) {
  return text.size() == write_digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

constexpr std::string_view waiting_parts_sql = R"sql(
SELECT p.gid, greatest(0, extract(epoch FROM clock_timestamp() - p.prepared) * 1000)::bigint::text
  FROM pg_catalog.pg_prepared_xacts p
 WHERE p.database = current_database() AND p.gid LIKE 'shardplex:%'
 ORDER BY p.prepared, p.gid LIMIT 10000)sql";

std::string PreparedPart::to_gid() const {
  return std::string(part_prefix) + write + ':' + std::to_string(number) + ':' + decider;
}

std::optional<PreparedPart> PreparedPart::from_gid(std::string_view gid) {
  if (!gid.starts_with(part_prefix)) return std::nullopt;
  gid.remove_prefix(part_prefix.size());
  const auto first = gid.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = gid.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  PreparedPart part;
  part.write = gid.substr(0, first);
  part.decider = gid.substr(second + 1);
  const auto digits = gid.substr(first + 1, second - first - 1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), part.number);
  const bool is_number = read.ec == std::errc() && read.ptr == digits.data() + digits.size();
  if (!is_number || !is_write_id(part.write) || part.decider.empty()) return std::nullopt;
  return part;
}

std::string prepare_sql(const std::string& gid) {
  return "PREPARE TRANSACTION " + quote_literal(gid);
}

std::string commit_prepared_sql(const std::string& gid) {
  return "COMMIT PREPARED " + quote_literal(gid);
}

std::string roll_back_prepared_sql(const std::string& gid) {
  return "ROLLBACK PREPARED " + quote_literal(gid);
}

std::vector<WaitingPart> decode_waiting_parts(const TextRows& rows) {
  std::vector<WaitingPart> parts;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    auto part = PreparedPart::from_gid(rows.view(row, 0));
    if (part) parts.push_back({std::move(*part), rows.text(row, 0), rows.integer(row, 1)});
  }
  return parts;
}

bool decode_decision(const TextRows& rows) {
  const bool is_one = rows.size() == 1;
  if (is_one && rows.view(0, 0) == "committed") return true;
  if (is_one && rows.view(0, 0) == "aborted") return false;
  throw UnexpectedAnswer("a decision that is neither committed nor aborted");
}

}  // namespace shardplex
