#include "query/openapi/openapi_2.hpp"

#include <boost/json/array.hpp>
#include <span>
#include <string>
#include <utility>

#include "query/openapi/document_parts.hpp"
#include "query/openapi/value_kind.hpp"

namespace shardplex::openapi {
namespace {

namespace json = boost::json;

/// A name inside a JSON pointer in the fragment of a URI (RFC 6901, sections 3 and 6).
std::string pointer_segment(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '~' || c == '/')
      escaped += c == '~' ? "~0" : "~1";
    else
      escaped += c;
  }
  return path_segment(escaped);
}

json::object reference_2(std::string_view kind, const std::string& name) {
  return {{"$ref", "#/" + std::string(kind) + '/' + pointer_segment(name)}};
}

json::object property_2(const Column& column) {
  const auto kind = value_kind(column);
  json::object value;
  if (!kind.type.empty()) value["type"] = kind.type;
  if (kind.max_length) value["maxLength"] = *kind.max_length;
  if (!column.enum_labels.empty())
    value["enum"] = json::array(column.enum_labels.begin(), column.enum_labels.end());
  json::object property =
      kind.is_array ? json::object{{"type", "array"}, {"items", std::move(value)}} : std::move(value);
  property["format"] = column.type;
  return property;
}

class TablePart2 {
 public:
  explicit TablePart2(const DescribedTable& table) : table_(table), name_(table.table->name) {}

  void add_to(json::object& paths, json::object& parameters, json::object& definitions) const {
    definitions[name_] = definition();
    for (const auto& described : table_.columns)
      parameters[filter_key(*described.column)] = json::object{{"name", filter_name(described.column->name)},
                                                               {"in", "query"},
                                                               {"required", false},
                                                               {"type", "string"},
                                                               {"format", described.column->type}};
    parameters["body." + name_] = json::object{{"name", name_},
                                               {"in", "body"},
                                               {"required", false},
                                               {"description", name_},
                                               {"schema", reference_2("definitions", name_)}};
    paths['/' + path_segment(name_)] = path();
  }

 private:
  std::string filter_key(const Column& column) const { return "rowFilter." + name_ + '.' + column.name; }

  json::object definition() const {
    json::object definition{{"type", "object"}};
    if (!table_.table->comment.empty()) definition["description"] = table_.table->comment;
    // An empty list would be none (JSON Schema draft 4, section 5.4.3).
    if (const auto required = required_columns(table_); !required.empty())
      definition["required"] = json::array(required.begin(), required.end());
    json::object properties;
    for (const auto& described : table_.columns) {
      auto property = property_2(*described.column);
      if (!described.description.empty()) property["description"] = described.description;
      properties[described.column->name] = std::move(property);
    }
    definition["properties"] = std::move(properties);
    return definition;
  }

  json::object operation(std::span<const std::string_view> keys, bool filters, bool has_body) const {
    json::array parameters;
    if (filters)
      for (const auto& described : table_.columns)
        parameters.push_back(reference_2("parameters", filter_key(*described.column)));
    if (has_body) parameters.push_back(reference_2("parameters", "body." + name_));
    for (const auto key : keys) parameters.push_back(reference_2("parameters", std::string(key)));
    json::object out{{"tags", json::array{name_}}};
    add_texts(out, table_);
    out["parameters"] = std::move(parameters);
    return out;
  }

  json::object path() const {
    const json::object rows{
        {"description", "OK"},
        {"schema", json::object{{"type", "array"}, {"items", reference_2("definitions", name_)}}}};
    const json::object page{{"description", "Partial Content"}}, created{{"description", "Created"}},
        done{{"description", "No Content"}};
    json::object path;
    const auto add = [&](std::string_view method, json::object operation, json::object responses) {
      operation["responses"] = std::move(responses);
      path[method] = std::move(operation);
    };
    add("get", operation(of_rows, true, false), {{"200", rows}, {"206", page}});
    if (!table_.is_written) return path;
    add("post", operation(of_insert, false, true), {{"201", created}});
    add("patch", operation(of_change, true, true), {{"204", done}});
    add("delete", operation(of_change, true, false), {{"204", done}});
    return path;
  }

  const DescribedTable& table_;
  const std::string& name_;
};

json::array all_media_types() {
  return json::array(std::begin(row_media_types), std::end(row_media_types));
}

}  // namespace

json::object document_2(const std::vector<DescribedTable>& tables, json::object info) {
  json::object paths, parameters, definitions;
  paths["/"] = json::object{
      {"get", json::object{{"tags", json::array{"Introspection"}},
                           {"summary", "This document; /openapi.json has it in OpenAPI 3.1"},
                           {"produces", json::array{"application/openapi+json", "application/json"}},
                           {"responses", json::object{{"200", json::object{{"description", "OK"}}}}}}}};
  for (const auto& text : parameter_texts())
    parameters[text.key] = json::object{{"name", text.name},
                                        {"in", text.in},
                                        {"required", false},
                                        {"type", text.type},
                                        {"description", text.description}};
  for (const auto& table : tables) TablePart2(table).add_to(paths, parameters, definitions);
  return {{"swagger", "2.0"},
          {"info", std::move(info)},
          {"basePath", "/"},
          {"consumes", json::array{"application/json"}},
          {"produces", all_media_types()},
          {"paths", std::move(paths)},
          {"parameters", std::move(parameters)},
          {"definitions", std::move(definitions)}};
}

}  // namespace shardplex::openapi
