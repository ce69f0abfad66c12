#include "query/explain/explained_statement.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <utility>

namespace shardplex {
namespace {

namespace json = boost::json;

bool is_type_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/// A name of a type, as far as it reaches: with quoted parts, and with [] behind it.
std::string_view type_name_at(std::string_view sql) {
  std::size_t end = 0;
  bool quoted = false;
  while (end < sql.size() && (quoted || sql[end] == '"' || is_type_character(sql[end]))) {
    quoted ^= sql[end] == '"';
    ++end;
  }
  if (sql.substr(end).starts_with("[]")) end += 2;
  return sql.substr(0, end);
}

/// What stands behind $number somewhere, where that is `mark`.
std::string_view after_parameter(std::string_view sql, std::size_t number, std::string_view mark) {
  const std::string wanted = '$' + std::to_string(number) + std::string(mark);
  const auto at = sql.find(wanted);
  return at == sql.npos ? std::string_view() : sql.substr(at + wanted.size());
}

}  // namespace

std::string parameter_type(std::string_view sql, std::size_t number) {
  for (const std::string_view mark : {"::", " AS "})
    if (const auto type = type_name_at(after_parameter(sql, number, mark)); !type.empty())
      return std::string(type);
  return "unknown";
}

void ExplainedStatements::add(std::string_view does, const std::string& shard, const Statement& statement,
                              bool has_epoch) {
  const auto is_equal = [&](const One& one) {
    return one.does == does && one.statement.sql == statement.sql &&
           one.statement.params.size() == statement.params.size();
  };
  const auto equal = std::ranges::find_if(statements_, is_equal);
  if (equal != statements_.end())
    equal->shards.push_back(shard);
  else
    statements_.push_back({std::string(does), {shard}, statement, has_epoch});
}

json::array ExplainedStatements::to_json() const {
  json::array out;
  for (const auto& [does, shards, statement, has_epoch] : statements_) {
    json::array parameters;
    for (std::size_t i = 1; i <= statement.params.size(); ++i) {
      const bool is_epoch = has_epoch && i == 1;
      parameters.push_back(json::object{{"name", '$' + std::to_string(i)},
                                        {"type", parameter_type(statement.sql, i)},
                                        {"is", is_epoch ? "the epoch" : "a value"}});
    }
    out.push_back(json::object{{"does", does},
                               {"shards", json::array(shards.begin(), shards.end())},
                               {"sql", statement.sql},
                               {"parameters", std::move(parameters)}});
  }
  return out;
}

}  // namespace shardplex
