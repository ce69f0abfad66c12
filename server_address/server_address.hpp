// Which server a connection string leads to, by libpq's own reading of it.
//
// This is a library of its own because router and command line both need it, and neither may use what the
// other is made of. shard_map reads connection strings without libpq (shard_map/conninfo.hpp), as it is pure:
// only to judge what a map file says, such as a password in it or a server that is named twice.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace shardplex {

/// Keyword to value, of what is given.
using ConnectionOptions = std::map<std::string, std::string, std::less<>>;

/// nullopt where libpq does not understand the string.
std::optional<ConnectionOptions> connection_options(const std::string& conninfo);

/// A connection string of these options.
std::string to_conninfo(const ConnectionOptions& options);

/// The connection string as far as it says where the server is: service, host, address, port and database,
/// the last also where it is libpq's default, the user's name. "" where libpq does not understand it.
std::string address_only(const std::string& conninfo);

/// A connection string to the server of `address` in all other respects like `credentials`: user, passfile,
/// certificates, timeouts. `address` alone where libpq understands one of them not.
std::string with_credentials_of(const std::string& credentials, const std::string& address);

/// Never empty but for `database`, which is "" where even the user is not known.
struct ServerAddress {
  std::string host;  ///< where libpq connects to: hostaddr before host; a folder for a Unix socket
  std::string port;
  std::string database;
};

/// With libpq's defaults, and the environment's, where the string is silent; nullopt where libpq does not
/// understand it.
std::optional<ServerAddress> server_address(const std::string& conninfo);

}  // namespace shardplex
