// The values that decide a row's slot, in the form in which PostgreSQL will store them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "query/error.hpp"
#include "query/grammar/body.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// PostgreSQL's words for text that is not a value of the column's type (22P02, 22003; of dates 22007,
/// 22008).
Error invalid_value(const Column& column, const std::string& text);

/// True where PostgreSQL does not store all of the text in a column of this type, as format_type() names it:
/// varchar(n) cuts blanks at the end off, and refuses other characters that are too many; numeric(p, s)
/// rounds.
bool is_cut(std::string_view type, std::string_view text);

/// The text PostgreSQL would store and print for a key written as `value`; of numeric one that has this value
/// and is not rounded any more. Errors: invalid_value(), 22001; SHARD400 for citext beyond ASCII, and for a
/// label by which no row is placed yet.
Result<std::string> key_text(const Column& column, const BodyValue& value);

/// The list column's value as stored; nullopt is null. Errors: as key_text().
Result<std::optional<std::string>> list_value(const Column& column, const BodyValue& value);

/// The values of a key's columns, in their order.
using KeyTexts = std::vector<std::string>;

/// joined_bytes() of a key of the table. Precondition: the texts are canonical.
std::string key_bytes(const RoutedTable& routed, const KeyTexts& key);

/// The key that the filters name by eq, as stored; nullopt where they do not name all of its columns.
std::optional<KeyTexts> filtered_key(const Query& query, const RoutedTable& routed);

/// True where the filters say by eq that this column of the key has the value, which is canonical.
bool is_filtered_value(const Query& query, const Column& column, const std::string& text);

}  // namespace shardplex
