#include "tests/integration/representations.hpp"

#include <algorithm>

namespace shardplex::integration {
namespace {

bool is_accept(const std::pair<std::string, std::string>& header) {
  return header.first == "Accept";
}

std::string over_rows(const std::string& body, const ReadRequest& read) {
  return "SELECT " + body + " FROM (" + read.rows_sql + ") answer_row";
}

/// As PostgREST makes it: the names of the first row, then each row as text without its parentheses.
std::string csv_sql(const ReadRequest& read) {
  const std::string names =
      "(SELECT coalesce(string_agg(name, ','), '') FROM (SELECT json_object_keys(row_to_json(first_row)) AS "
      "name FROM (SELECT * FROM (" +
      read.rows_sql + ") all_rows LIMIT 1) first_row) names)";
  const std::string row = "substring(answer_row::text, 2, length(answer_row::text) - 2)";
  return over_rows(names + " || E'\\n' || coalesce(string_agg(" + row + ", E'\\n'), '')", read);
}

}  // namespace

void ask_for_a_format(ReadRequest& read, std::uint64_t seed) {
  constexpr std::uint64_t one_in = 4, formats = 3;
  if (seed % one_in != 0) return;
  const auto accept = std::ranges::find_if(read.headers, is_accept);
  const bool is_object = accept != read.headers.end();
  const auto format = is_object ? 0 : seed / one_in % formats;
  const std::string type = format == 1 ? "text/csv" : "application/x-ndjson;q=0.5, text/html";
  if (is_object)
    accept->second += ";nulls=stripped";
  else if (format == 0)
    read.headers.emplace_back("Accept", "application/vnd.pgrst.array+json;nulls=stripped");
  else
    read.headers.emplace_back("Accept", type);
  read.format = format == 0   ? ReadRequest::Format::stripped_json
                : format == 1 ? ReadRequest::Format::csv
                              : ReadRequest::Format::ndjson;
  if (read.format != ReadRequest::Format::csv) return;
  if (!read.refusal) read.refusal = read.refusal_in_csv;
  if (!read.refusal_over_shards) read.refusal_over_shards = read.refusal_in_csv_over_shards;
}

std::string body_sql(const ReadRequest& read) {
  switch (read.format) {
    case ReadRequest::Format::json:
      break;
    case ReadRequest::Format::stripped_json:
      if (read.object) return over_rows("json_strip_nulls(row_to_json(answer_row))::text", read);
      return over_rows("coalesce(json_strip_nulls(json_agg(answer_row)), '[]')::text", read);
    case ReadRequest::Format::csv:
      return csv_sql(read);
    case ReadRequest::Format::ndjson:
      return over_rows(
          "coalesce(string_agg(translate(row_to_json(answer_row)::text, E'\\n\\r', '  ') || E'\\n', ''), '')",
          read);
  }
  if (read.object) return over_rows("row_to_json(answer_row)::text", read);
  return over_rows("coalesce(json_agg(answer_row), '[]')::text", read);
}

}  // namespace shardplex::integration
