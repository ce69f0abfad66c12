#include "postgres/session.hpp"

#include <array>
#include <cstdlib>
#include <string>

#include "server_address/server_address.hpp"

namespace shardplex::postgres {
namespace {

// The `options` that would hold without us: of the connection string, or of the environment.
std::string own_options(const ConnectionOptions& given) {
  if (const auto found = given.find("options"); found != given.end()) return found->second;
  const char* from_environment = std::getenv("PGOPTIONS");
  return from_environment ? from_environment : "";
}

// A later option wins. jit is off unless the operator wants it: compiling costs more than the short
// statements of a router gain by it, and a cancel that arrives while LLVM compiles is lost.
std::string session_options(const ConnectionSettings& settings, const ConnectionOptions& given) {
  return "-c jit=off " + own_options(given) +
         " -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=1 -c bytea_output=hex"
         // The write guard reads the epoch after its lock in a snapshot of its own, which only this level
         // gives.
         " -c default_transaction_isolation=read\\ committed"
         " -c statement_timeout=" +
         std::to_string(settings.statement_timeout.count());
}

}  // namespace

PGconn* start_session(const ConnectionSettings& settings) {
  const auto given = connection_options(settings.conninfo);
  if (!given) return nullptr;
  const std::string options = session_options(settings, *given);
  // Bounds what libpq would otherwise leave to the kernel's minutes: a dead peer, and a PQcancel to one.
  const std::string tcp_user_timeout = std::to_string(settings.connect_timeout.count());
  // A later keyword wins over an earlier one; dbname stands for all of conninfo.
  const std::array keywords{"application_name", "tcp_user_timeout", "dbname",
                            "client_encoding",  "options",          static_cast<const char*>(nullptr)};
  const std::array values{settings.application_name.c_str(),
                          tcp_user_timeout.c_str(),
                          settings.conninfo.c_str(),
                          "UTF8",
                          options.c_str(),
                          static_cast<const char*>(nullptr)};
  return PQconnectStartParams(keywords.data(), values.data(), /*expand_dbname=*/1);
}

}  // namespace shardplex::postgres
