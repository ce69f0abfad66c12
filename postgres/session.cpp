#include "postgres/session.hpp"

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "postgres/result_rows.hpp"
#include "server_address/server_address.hpp"

namespace shardplex::postgres {
namespace {

// The `options` that would hold without us: of the connection string, or of the environment.
std::string own_options(const ConnectionOptions& given) {
  if (const auto found = given.find("options"); found != given.end()) return found->second;
  const char* from_environment = std::getenv("PGOPTIONS");
  return from_environment ? from_environment : "";
}

// jit is off unless the operator wants it: compiling costs more than the short statements of a router gain by
// it, and a cancel that arrives while LLVM compiles is lost.
bool says_of_jit(const ConnectionSettings& settings) {
  const auto given = connection_options(settings.conninfo);
  return given && own_options(*given).find("jit") != std::string::npos;
}

}  // namespace

PGconn* start_connection(const ConnectionSettings& settings) {
  if (!connection_options(settings.conninfo)) return nullptr;
  // Bounds what libpq would otherwise leave to the kernel's minutes: a dead peer, and a PQcancel to one.
  const std::string tcp_user_timeout = std::to_string(settings.connect_timeout.count());
  // A later keyword wins over an earlier one; dbname stands for all of conninfo.
  const std::array keywords{"application_name", "tcp_user_timeout", "dbname", "client_encoding",
                            static_cast<const char*>(nullptr)};
  const std::array values{settings.application_name.c_str(), tcp_user_timeout.c_str(),
                          settings.conninfo.c_str(), "UTF8", static_cast<const char*>(nullptr)};
  return PQconnectStartParams(keywords.data(), values.data(), /*expand_dbname=*/1);
}

Statement session_statement(const ConnectionSettings& settings, const std::optional<AgreedValues>& agreed) {
  std::string sql = "SELECT " + own_values_sql() + ", " + backend_sql("pg_catalog.pg_backend_pid()") + ", " +
                    pin_settings_sql();
  if (!says_of_jit(settings)) sql += ", pg_catalog.set_config('jit', 'off', false)";
  if (agreed) sql += ", " + agree_settings_sql(*agreed);
  sql +=
      ", pg_catalog.set_config('statement_timeout', $1::text, false)"
      ", pg_catalog.set_config('idle_in_transaction_session_timeout', $2::text, false)";
  return {std::move(sql),
          {std::to_string(settings.statement_timeout.count()),
           std::to_string(settings.open_transaction.count())}};
}

Outcome<OpenedSession> opened_session(const ResultSet& answer) {
  return decoded([&] {
    const ResultRows rows(answer);
    return OpenedSession{decode_own_values(rows), rows.text(0, agreed_settings.size())};
  });
}

}  // namespace shardplex::postgres
