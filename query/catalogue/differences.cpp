#include "query/catalogue/differences.hpp"

#include <map>
#include <set>
#include <string_view>

#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

// ---- What a definition says, as text: equal text is an equal definition.

std::string describe(const Column& column) {
  std::string out = column.type;
  if (column.type_schema != "pg_catalog") out += " (" + column.type_schema + '.' + column.type_name + ')';
  if (column.is_citext) out += " of the extension";
  if (!column.base_type_name.empty()) {
    const bool built_in = column.base_type_schema == "pg_catalog";
    out += " over " + (built_in ? "" : column.base_type_schema + '.') + column.base_type_name;
  }
  const auto& casts = column.representations;
  if (!casts.to_json.empty()) out += " shown by " + casts.to_json;
  if (!casts.from_json.empty()) out += " read from json by " + casts.from_json;
  if (!casts.from_text.empty()) out += " read from text by " + casts.from_text;
  if (!column.enum_labels.empty()) out += " with labels " + joined(column.enum_labels);
  if (!column.collation.empty()) out += " collate " + column.collation;
  if (!column.deterministic_collation) out += " (not deterministic)";
  if (column.not_null) out += " not null";
  if (column.generated)
    out += column.identity_always ? " generated always as identity" : " generated always";
  else if (column.has_default)
    out += " with a default";
  return out;
}

std::string describe(const UniqueConstraint& unique) {
  return "on (" + joined(unique.columns) + ')' + (unique.index_only ? " (an index alone)" : "");
}

std::string describe(const ForeignKey& key) {
  return '(' + joined(key.columns) + ") to " + key.foreign_table + " (" + joined(key.foreign_columns) + ')';
}

template <class Named>
std::map<std::string, std::string> described(const std::vector<Named>& parts) {
  std::map<std::string, std::string> out;
  for (const auto& part : parts) out[part.name] = describe(part);
  return out;
}

using Definition = std::map<std::string, std::string>;  // part -> what it is

/// One sentence per part that is not the same in `a` and `b`.
void compare(std::string_view what, const std::pair<std::string, Definition>& a,
             const std::pair<std::string, Definition>& b, std::vector<std::string>& differences) {
  std::set<std::string> names;
  for (const auto& [name, text] : a.second) names.insert(name);
  for (const auto& [name, text] : b.second) names.insert(name);
  for (const auto& name : names) {
    const auto at_a = a.second.find(name), at_b = b.second.find(name);
    const std::string subject = std::string(what) + ' ' + name;
    if (at_a == a.second.end())
      differences.push_back(subject + " is missing on " + a.first);
    else if (at_b == b.second.end())
      differences.push_back(subject + " is missing on " + b.first);
    else if (at_a->second != at_b->second)
      differences.push_back(subject + " is " + at_a->second + " on " + a.first + " and " + at_b->second +
                            " on " + b.first);
  }
}

}  // namespace

std::string difference(const ColumnOnShard& a, const ColumnOnShard& b) {
  const std::string name = "column " + (a.column ? a.column : b.column)->name;
  if (!a.column || !b.column) return name + " is missing on " + (a.column ? b.shard : a.shard);
  const std::string at_a = describe(*a.column), at_b = describe(*b.column);
  if (at_a != at_b) return name + " is " + at_a + " on " + a.shard + " and " + at_b + " on " + b.shard;
  if (a.column->representations != b.column->representations)
    return "the functions of the casts of " + name + " are defined otherwise on " + b.shard + " than on " +
           a.shard;
  // Collations of one name can have two locales. Descriptions name them alike.
  if (a.column->bytewise_collation == b.column->bytewise_collation) return "";
  const bool at_a_by_bytes = a.column->bytewise_collation;
  return name + " sorts by bytes on " + (at_a_by_bytes ? a.shard : b.shard) + " and not on " +
         (at_a_by_bytes ? b.shard : a.shard);
}

TableDifferences differences_beside_columns(const std::string& shard_a, const Table& a,
                                            const std::string& shard_b, const Table& b) {
  TableDifferences found;
  if (a.has_slot_column != b.has_slot_column)
    found.of_keys.push_back("column " + std::string(slot_column) + " is missing on " +
                            (a.has_slot_column ? shard_b : shard_a));
  if (a.primary_key != b.primary_key)
    found.of_keys.push_back("the primary key is (" + joined(a.primary_key) + ") on " + shard_a + " and (" +
                            joined(b.primary_key) + ") on " + shard_b);
  compare("unique constraint", {shard_a, described(a.unique)}, {shard_b, described(b.unique)},
          found.of_constraints);
  compare("foreign key", {shard_a, described(a.foreign_keys)}, {shard_b, described(b.foreign_keys)},
          found.of_constraints);
  return found;
}

}  // namespace shardplex
