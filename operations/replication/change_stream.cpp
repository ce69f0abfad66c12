#include "operations/replication/change_stream.hpp"

#include <poll.h>

#include "operations/replication/copy_session.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"

namespace shardplex::operations {
namespace {

void append_number(std::string& text, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 0xFF);
}

std::uint64_t number_at(std::string_view data, std::size_t at) {
  if (data.size() < at + 8) throw pgoutput::DecodeError("a message of the replication protocol is cut short");
  std::uint64_t value = 0;
  for (const char byte : data.substr(at, 8)) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

PgConnection open_stream(const std::string& conninfo) {
  PgConnection connection(PQconnectdb((with_defaults(conninfo) + " replication=database").c_str()));
  if (PQstatus(connection.get()) != CONNECTION_OK) throw failure_of(connection.get(), nullptr);
  const PgResult set(PQexec(connection.get(), alike_session_settings));
  if (PQresultStatus(set.get()) != PGRES_COMMAND_OK) throw failure_of(connection.get(), set);
  return connection;
}

}  // namespace

ChangeStream::ChangeStream(const std::string& conninfo, const std::string& replication_slot,
                           const std::string& publication)
    : connection_(open_stream(conninfo)) {
  const std::string command = "START_REPLICATION SLOT " + quote_identifier(replication_slot) +
                              " LOGICAL 0/0 (proto_version '1', publication_names " +
                              quote_literal(quote_identifier(publication)) + ")";
  const PgResult started(PQexec(connection_.get(), command.c_str()));
  if (PQresultStatus(started.get()) != PGRES_COPY_BOTH) throw failure_of(connection_.get(), started);
}

std::optional<pgoutput::Message> ChangeStream::next(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    char* raw = nullptr;
    const int bytes = PQgetCopyData(connection_.get(), &raw, 1);
    const std::unique_ptr<char, decltype(&PQfreemem)> data(raw, &PQfreemem);
    if (bytes > 0) {
      if (auto message = take({data.get(), static_cast<std::size_t>(bytes)})) return message;
    } else if (bytes == 0) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (!wait(std::max(left, std::chrono::milliseconds(0)))) return std::nullopt;
    } else {
      throw failure_of(connection_.get(), PgResult(PQgetResult(connection_.get())));
    }
  }
}

/// False where nothing came.
bool ChangeStream::wait(std::chrono::milliseconds patience) {
  pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
  if (poll(&socket, 1, static_cast<int>(patience.count())) <= 0) return false;
  if (PQconsumeInput(connection_.get()) != 1) throw failure_of(connection_.get(), nullptr);
  return true;
}

std::optional<pgoutput::Message> ChangeStream::take(std::string_view data) {
  constexpr std::size_t data_header = 1 + 3 * 8;  // start, end, time
  if (data[0] == 'w') {
    number_at(data, data_header - 8);
    auto message = pgoutput::decode(data.substr(data_header));
    if (std::holds_alternative<pgoutput::Begin>(message)) in_transaction_ = true;
    if (const auto* commit = std::get_if<pgoutput::Commit>(&message)) {
      in_transaction_ = false;
      position_ = std::max(position_, commit->end);
    }
    return message;
  }
  if (data[0] != 'k') throw pgoutput::DecodeError("a message of the replication protocol of an unknown kind");
  const Lsn sent{number_at(data, 1)};
  number_at(data, 9);
  if (data.size() < 18) throw pgoutput::DecodeError("a message of the replication protocol is cut short");
  if (!in_transaction_) position_ = std::max(position_, sent);
  if (data[17] != 0) send_status(false);
  return std::nullopt;
}

void ChangeStream::confirm(Lsn done) {
  confirmed_ = std::max(confirmed_, done);
  send_status(false);
}

void ChangeStream::send_status(bool reply_wanted) {
  std::string message = "r";
  for (int i = 0; i < 3; ++i) append_number(message, confirmed_.value);  // written, flushed, applied
  append_number(message, 0);                                             // our clock, which nobody looks at
  message += static_cast<char>(reply_wanted);
  const bool sent = PQputCopyData(connection_.get(), message.data(), static_cast<int>(message.size())) == 1;
  if (!sent || PQflush(connection_.get()) != 0) throw failure_of(connection_.get(), nullptr);
}

}  // namespace shardplex::operations
