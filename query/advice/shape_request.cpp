#include "query/advice/shape_request.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "query/grammar/parse.hpp"

namespace shardplex {
namespace {

constexpr std::string_view key_mark = "/{key}";
constexpr std::string_view cut_mark_of_shapes = "…#";

/// A shape in its parts: "GET", "movies", whether "/{key}" follows, its parameters, and the fields behind.
struct ShapeParts {
  std::string_view method, table, fields;
  bool is_row = false;
  std::vector<std::string_view> parameters{};
};

std::vector<std::string_view> split_parameters(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = text.find('&');
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return parts;
}

std::optional<ShapeParts> split_shape(std::string_view shape) {
  if (shape.find(cut_mark_of_shapes) != shape.npos) return std::nullopt;
  ShapeParts parts;
  const auto space = shape.find(' ');
  if (space == shape.npos || !shape.substr(space).starts_with(" /")) return std::nullopt;
  parts.method = shape.substr(0, space);
  shape.remove_prefix(space + 2);
  const auto fields = shape.find("; ");
  if (fields != shape.npos) parts.fields = shape.substr(fields + 2);
  shape = shape.substr(0, fields);
  const auto question = shape.find('?');
  if (question != shape.npos) parts.parameters = split_parameters(shape.substr(question + 1));
  parts.table = shape.substr(0, question);
  if (parts.table.ends_with(key_mark)) {
    parts.is_row = true;
    parts.table.remove_suffix(key_mark.size());
  }
  const bool is_place = parts.table.find_first_of("/:{ ") != parts.table.npos;  // refused, a call, no table
  if (parts.table.empty() || is_place) return std::nullopt;
  return parts;
}

/// The value of a field such as "Accept-Profile: catalog"; "" where it is not there.
std::string_view field_of(std::string_view fields, std::string_view name) {
  while (!fields.empty()) {
    const auto end = fields.find("; ");
    const auto field = fields.substr(0, end);
    if (field.starts_with(name) && field.substr(name.size()).starts_with(": "))
      return field.substr(name.size() + 2);
    fields.remove_prefix(end == fields.npos ? fields.size() : end + 2);
  }
  return {};
}

/// "limit=?", and that of an embed.
bool is_limit(std::string_view parameter) {
  return parameter == "limit=?" || parameter.ends_with(".limit=?");
}

/// A text that the type takes; "" for types of which none is known.
std::string_view sample_of(const Column& column) {
  if (!column.enum_labels.empty()) return column.enum_labels.front();
  if (column.type_name.starts_with('_')) return "{}";
  struct Row {
    std::string_view type, text;
  };
  static constexpr std::array rows{Row{"bool", "true"},
                                   Row{"int2", "1"},
                                   Row{"int4", "1"},
                                   Row{"int8", "1"},
                                   Row{"oid", "1"},
                                   Row{"numeric", "1"},
                                   Row{"float4", "1"},
                                   Row{"float8", "1"},
                                   Row{"text", "x"},
                                   Row{"varchar", "x"},
                                   Row{"bpchar", "x"},
                                   Row{"uuid", "00000000-0000-0000-0000-000000000000"},
                                   Row{"date", "2000-01-01"},
                                   Row{"timestamp", "2000-01-01T00:00:00"},
                                   Row{"timestamptz", "2000-01-01T00:00:00Z"},
                                   Row{"time", "00:00:00"},
                                   Row{"jsonb", "{}"}};
  const auto& name = column.base_type_name.empty() ? column.type_name : column.base_type_name;
  const auto found = std::ranges::find(rows, name, &Row::type);
  return found == rows.end() ? std::string_view() : found->text;
}

void append_encoded(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  (out += '%').append({digits[byte / 16], digits[byte % 16]});
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain)
      out += c;
    else
      append_encoded(out, c);
  }
  return out;
}

/// What a shape says as it is, without the bytes that no request line can have.
std::string as_in_request_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && c != '#')
      out += c;
    else
      append_encoded(out, c);
  }
  return out;
}

/// A parameter with values in it; nullopt where one is not known.
std::optional<std::string> with_values(std::string_view parameter, const Table& table) {
  if (is_limit(parameter)) return std::string(parameter.substr(0, parameter.size() - 1)) + "20";
  const auto equals = parameter.find('=');
  if (equals == parameter.npos) return std::nullopt;
  const auto name = parameter.substr(0, equals), value = parameter.substr(equals + 1);
  const auto question = value.find('?');
  if (question == value.npos) return std::string(parameter);
  const Column* column = table.find_column(name);
  const auto text = column ? sample_of(*column) : std::string_view();
  if (text.empty() || value.find('?', question + 1) != value.npos) return std::nullopt;
  const bool is_list = value.find("(any)") != value.npos || value.find("(all)") != value.npos;
  std::string sample(value.substr(0, question));
  sample += percent_encoded(is_list ? '{' + std::string(text) + '}' : std::string(text));
  return std::string(name) + '=' + sample.append(value.substr(question + 1));
}

}  // namespace

std::optional<ShapeRequest> read_shape(std::string_view shape) {
  const auto parts = split_shape(shape);
  if (!parts) return std::nullopt;
  constexpr std::array<std::string_view, 4> methods{"GET", "HEAD", "PATCH", "DELETE"};
  if (std::ranges::find(methods, parts->method) == methods.end()) return std::nullopt;
  std::string text;
  for (const auto parameter : parts->parameters) {
    if (parameter == "after=?") continue;
    if (!text.empty()) text += '&';
    text += is_limit(parameter) ? std::string(parameter.substr(0, parameter.size() - 1)) + "1"
                                : std::string(parameter);
  }
  const auto table = percent_decode(parts->table, false);
  if (!table) return std::nullopt;
  auto query = parse_query(*table, text, ParseLimits{});
  if (!query) return std::nullopt;
  auto schema = field_of(parts->fields, "Accept-Profile");
  if (schema.empty()) schema = field_of(parts->fields, "Content-Profile");
  return ShapeRequest{std::string(parts->method), std::string(schema), parts->is_row, std::move(*query)};
}

std::optional<std::string> sample_target(std::string_view shape, const Table& table) {
  const auto parts = split_shape(shape);
  if (!parts || parts->is_row || parts->method != "GET") return std::nullopt;
  std::string target = '/' + percent_encoded(percent_decode(parts->table, false).value_or(""));
  char mark = '?';
  for (const auto parameter : parts->parameters) {
    const auto filled = with_values(parameter, table);
    if (!filled) return std::nullopt;
    target += std::exchange(mark, '&');
    target += as_in_request_line(*filled);
  }
  return target;
}

}  // namespace shardplex
