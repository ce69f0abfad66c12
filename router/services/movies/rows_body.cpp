#include "router/services/movies/rows_body.hpp"

#include <algorithm>
#include <cstddef>

#include "query/engine/feature_json.hpp"
#include "query/engine/strip_nulls.hpp"

namespace shardplex::router {
namespace {

/// As PostgreSQL's json_build_object() writes it.
constexpr std::string_view collection_begin = R"({"type" : "FeatureCollection", "features" : [)";
constexpr std::string_view collection_end = "]}";

bool is_line_break(char c) {
  return c == '\n' || c == '\r';
}

/// A row of JSON as one line: in JSON a line break is white space, and never part of a string.
void append_on_one_line(std::string& out, std::string_view row) {
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  out += row;
  std::replace_if(out.begin() + begin, out.end(), is_line_break, ' ');
  out += '\n';
}

}  // namespace

RowFormat row_format(Shape shape, bool in_utc) {
  switch (shape) {
    case Shape::array:
    case Shape::object:
    case Shape::ndjson:
      break;
    case Shape::stripped_array:
    case Shape::stripped_object:
      return in_utc ? RowFormat::stripped_json_in_utc : RowFormat::stripped_json;
    case Shape::csv:
    case Shape::value:  // whose field is the text of any type, and told from null
      return RowFormat::csv;
    case Shape::features:
      return in_utc ? RowFormat::feature_in_utc : RowFormat::feature;
  }
  return in_utc ? RowFormat::json_in_utc : RowFormat::json;
}

Result<void> RowsBody::add(std::string& out, std::string_view row) {
  const bool is_first = rows_++ == 0;
  switch (shape_) {
    case Shape::array:
      out += is_first ? "[" : ", \n ";  // as json_agg() separates the rows of an array
      break;
    case Shape::object:
    case Shape::value:
      break;
    case Shape::stripped_array:
      out += is_first ? '[' : ',';  // as json_strip_nulls() does
      return append_without_nulls(out, row);
    case Shape::stripped_object:
      return append_without_nulls(out, row);
    case Shape::csv:
      if (is_first) out += header_;
      out += '\n';
      break;
    case Shape::ndjson:
      append_on_one_line(out, row);
      return {};
    case Shape::features:
      out += is_first ? collection_begin : ", ";  // as json_agg() separates what is JSON already
      return append_feature(out, row);
  }
  out += row;
  return {};
}

void RowsBody::end(std::string& out) const {
  switch (shape_) {
    case Shape::array:
    case Shape::stripped_array:
      out += rows_ == 0 ? "[]" : "]";
      return;
    case Shape::features:
      if (rows_ == 0) out += collection_begin;
      out += collection_end;
      return;
    case Shape::csv:
      if (rows_ == 0) out += '\n';  // as PostgREST, which takes the names from the first row
      return;
    case Shape::object:
    case Shape::stripped_object:
    case Shape::ndjson:
    case Shape::value:
      return;
  }
}

}  // namespace shardplex::router
