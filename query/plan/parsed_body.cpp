#include "query/plan/parsed_body.hpp"

#include <algorithm>
#include <utility>

#include "query/grammar/csv_body.hpp"
#include "query/grammar/form_body.hpp"
#include "query/grammar/row_texts.hpp"
#include "query/plan/stored_values.hpp"
#include "query/plan/table_columns.hpp"
#include "shard_map/contains_name.hpp"

namespace shardplex {
namespace {

/// Each is a statement's part of its own, with parameters of its own.
constexpr std::size_t most_parts = 100;

Error unknown_body_column(const Table& table, std::string_view column) {
  auto hint = nearest_column(table, column);
  if (hint) hint = "Perhaps you meant the column '" + *hint + "'";
  return {
      "PGRST204",
      "Could not find the '" + std::string(column) + "' column of '" + table.name + "' in the schema cache",
      std::nullopt, std::move(hint), std::nullopt};
}

Error list_default_unknown(const Column& column) {
  return cannot_merge(
      "Column " + column.name + " decides where the row is stored, and only PostgreSQL knows its default.",
      "Say " + column.name + " in the body.");
}

Error too_many_parts() {
  return cannot_merge("The rows leave out different columns, in more than " + std::to_string(most_parts) +
                          " ways, and each way is a statement of its own.",
                      "Send them in several requests.");
}

/// A body as far as it was read without the table, and the JSON that PostgreSQL is to read.
struct ReadBody {
  Body body;
  std::string rows_json;
  std::vector<std::string> members;  ///< of CSV: of body.keys
};

Result<ReadBody> read_any_body(const BodyText& text, const std::vector<std::string>& watched, bool equal_keys,
                               const std::vector<std::string>& noted) {
  if (text.format == BodyFormat::csv) {
    auto csv = read_csv(text.text, watched);
    if (!csv) return csv.error();
    return ReadBody{std::move(csv->body), std::move(csv->json), std::move(csv->members)};
  }
  std::string form;
  if (text.format == BodyFormat::form) {
    auto json = form_as_json(text.text);
    if (!json) return json.error();
    form = std::move(*json);
  }
  const std::string_view json = text.format == BodyFormat::form ? std::string_view(form) : text.text;
  auto body = read_body(json, watched, equal_keys, noted);
  if (!body) return body.error();
  ReadBody read{std::move(*body), {}, {}};
  read.rows_json = read.body.is_array ? std::string(json) : '[' + std::string(json) + ']';
  return read;
}

/// What the column is called in the JSON. One that is not there, the `number`th, is called as no other is.
std::string member_of(const ReadBody& read, BodyFormat format, const std::string& column,
                      std::size_t number) {
  if (format != BodyFormat::csv) return column;
  const auto key = std::ranges::find(read.body.keys, column);
  if (key == read.body.keys.end()) return "none" + std::to_string(number);
  return read.members[static_cast<std::size_t>(key - read.body.keys.begin())];
}

/// Whether any row has the column. `noted`: all that were.
bool is_in_some_row(const Body& body, const std::vector<std::string>& noted, const std::string& column,
                    bool by_line) {
  if (by_line) return contains_name(body.keys, column);
  const auto place = static_cast<std::size_t>(std::ranges::find(noted, column) - noted.begin());
  return std::ranges::any_of(body.shapes, [&](const std::string& shape) { return shape[place] == '1'; });
}

/// The text of some of the rows as an array.
std::string json_of_rows(const std::vector<std::string_view>& texts, const std::vector<std::size_t>& rows) {
  std::string json = "[";
  for (const std::size_t row : rows) {
    if (json.size() > 1) json += ',';
    json += texts[row];
  }
  return json + ']';
}

}  // namespace

bool ParsedBody::sets(std::string_view column) const {
  return contains_name(columns, column);
}

BodyValue ParsedBody::value(std::string_view column, std::size_t row) const {
  const auto found = std::ranges::find(watched, column);
  if (found == watched.end() || !sets(column)) return {};
  const auto& value = body.watched[static_cast<std::size_t>(found - watched.begin())][row];
  if (value.kind == BodyValue::Kind::absent && missing_is_null) return {BodyValue::Kind::null, ""};
  return value;
}

Result<std::vector<ParsedBody::Part>> ParsedBody::take_parts() {
  std::vector<Part> parts(std::max<std::size_t>(body.shapes.size(), 1));
  if (parts.size() > most_parts) return too_many_parts();
  for (std::size_t row = 0; row < body.rows; ++row)
    parts[body.shapes.empty() ? 0 : body.shape_of_row[row]].rows.push_back(row);
  if (parts.size() == 1) {
    parts.front().json_columns = json_columns;
    parts.front().rows_json = std::move(rows_json);
    return parts;
  }
  const auto texts = row_texts(rows_json);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (const auto& column : json_columns) {
      const auto place = static_cast<std::size_t>(std::ranges::find(noted, column.name) - noted.begin());
      if (body.shapes[i][place] == '1') parts[i].json_columns.push_back(column);
    }
    if (!parts[i].json_columns.empty()) parts[i].rows_json = json_of_rows(texts, parts[i].rows);
  }
  rows_json.clear();
  return parts;
}

Result<ParsedBody> parse_body(const Query& query, const BodyText& text, const Table& table,
                              std::vector<std::string> watched, MissingColumns missing) {
  const bool defaults = query.columns && missing == MissingColumns::column_default;
  ParsedBody out;
  if (defaults) out.noted = *query.columns;
  auto read = read_any_body(text, watched, !query.columns.has_value(), out.noted);
  if (!read) return read.error();
  out.watched = std::move(watched);
  out.missing_is_null = query.columns && !defaults;
  for (const auto& name : query.columns ? *query.columns : read->body.keys) {
    const Column* column = table.find_column(name);
    if (!column) return unknown_body_column(table, name);
    if (column->has_representations) return represented_column(*column);
    if (!column->conflict.empty()) return conflicting_column(table, *column);
    if (out.sets(name) || contains_name(out.defaulted, name)) continue;
    if (defaults && !is_in_some_row(read->body, out.noted, name, text.format == BodyFormat::csv)) {
      out.defaulted.push_back(name);
      continue;
    }
    out.columns.push_back(name);
    if (contains_name(out.watched, name)) continue;
    out.json_columns.push_back({name, member_of(*read, text.format, name, out.json_columns.size())});
  }
  out.body = std::move(read->body);
  out.rows_json = std::move(read->rows_json);
  return out;
}

Result<std::optional<std::string>> inserted_list_value(const ParsedBody& body, std::size_t row,
                                                       const RoutedTable& routed) {
  const Column& column = routed.column(routed.list()->column);
  const BodyValue value = body.value(column.name, row);
  if (value.kind == BodyValue::Kind::absent && column.has_default) return list_default_unknown(column);
  return list_value(column, value);
}

}  // namespace shardplex
