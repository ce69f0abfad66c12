// A file of SQL that makes tables, written by a person or by pg_dump. Pure.
#pragma once

#include <string>
#include <string_view>

namespace shardplex::operations {

/// The file as statements for one transaction: without what pg_dump writes for psql or for another version,
/// and with the session's settings as they were at its end. Throws CommandFailed, naming lines, where it
/// holds rows (COPY … FROM stdin) or commands of psql.
std::string schema_statements(std::string_view file);

}  // namespace shardplex::operations
