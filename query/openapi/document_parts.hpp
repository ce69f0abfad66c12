// What the documents of both dialects have in common.
#pragma once

#include <boost/json/object.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/openapi/described_table.hpp"

namespace shardplex::openapi {

/// A parameter of many operations.
struct ParameterText {
  std::string_view key;  ///< its name among the document's parameters
  std::string_view name;
  std::string_view in;    ///< "query" or "header"
  std::string_view type;  ///< of JSON Schema
  std::string_view description;
};
std::span<const ParameterText> parameter_texts();

/// The keys of those that operations take, beside filters: of a table's rows, of a row by its key, and of
/// writes.
inline constexpr std::string_view of_rows[] = {"select", "order", "limit",      "offset",     "and",
                                               "or",     "range", "preferRead", "consistency"};
inline constexpr std::string_view of_row[] = {"select", "consistency"};
inline constexpr std::string_view of_insert[] = {"select", "columns", "preferWrite"};
inline constexpr std::string_view of_change[] = {"select", "and", "or", "preferWrite"};
inline constexpr std::string_view of_row_change[] = {"select", "preferWrite"};

/// The formats of rows, the usual one first.
inline constexpr std::string_view row_media_types[] = {
    "application/json", "application/vnd.pgrst.object+json", "text/csv", "application/x-ndjson"};

/// What a column's filter is called in a URL: in quotes where it would be taken for something else.
std::string filter_name(std::string_view column);

/// A path's segment, percent-encoded but for what is unreserved (RFC 3986, section 2.3).
std::string path_segment(std::string_view name);

/// {"title": the cluster, "description": …, "version": …}
boost::json::object info(const ShardMap& map, std::string_view version);

/// The names of the columns that a POST has to have.
std::vector<std::string> required_columns(const DescribedTable& table);

/// Adds summary and description where there are any.
void add_texts(boost::json::object& to, const DescribedTable& table);

/// {"code", "details", "hint", "message"}: `nullable_text` is the schema of a text that may be null.
boost::json::object error_schema(const boost::json::object& nullable_text);

}  // namespace shardplex::openapi
