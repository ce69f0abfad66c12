#include "tests/oracle/case.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "tests/integration/request_text.hpp"

namespace shardplex::oracle {
namespace {

namespace json = boost::json;
using integration::ReadRequest;

std::string shell_quoted(const std::string& text) {
  return '\'' + integration::replaced(text, "'", "'\\''") + '\'';
}

std::string curl_command(const AnyRequest& request) {
  const auto& method = request.method();
  std::string command = method == "HEAD" ? "curl -sSI " : "curl -sSi ";
  if (request.write) command += "-X " + method + ' ';
  command += "\"http://127.0.0.1:$PORT\"" + shell_quoted(request.target());
  for (const auto& [name, value] : request.write ? request.write->headers : request.read.headers)
    command += " -H " + shell_quoted(name + ": " + value);
  if (request.write && !request.write->body.empty()) command += " -d " + shell_quoted(request.write->body);
  return command;
}

std::string sql_of(const AnyRequest& request) {
  if (request.write) return request.write->sql + ";\n" + request.write->contents_sql + ";\n";
  return request.read.rows_sql + ";\n" + (request.read.counts ? request.read.count_sql + ";\n" : "");
}

// ---- JSON of requests.

json::value or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

json::array array_of(const std::vector<std::string>& texts) {
  json::array array;
  for (const auto& text : texts) array.emplace_back(text);
  return array;
}

json::array json_of(const integration::Headers& headers) {
  json::array array;
  for (const auto& [name, value] : headers) array.push_back(array_of({name, value}));
  return array;
}

json::object json_of(const Write& write) {
  json::object object;
  object["method"] = write.method;
  object["target"] = write.target;
  object["headers"] = json_of(write.headers);
  object["body"] = write.body;
  object["table"] = write.table;
  object["sql"] = write.sql;
  object["contents_sql"] = write.contents_sql;
  object["met_sql"] = write.met_sql;
  object["returns_rows"] = write.returns_rows;
  return object;
}

json::object json_of(const ReadRequest& read) {
  json::object object;
  object["method"] = read.method;
  object["target"] = read.target;
  object["headers"] = json_of(read.headers);
  object["rows_sql"] = read.rows_sql;
  object["count_sql"] = read.count_sql;
  object["offset"] = read.offset;
  object["counts"] = read.counts;
  object["object"] = read.object;
  object["row"] = read.row;
  object["format"] = static_cast<std::uint64_t>(read.format);
  object["parts_sql"] = array_of(read.parts_sql);
  object["may_fail"] = read.may_fail;
  object["refusal"] = or_null(read.refusal);
  return object;
}

std::string text_at(const json::object& object, const char* name) {
  return json::value_to<std::string>(object.at(name));
}

std::vector<std::string> texts_at(const json::object& object, const char* name) {
  std::vector<std::string> texts;
  for (const auto& each : object.at(name).as_array()) texts.push_back(json::value_to<std::string>(each));
  return texts;
}

integration::Headers headers_at(const json::object& object, const char* name) {
  integration::Headers headers;
  for (const auto& each : object.at(name).as_array())
    headers.emplace_back(json::value_to<std::string>(each.as_array().at(0)),
                         json::value_to<std::string>(each.as_array().at(1)));
  return headers;
}

Write write_of_json(const json::object& object) {
  Write write;
  write.method = text_at(object, "method");
  write.target = text_at(object, "target");
  write.headers = headers_at(object, "headers");
  write.body = text_at(object, "body");
  write.table = text_at(object, "table");
  write.sql = text_at(object, "sql");
  write.contents_sql = text_at(object, "contents_sql");
  write.met_sql = text_at(object, "met_sql");
  write.returns_rows = object.at("returns_rows").as_bool();
  return write;
}

ReadRequest read_of_json(const json::object& object) {
  constexpr std::uint64_t formats = 4;
  ReadRequest read;
  read.method = text_at(object, "method");
  read.target = text_at(object, "target");
  read.headers = headers_at(object, "headers");
  read.rows_sql = text_at(object, "rows_sql");
  read.count_sql = text_at(object, "count_sql");
  read.offset = object.at("offset").to_number<std::uint64_t>();
  read.counts = object.at("counts").as_bool();
  read.object = object.at("object").as_bool();
  read.row = object.at("row").as_bool();
  const auto format = object.at("format").to_number<std::uint64_t>();
  if (format >= formats) throw std::runtime_error("there is no format " + std::to_string(format));
  read.format = static_cast<ReadRequest::Format>(format);
  read.parts_sql = texts_at(object, "parts_sql");
  read.may_fail = object.at("may_fail").as_bool();
  if (!object.at("refusal").is_null()) read.refusal = text_at(object, "refusal");
  return read;
}

// ---- The folder.

const std::string tables_file = "tables.sql", reversed_file = "tables-of-the-last-shard.sql",
                  views_file = "views.sql", map_file = "map.yaml", case_file = "case.json",
                  people_file = "case.txt";

/// The rows of the table that comes `at`th.
std::string rows_file(std::size_t at, const std::string& table) {
  return "rows-" + std::to_string(at + 1) + '-' + table + ".ndjson";
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

json::object json_of(const Case& found) {
  json::array tables, groups;
  for (const auto& table : found.database.tables)
    tables.push_back(json::object{{"name", table.name}, {"primary_key", array_of(table.primary_key)}});
  for (const auto& group : found.database.groups)
    groups.push_back(json::object{{"name", group.name}, {"tables", array_of(group.tables)}});
  json::object object;
  object["seed"] = found.seed;
  object["schema"] = found.schema;
  object["number"] = found.number;
  object["shards"] = found.shards;
  object["moving"] = found.moving;
  object["why"] = found.why;
  if (found.request.write)
    object["write"] = json_of(*found.request.write);
  else
    object["read"] = json_of(found.request.read);
  object["tables"] = std::move(tables);
  object["groups"] = std::move(groups);
  return object;
}

Case case_of_json(const json::object& object) {
  constexpr int most_shards = 8;
  Case found;
  found.seed = object.at("seed").to_number<std::uint64_t>();
  found.schema = object.at("schema").to_number<std::uint64_t>();
  found.number = object.at("number").to_number<std::uint64_t>();
  found.shards = object.at("shards").to_number<int>();
  if (found.shards < 2 || found.shards > most_shards) throw std::runtime_error("shards is not from 2 to 8");
  found.moving = object.at("moving").as_bool();
  found.why = text_at(object, "why");
  if (object.contains("write"))
    found.request.write = write_of_json(object.at("write").as_object());
  else
    found.request.read = read_of_json(object.at("read").as_object());
  for (const auto& each : object.at("tables").as_array())
    found.database.tables.push_back(
        {text_at(each.as_object(), "name"), texts_at(each.as_object(), "primary_key"), ""});
  for (const auto& each : object.at("groups").as_array())
    found.database.groups.push_back(
        {text_at(each.as_object(), "name"), texts_at(each.as_object(), "tables")});
  return found;
}

}  // namespace

std::string text_of(const Case& found) {
  std::string text = "Answered wrongly, " + found.why + "\n\nSeed " + std::to_string(found.seed) +
                     ", schema " + std::to_string(found.schema) + ", request " +
                     std::to_string(found.number) + ", " + std::to_string(found.shards) + " shards" +
                     (found.moving ? ", while slots moved" : "") + ".\n";
  text += "\nThe request, of the router over shards and of the one over one shard:\n" +
          curl_command(found.request) + "\n\nThe same of PostgreSQL:\n" + sql_of(found.request);
  text += "\nThe shard map:\n" + found.database.map + "\nThe tables:\n" + found.database.tables_sql;
  if (!found.database.views_sql.empty())
    text += "\nWhat comes after `shardplex cluster init`:\n" + found.database.views_sql;
  text += "\nThe rows:\n";
  for (const auto& table : found.database.tables) text += table.name + ":\n" + table.ndjson;
  return text;
}

void write_case(const Case& found, const std::string& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw std::runtime_error("cannot make the folder " + folder + ": " + failure.message());
  const auto& database = found.database;
  write_file(folder + '/' + tables_file, database.tables_sql);
  write_file(folder + '/' + reversed_file, database.reversed_sql);
  write_file(folder + '/' + views_file, database.views_sql);
  write_file(folder + '/' + map_file, database.map);
  for (std::size_t at = 0; at < database.tables.size(); ++at)
    write_file(folder + '/' + rows_file(at, database.tables[at].name), database.tables[at].ndjson);
  write_file(folder + '/' + people_file, text_of(found));
  write_file(folder + '/' + case_file, json::serialize(json_of(found)) + '\n');
}

Case read_case(const std::string& folder) {
  const auto path = folder + '/' + case_file;
  const auto text = read_file(path);
  Case found;
  try {
    found = case_of_json(json::parse(text).as_object());
  } catch (const std::exception& failure) {
    throw std::runtime_error(path + " is no case: " + failure.what());
  }
  auto& database = found.database;
  database.tables_sql = read_file(folder + '/' + tables_file);
  database.reversed_sql = read_file(folder + '/' + reversed_file);
  database.views_sql = read_file(folder + '/' + views_file);
  database.map = read_file(folder + '/' + map_file);
  for (std::size_t at = 0; at < database.tables.size(); ++at)
    database.tables[at].ndjson = read_file(folder + '/' + rows_file(at, database.tables[at].name));
  return found;
}

}  // namespace shardplex::oracle
