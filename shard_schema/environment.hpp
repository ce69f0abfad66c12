// What of a database decides answers and stored values beside the tables of the map themselves: its encoding
// and collation, the server's version, settings, and what the tables use (extensions, types, functions,
// collations, tables that are not in the map).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard_schema/session_settings.hpp"
#include "shard_schema/text_rows.hpp"

namespace shardplex {

/// An object that somebody has made in the database.
struct EnvironmentPart {
  std::string definition;           ///< equal text is an equal object; "" where there is nothing to compare
  std::vector<std::string> tables;  ///< of the map, that use it; sorted
  bool named_only = false;          ///< nothing depends on it but the text of a function that names it
  bool operator==(const EnvironmentPart&) const = default;
};

struct ShardEnvironment {
  /// By name: "encoding", "collation provider", "collation", "character type (LC_CTYPE)",
  /// "PostgreSQL version" (the major one), and "collation version", which is absent where the order does not
  /// depend on a library.
  std::map<std::string, std::string> database;
  AgreedValues settings;
  /// By kind and name, such as {"function", "slug(text)"}; whether a table uses them or not.
  std::map<std::pair<std::string, std::string>, EnvironmentPart> parts;
  /// What lacks here is made when the shard is, as it is on another.
  bool to_be_made = false;
  bool operator==(const ShardEnvironment&) const = default;
};

/// One statement, one snapshot. $1: the names of the map's tables, as text[].
///
/// What PostgreSQL knows a table to depend on is found through pg_depend. It knows nothing of what the text
/// of a function does, so whatever has a name that is a word of the text counts as used. That finds too much
/// rather than too little.
extern const std::string environment_sql;
ShardEnvironment decode_environment(const TextRows& rows);

/// Something about a shard; a sentence whose subject is the shard ("it", "its"), with what would help.
struct EnvironmentFinding {
  enum class Effect : std::uint8_t {
    differs,     ///< the same request is answered, or stored, in another way
    may_differ,  ///< it may be
  };
  Effect effect = Effect::differs;
  std::string text;
  std::vector<std::string> tables;  ///< of the map, that it is about; none: about the database
  bool operator==(const EnvironmentFinding&) const = default;
};

/// In what `here` is not as `there`, the shard of name `other`. Objects that no table uses on either are left
/// out. Pure.
std::vector<EnvironmentFinding> environment_differences(const ShardEnvironment& here,
                                                        const ShardEnvironment& there,
                                                        std::string_view other);

/// The same for the objects alone, where a database is to become a shard of tables that are `there` now.
std::vector<EnvironmentFinding> object_differences(const ShardEnvironment& here,
                                                   const ShardEnvironment& there, std::string_view other);

/// What is wrong with one shard by itself: collations that have changed under its indexes. Pure.
std::vector<EnvironmentFinding> environment_faults(const ShardEnvironment& here);

/// A sentence for each table outside the map that functions of its tables name: no move takes its rows along.
/// Pure.
std::vector<EnvironmentFinding> tables_left_behind(const ShardEnvironment& here);

}  // namespace shardplex
