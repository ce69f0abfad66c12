#include "query/openapi/openapi_3.hpp"

#include <boost/json/array.hpp>
#include <span>
#include <string>
#include <utility>

#include "query/openapi/document_parts.hpp"
#include "query/openapi/value_kind.hpp"

namespace shardplex::openapi {
namespace {

namespace json = boost::json;

json::object reference_3(std::string_view kind, const std::string& name) {
  return {{"$ref", "#/components/" + std::string(kind) + '/' + name}};
}

/// Of a value that is not null.
json::object value_schema(const Column& column) {
  const auto kind = value_kind(column);
  json::object schema;
  if (!kind.type.empty()) schema["type"] = kind.type;
  if (!kind.format.empty()) schema["format"] = kind.format;
  if (kind.max_length) schema["maxLength"] = *kind.max_length;
  if (!column.enum_labels.empty())
    schema["enum"] = json::array(column.enum_labels.begin(), column.enum_labels.end());
  if (!kind.is_array) return schema;
  return {{"type", "array"}, {"items", std::move(schema)}};
}

json::object make_nullable(json::object schema) {
  if (auto* type = schema.if_contains("type")) *type = json::array{*type, "null"};
  if (auto* labels = schema.if_contains("enum")) labels->as_array().emplace_back(nullptr);
  return schema;
}

/// One table's part of the document.
class TablePart3 {
 public:
  explicit TablePart3(const DescribedTable& table)
      : table_(table), name_(component_name(table.table->name)) {}

  void add_to(json::object& paths, json::object& components) const {
    components["schemas"].as_object()[name_] = schema();
    auto& parameters = components["parameters"].as_object();
    for (const auto& described : table_.columns)
      parameters[filter_key(*described.column)] = filter(*described.column);
    components["responses"].as_object()["rows-" + name_] = rows_response();
    components["responses"].as_object()["row-" + name_] = row_response();
    const auto path = '/' + path_segment(table_.table->name);
    paths[path] = table_path();
    if (table_.row_key != nullptr) paths[path + "/{key}"] = row_path();
  }

 private:
  std::string filter_key(const Column& column) const {
    return "filter-" + name_ + '-' + component_name(column.name);
  }

  static json::object filter(const Column& column) {
    return {
        {"name", filter_name(column.name)},
        {"in", "query"},
        {"description", "A condition on `" + column.name + "`: an operator and a value, as in `eq.VALUE`."},
        {"schema", json::object{{"type", "string"}}}};
  }

  json::object schema() const {
    json::object properties;
    for (const auto& [column, description, required, read_only] : table_.columns) {
      auto property = schema_3(*column);
      if (!description.empty()) property["description"] = description;
      if (read_only) property["readOnly"] = true;
      properties[column->name] = std::move(property);
    }
    json::object schema{{"type", "object"}};
    if (!table_.table->comment.empty()) schema["description"] = table_.table->comment;
    schema["properties"] = std::move(properties);
    return schema;
  }

  json::object row() const { return reference_3("schemas", name_); }
  json::object rows() const { return {{"type", "array"}, {"items", row()}}; }

  /// A row that a POST takes: it has to have some of the columns.
  json::object new_row() const {
    const auto required = required_columns(table_);
    if (required.empty()) return row();
    return {{"allOf",
             json::array{row(), json::object{{"required", json::array(required.begin(), required.end())}}}}};
  }

  static json::object content(std::span<const std::string_view> types, const json::object& of_json,
                              const json::object& of_object) {
    json::object content;
    for (const auto type : types) {
      const bool is_json = type == "application/json", is_object = type.find("object+json") != type.npos;
      content[type] = json::object{{"schema", is_json     ? of_json
                                              : is_object ? of_object
                                                          : json::object{{"type", "string"}}}};
    }
    return content;
  }

  json::object rows_response() const {
    return {{"description", "Rows of " + table_.table->name + '.'},
            {"headers",
             json::object{{"Content-Range", json::object{{"schema", json::object{{"type", "string"}}}}}}},
            {"content", content(row_media_types, rows(), row())}};
  }
  json::object row_response() const {
    return {{"description", "A row of " + table_.table->name + '.'},
            {"content", content(row_media_types, row(), row())}};
  }

  json::object operation(const std::string& id, std::span<const std::string_view> keys, bool filters) const {
    json::array parameters;
    if (filters)
      for (const auto& described : table_.columns)
        parameters.push_back(reference_3("parameters", filter_key(*described.column)));
    for (const auto key : keys) parameters.push_back(reference_3("parameters", std::string(key)));
    json::object out{{"operationId", id + '-' + name_}, {"tags", json::array{table_.table->name}}};
    add_texts(out, table_);
    out["parameters"] = std::move(parameters);
    return out;
  }

