// SQL text: the only place where identifiers are quoted and array literals are built.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"
#include "shard_map/key.hpp"

namespace shardplex {

/// What a function can ask about its request, by current_setting('request.method') and so on. UTF-8. Whatever
/// the client has sent is in it: it is not for logs.
struct RequestSettings {
  std::string method;
  std::string path;     ///< as it was sent, without the query
  std::string headers;  ///< a JSON object of texts, names in small letters, without cookies
  std::string cookies;  ///< a JSON object of texts
  bool operator==(const RequestSettings&) const = default;
};

/// A statement and its values. Values travel as text-format parameters of unspecified type, so PostgreSQL
/// reads each as it would an untyped literal in that place; nullopt is SQL null. Results are asked for in
/// binary format.
struct Statement {
  std::string sql;
  std::vector<std::optional<std::string>> params;
  /// In which values are read and written, by this statement and those behind it in its transaction, and no
  /// longer. nullopt: that of the session, if none before it in its transaction says otherwise.
  std::optional<std::string> time_zone = std::nullopt;
  /// It calls a function of the database's owner: from here on its transaction may only read, which
  /// PostgreSQL is told before it sees the statement, since an immutable function may run while it is
  /// planned.
  bool read_only = false;
  /// Where it looks for names that say no schema, as time_zone holds. nullopt: that of the session, public.
  std::optional<std::string> search_path = std::nullopt;
  /// Of a call: what its transaction is told of the request, before it. response.headers and response.status
  /// are empty then, whatever was set before.
  std::shared_ptr<const RequestSettings> request = nullptr;
  bool operator==(const Statement&) const = default;
};

/// Whether the statement's transaction has to be told anything before it.
inline bool has_settings(const Statement& statement) {
  return statement.time_zone || statement.search_path || statement.request;
}
/// Whether that is what `before` has told it.
inline bool has_settings_of(const Statement& statement, const Statement& before) {
  return statement.time_zone == before.time_zone && statement.search_path == before.search_path &&
         statement.request == before.request;
}

/// A result that holds `sql`. (Said outright, because C++20 could also make an Error out of a string.)
Result<std::string> sql_text(std::string sql);

/// Adds to a list, which commas separate.
void add_item(std::string& list, const std::string& item);

/// "name" with embedded double quotes doubled.
std::string quote_identifier(std::string_view name);
/// Appends that.
void append_identifier(std::string& out, std::string_view name);

/// "catalog"."movies" of what the shard map calls catalog.movies; "public"."movies" of movies.
std::string quote_map_name(std::string_view map_name);

/// 'text' as a string constant, safe under any standard_conforming_strings. For names out of the shard map
/// only; what a client sends is always a parameter.
std::string quote_literal(std::string_view text);

/// {"a","b\"c",NULL}: a one-dimensional array literal, each element quoted.
std::string array_literal(std::span<const std::optional<std::string>> elements);
std::string array_literal(std::span<const std::optional<std::string_view>> elements);
std::string array_literal(std::span<const std::string> elements);

/// The array type of keys, such as "uuid[]". bigint for all integers: an index on a smaller one serves it,
/// and no key is out of its range. "text[]" for citext and enums, whose own types each database has to be
/// asked for.
std::string_view key_array_type(KeyType type);

/// `AND`s two conditions, either of which may be empty.
std::string and_also(std::string left, std::string_view right);

}  // namespace shardplex
