#include "tests/integration/related_rows.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <sstream>
#include <utility>

namespace shardplex::integration {
namespace {

boost::json::value any_value(const SampleColumn& column, Random& random) {
  if (chance(random, static_cast<unsigned>(column.nulls))) return nullptr;
  const auto& value = pick(random, column.values);
  const bool is_json = column.kind == Kind::json || column.kind == Kind::written_json;
  return is_json ? boost::json::parse(value) : boost::json::value(value);
}

/// Takes the columns of a key from a row of its table that has what the row has of them already. False where
/// there is none.
bool refer(boost::json::object& row, const SampleKey& key, const SampleObjects& foreign,
           std::set<std::string>& given, Random& random) {
  const auto fits = [&](const boost::json::object& other) {
    for (std::size_t i = 0; i < key.columns.size(); ++i)
      if (given.contains(key.columns[i]) && other.at(key.foreign_columns[i]) != row.at(key.columns[i]))
        return false;
    return true;
  };
  std::vector<const boost::json::object*> fitting;
  for (const auto& other : foreign)
    if (fits(other)) fitting.push_back(&other);
  if (fitting.empty()) return false;
  const auto* other = pick(random, fitting);
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    row[key.columns[i]] = other->at(key.foreign_columns[i]);
    given.insert(key.columns[i]);
  }
  return true;
}

}  // namespace

SampleObjects objects_of(const std::string& ndjson) {
  SampleObjects rows;
  std::istringstream lines(ndjson);
  for (std::string line; std::getline(lines, line);) rows.push_back(boost::json::parse(line).as_object());
  return rows;
}

std::string ndjson_of(const SampleObjects& rows) {
  std::string text;
  for (const auto& row : rows) text += boost::json::serialize(row) + '\n';
  return text;
}

SampleObjects make_related_objects(const SampleTable& table, const std::vector<SampleKey>& keys,
                                   const std::map<std::string, SampleObjects>& made, std::size_t tries,
                                   Random& random) {
  const bool is_whole = table.columns.front().distinct;
  SampleObjects rows;
  std::set<std::string> known;
  for (std::size_t n = 0; n < (is_whole ? table.columns.front().values.size() : tries); ++n) {
    boost::json::object row;
    for (const auto& column : table.columns)
      row[column.name] = column.distinct ? boost::json::value(column.values[n]) : any_value(column, random);
    std::set<std::string> given;
    bool refers = true;
    for (const auto& key : keys) {
      const bool optional = row.at(key.columns.front()).is_null() || key.foreign_table == table.name;
      if (!optional) refers = refers && refer(row, key, made.at(key.foreign_table), given, random);
    }
    std::string primary_key;
    for (const auto& column : table.primary_key) primary_key += boost::json::serialize(row.at(column)) + ' ';
    if (refers && known.insert(primary_key).second) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace shardplex::integration