  static json::object nothing(std::string_view description) { return {{"description", description}}; }
  json::object rows_answer() const { return reference_3("responses", "rows-" + name_); }
  json::object row_answer() const { return reference_3("responses", "row-" + name_); }

  /// Answers by status; every operation may fail.
  static json::object answers(std::initializer_list<std::pair<std::string_view, json::object>> by_status) {
    json::object out;
    for (const auto& [status, answer] : by_status) out[status] = answer;
    out["default"] = reference_3("responses", "error");
    return out;
  }

  static json::object body(json::object schema) {
    return {{"required", true},
            {"content", json::object{{"application/json", json::object{{"schema", std::move(schema)}}}}}};
  }

  json::object table_path() const {
    json::object path;
    const auto add = [&](std::string_view method, json::object operation, json::object answers) {
      operation["responses"] = std::move(answers);
      path[method] = std::move(operation);
    };
    add("get", operation("read", of_rows, true), answers({{"200", rows_answer()}, {"206", rows_answer()}}));
    add("head", operation("head", of_rows, true),
        answers({{"200", nothing("The head of the answer.")}, {"206", nothing("The head of the answer.")}}));
    if (!table_.is_written) return path;
    auto post = operation("insert", of_insert, false);
    post["requestBody"] =
        body({{"oneOf", json::array{new_row(), json::object{{"type", "array"}, {"items", new_row()}}}}});
    add("post", std::move(post), answers({{"201", rows_answer()}}));
    auto patch = operation("change", of_change, true);
    patch["requestBody"] = body(row());
    add("patch", std::move(patch), answers({{"200", rows_answer()}, {"204", nothing("It is done.")}}));
    add("delete", operation("remove", of_change, true),
        answers({{"200", rows_answer()}, {"204", nothing("It is done.")}}));
    return path;
  }

  json::object row_path() const {
    auto key = value_schema(*table_.row_key);
    json::object path{
        {"parameters", json::array{json::object{{"name", "key"},
                                                {"in", "path"},
                                                {"required", true},
                                                {"description", "The row's " + table_.row_key->name + '.'},
                                                {"schema", std::move(key)}}}}};
    const auto add = [&](std::string_view method, json::object operation, json::object answers) {
      operation["responses"] = std::move(answers);
      path[method] = std::move(operation);
    };
    add("get", operation("read-row", of_row, false), answers({{"200", row_answer()}}));
    add("head", operation("head-row", of_row, false), answers({{"200", nothing("The head of the answer.")}}));
    if (!table_.is_written) return path;
    auto put = operation("put-row", of_row_change, false);
    put["requestBody"] = body(row());
    add("put", std::move(put),
        answers({{"200", row_answer()}, {"201", row_answer()}, {"204", nothing("It is done.")}}));
    auto patch = operation("change-row", of_row_change, false);
    patch["requestBody"] = body(row());
    add("patch", std::move(patch), answers({{"200", row_answer()}, {"204", nothing("It is done.")}}));
    add("delete", operation("remove-row", of_row_change, false),
        answers({{"200", row_answer()}, {"204", nothing("It is done.")}}));
    return path;
  }

  const DescribedTable& table_;
  const std::string name_;
};

json::object shared_components() {
  json::object parameters;
  for (const auto& text : parameter_texts()) {
    json::object schema{{"type", text.type}};
    if (text.type == "integer") schema["minimum"] = 0;
    parameters[text.key] = json::object{{"name", text.name},
                                        {"in", text.in},
                                        {"description", text.description},
                                        {"schema", std::move(schema)}};
  }
  const auto schema = error_schema({{"type", json::array{"string", "null"}}});
  json::object responses{
      {"error",
       json::object{{"description", "Why the request was refused, or has failed."},
                    {"content", json::object{{"application/json", json::object{{"schema", schema}}}}}}}};
  return {{"schemas", json::object{}},
          {"parameters", std::move(parameters)},
          {"responses", std::move(responses)}};
}

}  // namespace

std::string component_name(std::string_view name) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')
      out += c;
    else
      (out += '.').append({digits[byte / 16], digits[byte % 16]});
  }
  return out;
}

json::object schema_3(const Column& column) {
  auto schema = value_schema(column);
  if (!column.not_null) schema = make_nullable(std::move(schema));
  schema["x-postgresql-type"] = column.type;
  return schema;
}

json::object document_3(const std::vector<DescribedTable>& tables, json::object info) {
  json::object paths;
  auto components = shared_components();
  for (const auto& table : tables) TablePart3(table).add_to(paths, components);
  return {{"openapi", "3.1.0"},
          {"info", std::move(info)},
          {"paths", std::move(paths)},
          {"components", std::move(components)}};
}

}  // namespace shardplex::openapi
