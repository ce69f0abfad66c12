// Reads libpq connection strings as far as a shard map has to check them, without libpq.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace shardplex {

/// Parameter keyword -> value.
using Conninfo = std::map<std::string, std::string, std::less<>>;

/// The parameters of a connection string, either keyword=value pairs or a postgresql:// URI, as libpq would
/// take them (PostgreSQL 15, chapter 34.1.1); of a keyword given twice the last counts. nullopt where the
/// string is neither. A URI's list of hosts is kept as a comma-separated list under host and port.
std::optional<Conninfo> parse_conninfo(std::string_view text);

/// True where a secret is written in the string (password, sslpassword).
bool has_password(const Conninfo& conninfo);

/// True where several hosts are listed.
bool has_several_hosts(const Conninfo& conninfo);

/// What tells one database server from another: service, host or address, port, database name. A host name
/// and its address count as two.
using ServerIdentity = std::array<std::string, 4>;
ServerIdentity server_identity(const Conninfo& conninfo);

}  // namespace shardplex
