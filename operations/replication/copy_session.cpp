#include "operations/replication/copy_session.hpp"
#include "operations/process/failure.hpp"

#include <algorithm>

#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

void check(const PGconn* connection, const PgResult& result) {
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw failure_of(connection, result);
}

}  // namespace

SqlFailure failure_of(const PGconn* connection, const PgResult& result) {
  const auto field = [&](int code) {
    const char* text = result ? PQresultErrorField(result.get(), code) : nullptr;
    return std::string(text != nullptr ? text : "");
  };
  std::string message = field(PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = one_line(PQerrorMessage(connection));
  // A server that goes away may say so in an error; without a connection no statement was refused.
  const bool lost = PQstatus(connection) != CONNECTION_OK;
  return {lost ? "" : field(PG_DIAG_SQLSTATE), std::move(message), field(PG_DIAG_MESSAGE_DETAIL),
          field(PG_DIAG_CONTEXT)};
}

CopySession::CopySession(const std::string& conninfo)
    : connection_(PQconnectdb(with_defaults(conninfo).c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw failure_of(connection_.get(), nullptr);
  execute("SET client_min_messages = warning");
  execute("SELECT " + pin_settings_sql());
}

std::optional<std::string> CopySession::execute(const std::string& sql,
                                                const std::vector<std::string>& params) {
  std::vector<const char*> values;
  for (const auto& param : params) values.push_back(param.c_str());
  const PgResult result(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                     values.data(), nullptr, nullptr, 0));
  check(connection_.get(), result);
  if (PQntuples(result.get()) == 0 || PQnfields(result.get()) == 0 || PQgetisnull(result.get(), 0, 0))
    return std::nullopt;
  return PQgetvalue(result.get(), 0, 0);
}

void CopySession::copy(const std::string& statement, std::string_view text) {
  const PgResult started(PQexec(connection_.get(), statement.c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_IN) throw failure_of(connection_.get(), started);
  constexpr std::size_t piece_bytes = 1 << 20;  // of int's range, which PQputCopyData takes
  bool sent = true;
  for (std::size_t at = 0; at < text.size() && sent; at += piece_bytes) {
    const auto piece = text.substr(at, piece_bytes);
    sent = PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size())) == 1;
  }
  if (!sent || PQputCopyEnd(connection_.get(), nullptr) != 1) throw failure_of(connection_.get(), nullptr);
  const PgResult ended(PQgetResult(connection_.get()));
  while (const PgResult rest{PQgetResult(connection_.get())}) continue;
  check(connection_.get(), ended);
}

}  // namespace shardplex::operations
