// The value of a field of CSV as it is.
#pragma once

#include <string>
#include <string_view>

namespace shardplex {

/// Appends what append_csv_text() was given: nothing for an empty field, which is null. False where it has
/// never written such a field, with part of it appended.
bool append_unquoted(std::string& out, std::string_view field);

/// The same of a field that is a bytea's text, whatever bytea_output says: its bytes. A function can change
/// that setting for its transaction.
bool append_bytes(std::string& out, std::string_view field);

}  // namespace shardplex
