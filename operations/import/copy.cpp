#include "operations/import/copy.hpp"

#include <chrono>

#include "operations/shard/moved_table.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex::operations {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t message_bytes = 64 << 10;  // rows for a shard are sent in pieces of about this size
constexpr std::chrono::milliseconds tick{100};

// PostgreSQL 15, COPY, "Text Format". What COPY TO writes knows no octal or hexadecimal escapes.
char unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return c;
  }
}

void begin_copy(CopySession& session, const std::string& statement, ExecStatusType expected) {
  const PgResult started(PQexec(session.connection(), statement.c_str()));
  if (PQresultStatus(started.get()) != expected) throw failure_of(session.connection(), started);
}

void end_copy(CopySession& session) {
  const PgResult ended(PQgetResult(session.connection()));
  if (PQresultStatus(ended.get()) != PGRES_COMMAND_OK) throw failure_of(session.connection(), ended);
  while (const PgResult rest{PQgetResult(session.connection())}) continue;
}

/// A shard's side of the copy.
struct Receiver {
  CopySession& session;
  std::string text{};

  void send() {
    PGconn* connection = session.connection();
    if (PQputCopyData(connection, text.data(), static_cast<int>(text.size())) != 1)
      throw failure_of(connection, nullptr);
    text.clear();
  }
  void finish() {
    if (!text.empty()) send();
    if (PQputCopyEnd(session.connection(), nullptr) != 1) throw failure_of(session.connection(), nullptr);
    end_copy(session);
  }
};

class TableCopy {
 public:
  TableCopy(std::vector<CopySession>& shards, const ImportTable& table) : table_(table) {
    std::string columns = quoted_list(table.columns);
    if (table.sharding) columns.append(", ").append(quote_identifier(slot_column));
    for (auto& shard : shards) {
      begin_copy(shard, "COPY " + qualified_name(table) + " (" + columns + ") FROM STDIN", PGRES_COPY_IN);
      receivers_.push_back({shard});
    }
  }

  /// `line` ends in its line end.
  void add(std::string_view line) {
    if (!table_.sharding) {
      for (auto& receiver : receivers_) append(receiver, line, {});
      return;
    }
    const std::string_view row = line.substr(0, line.size() - 1);
    ImportKey key;
    for (const auto column : table_.sharding->key) key.push_back(copy_field(row, column));
    const auto list = table_.sharding->list ? copy_field(row, *table_.sharding->list) : std::nullopt;
    const ImportPlace place = place_of(table_, key, list);
    append(receivers_[place.shard.value], row, "\t" + std::to_string(place.slot.value) + "\n");
  }

  void finish() {
    for (auto& receiver : receivers_) receiver.finish();
  }

 private:
  static void append(Receiver& receiver, std::string_view row, std::string_view end) {
    receiver.text.append(row).append(end);
    if (receiver.text.size() >= message_bytes) receiver.send();
  }

  const ImportTable& table_;
  std::vector<Receiver> receivers_;
};

}  // namespace

std::optional<std::string> copy_field(std::string_view line, std::size_t number) {
  for (; number > 0; --number) {
    const auto tab = line.find('\t');
    invariant(tab != std::string_view::npos, "a row of COPY has all columns that were asked for");
    line.remove_prefix(tab + 1);
  }
  line = line.substr(0, line.find('\t'));
  if (line == "\\N") return std::nullopt;
  std::string value;
  value.reserve(line.size());
  for (std::size_t i = 0; i < line.size(); ++i)
    value += line[i] == '\\' && i + 1 < line.size() ? unescaped(line[++i]) : line[i];
  return value;
}

void copy_rows(CopySession& source, std::vector<CopySession>& shards, const ImportTable& table,
               RateLimit& rate,
               const std::function<void(std::uint64_t rows, std::uint64_t bytes)>& advanced) {
  begin_copy(source, "COPY " + qualified_name(table) + " (" + quoted_list(table.columns) + ") TO STDOUT",
             PGRES_COPY_OUT);
  TableCopy copy(shards, table);
  std::uint64_t rows = 0, bytes = 0;
  auto told = Clock::now();
  const auto tell = [&] {
    rate.spend(bytes);
    advanced(rows, bytes);
    rows = bytes = 0;
    told = Clock::now();
  };
  for (;;) {
    char* raw = nullptr;
    const int size = PQgetCopyData(source.connection(), &raw, 0);
    const std::unique_ptr<char, decltype(&PQfreemem)> line(raw, &PQfreemem);
    if (size < 0) break;
    copy.add({line.get(), static_cast<std::size_t>(size)});
    bytes += static_cast<std::uint64_t>(size);
    constexpr std::uint64_t look_at_the_clock = 64;  // rows
    if (++rows % look_at_the_clock == 0 && Clock::now() - told >= tick) tell();
  }
  end_copy(source);
  copy.finish();
  tell();
}

}  // namespace shardplex::operations
