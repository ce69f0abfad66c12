#include "operations/load/staged_merge.hpp"

#include <algorithm>

#include "query/plan/sql.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/map_name.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex::operations {
namespace {

constexpr std::string_view staging_schema = "shardplex";

std::string staged_name(const std::string& name) {
  return quote_map_name(make_map_name(staging_schema, name));
}

std::string flag_of(LoadMode mode) {
  return mode == LoadMode::upsert ? "--upsert" : "--replace";
}

}  // namespace

std::optional<std::string> merge_refusal(LoadMode mode, const Table& table,
                                         const std::vector<std::string>& deciding) {
  if (mode == LoadMode::insert) return std::nullopt;
  const std::string& name = table.name;
  if (mode == LoadMode::replace && !deciding.empty())
    return "--replace is for reference tables, and the rows of " + name +
           " are spread over the shards; --upsert replaces rows by their primary key";
  if (table.primary_key.empty())
    return flag_of(mode) + " tells rows apart by the primary key, and " + name +
           " has none; add one (ALTER TABLE " + name + " ADD PRIMARY KEY …), or load without the flag";
  const std::string key = "the primary key (" + joined(table.primary_key) + ") of " + name;
  for (const auto& column : deciding)
    if (!contains_name(table.primary_key, column))
      return "--upsert: " + key + " is without " + column +
             ", which decides the shard, so a row with the same key could be on another shard; change such "
             "rows over HTTP (PATCH), and load new ones without --upsert";
  for (const auto& column : table.columns)
    if (contains_name(table.primary_key, column.name) && column.generated && !column.identity_always)
      return flag_of(mode) + ": " + key + " has " + column.name +
             ", which is generated and cannot be given; load without the flag";
  return std::nullopt;
}

StagedMerge::StagedMerge(LoadMode mode, const std::string& load, const Table& table,
                         const RowColumns& columns, bool with_slot)
    : mode_(mode),
      table_(table.name),
      staging_("load_" + load),
      staging_keys_(staging_ + "_keys"),
      columns_(columns),
      with_slot_(with_slot) {
  invariant(mode != LoadMode::insert, "plain loads copy into the table itself");
  for (const auto& name : table.primary_key) key_.push_back(columns.find(name).value());
}

std::vector<std::size_t> StagedMerge::given(const Omitted& omitted) const {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < omitted.size(); ++i)
    if (!omitted[i]) columns.push_back(i);
  return columns;
}

std::vector<std::size_t> StagedMerge::writable() const {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (!columns_[i].generated) columns.push_back(i);
  return columns;
}

std::string StagedMerge::names(const std::vector<std::size_t>& columns, bool with_slot) const {
  std::string text =
      joined(columns, [this](std::size_t column) { return quote_identifier(columns_[column].name); });
  if (with_slot) add_item(text, quote_identifier(slot_column));
  return text;
}

std::vector<std::string> StagedMerge::begin() const {
  const std::string table = quote_map_name(table_);
  if (mode_ == LoadMode::replace)
    // Nobody changes rows until the load ends, or the shards could end with different ones. Not the
    // identities: a sequence of the staging table's own would begin anew.
    return {"LOCK TABLE " + table + " IN SHARE ROW EXCLUSIVE MODE",
            "CREATE UNLOGGED TABLE " + staged_name(staging_) + " (LIKE " + table +
                " INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING INDEXES)"};
  // Only what was given is looked at, so the staging table needs no constraints: the table has them.
  const std::string all = names(writable(), with_slot_);
  return {"CREATE UNLOGGED TABLE " + staged_name(staging_) + " AS SELECT " + all + " FROM " + table +
              " WITH NO DATA",
          "CREATE UNLOGGED TABLE " + staged_name(staging_keys_) + " AS SELECT " + names(key_, false) +
              " FROM " + table + " WITH NO DATA",
          "ALTER TABLE " + staged_name(staging_keys_) + " ADD PRIMARY KEY (" + names(key_, false) + ")"};
}

std::string StagedMerge::copy(const Omitted& omitted) const {
  return copy_statement(make_map_name(staging_schema, staging_), columns_, omitted, with_slot_);
}

// The slot of a row that is there is that of its key, and the key stays.
std::string StagedMerge::merge(const std::vector<std::size_t>& columns) const {
  const std::string all = names(columns, with_slot_);
  std::string changes;
  for (const auto column : columns) {
    if (std::ranges::find(key_, column) != key_.end()) continue;
    const std::string name = quote_identifier(columns_[column].name);
    add_item(changes, name + " = EXCLUDED." + name);
  }
  return "INSERT INTO " + quote_map_name(table_) + " (" + all + ") OVERRIDING SYSTEM VALUE SELECT " + all +
         " FROM " + staged_name(staging_) + " ON CONFLICT (" + names(key_, false) + ") DO " +
         (changes.empty() ? "NOTHING" : "UPDATE SET " + changes);
}

std::vector<std::string> StagedMerge::after_copy(const Omitted& omitted) const {
  if (mode_ == LoadMode::replace) return {};
  const std::string key = names(key_, false);
  return {"INSERT INTO " + staged_name(staging_keys_) + " (" + key + ") SELECT " + key + " FROM " +
              staged_name(staging_),
          merge(given(omitted)), "TRUNCATE " + staged_name(staging_)};
}

std::vector<std::string> StagedMerge::end() const {
  const std::string drop = "DROP TABLE " + staged_name(staging_);
  if (mode_ == LoadMode::upsert) return {drop, "DROP TABLE " + staged_name(staging_keys_)};
  const std::string same = joined(
      key_,
      [this](std::size_t column) {
        const std::string name = quote_identifier(columns_[column].name);
        return "s." + name + " = t." + name;
      },
      " AND ");
  return {"DELETE FROM " + quote_map_name(table_) + " t WHERE NOT EXISTS (SELECT FROM " +
              staged_name(staging_) + " s WHERE " + same + ")",
          merge(writable()),
          "SET CONSTRAINTS ALL IMMEDIATE",  // a table with checks to come cannot be dropped
          drop};
}

Omitted StagedMerge::omitted(const Row& row) const {
  if (mode_ == LoadMode::replace) return omitted_columns(columns_, row);
  Omitted omitted(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i)
    omitted[i] = columns_[i].generated || row[i].state == Field::State::absent;
  return omitted;
}

std::optional<std::string> StagedMerge::key_problem(const Row& row) const {
  for (const auto column : key_)
    if (row[column].state != Field::State::text)
      return "column " + columns_[column].name + " is of the primary key, by which " + flag_of(mode_) +
             " tells rows apart, and has to be given";
  return std::nullopt;
}

std::string StagedMerge::told(std::string message) const {
  const bool of_keys = message.find('"' + staging_keys_ + "_pkey\"") != std::string::npos;
  const bool of_rows = message.find('"' + staging_ + "_pkey\"") != std::string::npos;
  if (of_keys || of_rows) {
    const auto key = message.find(": ");
    return "the same primary key is on another line" + (key == std::string::npos ? "" : message.substr(key));
  }
  const std::string table(split_map_name(table_).name);
  for (auto at = message.find(staging_); at != std::string::npos;
       at = message.find(staging_, at + table.size()))
    message.replace(at, staging_.size(), table);
  return message;
}

}  // namespace shardplex::operations
