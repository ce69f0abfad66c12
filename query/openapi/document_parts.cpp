#include "query/openapi/document_parts.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

#include "query/grammar/parameter_key.hpp"

namespace shardplex::openapi {
namespace {

namespace json = boost::json;

constexpr ParameterText texts[] = {
    {"select", "select", "query", "string",
     "What a row shows: columns, as in `name,alias:column,column::text,data->key`, aggregates, as in "
     "`count()`, and rows of "
     "related tables, as in `ratings(score)`."},
    {"order", "order", "query", "string", "The order of the rows, as in `name.desc.nullslast,id`."},
    {"limit", "limit", "query", "integer", "The most rows of the answer."},
    {"offset", "offset", "query", "integer", "How many rows to skip."},
    {"and", "and", "query", "string", "Conditions that all have to hold, as in `(id.gt.1,name.like.*a*)`."},
    {"or", "or", "query", "string", "Conditions of which one has to hold, as in `(id.eq.1,name.like.*a*)`."},
    {"columns", "columns", "query", "string",
     "The members of the body that are stored, as in `id,name`; others are ignored."},
    {"range", "Range", "header", "string", "The rows of the answer by number, as in `0-9`."},
    {"preferRead", "Prefer", "header", "string",
     "`count=exact` counts all rows that match, `partial=allow` takes the rows of the shards that answer."},
    {"preferWrite", "Prefer", "header", "string",
     "`return=representation`, `return=headers-only` or `return=minimal` says what is answered, "
     "`count=exact` counts."},
    {"consistency", "Shardplex-Consistency", "header", "string", "`strong` reads from primaries only."},
};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

std::span<const ParameterText> parameter_texts() {
  return texts;
}

std::string filter_name(std::string_view column) {
  const bool is_taken = std::ranges::count(grammar::reserved_names, column) > 0;
  if (!is_taken && std::ranges::all_of(column, is_plain)) return std::string(column);
  std::string name = "\"";
  for (const char c : column) {
    if (c == '"' || c == '\\') name += '\\';
    name += c;
  }
  return name + '"';
}

std::string path_segment(std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string segment;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c) || c == '-' || c == '.' || c == '~')
      segment += c;
    else
      (segment += '%').append({digits[byte / 16], digits[byte % 16]});
  }
  return segment;
}

json::object info(const ShardMap& map, std::string_view version) {
  return {{"title", map.cluster()},
          {"description", "The tables of the cluster " + map.cluster() + ", as Shardplex serves them."},
          {"version", version}};
}

std::vector<std::string> required_columns(const DescribedTable& table) {
  std::vector<std::string> names;
  for (const auto& described : table.columns)
    if (described.required) names.push_back(described.column->name);
  return names;
}

void add_texts(json::object& to, const DescribedTable& table) {
  if (!table.summary.empty()) to["summary"] = table.summary;
  if (!table.description.empty()) to["description"] = table.description;
}

json::object error_schema(const json::object& nullable_text) {
  const json::object text{{"type", "string"}};
  return {{"type", "object"},
          {"required", json::array{"code", "details", "hint", "message"}},
          {"properties",
           json::object{
               {"code", text}, {"details", json::object{}}, {"hint", nullable_text}, {"message", text}}}};
}

}  // namespace shardplex::openapi
