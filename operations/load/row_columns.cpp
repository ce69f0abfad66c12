#include "operations/load/row.hpp"
#include "operations/process/failure.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex::operations {
namespace {

RowColumns::Kind kind_of(const Column& column) {
  if (column.type_name == "json" || column.type_name == "jsonb") return RowColumns::Kind::json;
  if (column.type_name == "_json" || column.type_name == "_jsonb") return RowColumns::Kind::json_array;
  return column.type.ends_with("[]") ? RowColumns::Kind::array : RowColumns::Kind::scalar;
}

}  // namespace

RowColumns::RowColumns(const Table& table) {
  for (const auto& column : table.columns) {
    by_name_.emplace(column.name, entries_.size());
    entries_.push_back({column.name, column.type, kind_of(column), column.has_default,
                        column.generated && !column.identity_always});  // COPY stores identities as given
  }
}

std::optional<std::size_t> RowColumns::find(std::string_view name, std::size_t guess) const {
  if (guess < entries_.size() && entries_[guess].name == name) return guess;
  const auto found = by_name_.find(std::string(name));
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::string> RowColumns::refusal(std::string_view name) const {
  if (const auto column = find(name)) {
    if (!entries_[*column].generated) return std::nullopt;
    return "column " + std::string(name) + " is generated and cannot be given";
  }
  std::vector<std::string> names;
  for (const auto& entry : entries_) names.push_back(entry.name);
  return "unknown column " + std::string(name) + did_you_mean(name, names);
}

}  // namespace shardplex::operations
