#include "operations/compare/table_scan.hpp"

#include <algorithm>
#include <optional>

#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

using Snapshot = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

// Some 50 ms at a time, so that progress moves and a stop is prompt.
constexpr std::int64_t blocks_of_piece = 1024;

/// The pieces of a table that are still to be read, for any thread.
class Pieces {
 public:
  explicit Pieces(std::int64_t blocks) : blocks_(blocks) {}

  /// The first block of the next piece, or nullopt.
  std::optional<std::int64_t> next() {
    const std::int64_t first = next_.fetch_add(blocks_of_piece);
    return first < blocks_ ? std::optional(first) : std::nullopt;
  }

 private:
  std::int64_t blocks_;
  std::atomic<std::int64_t> next_ = 0;
};

std::string condition_of(std::int64_t first_block) {
  const auto tid = [](std::int64_t block) { return "'(" + std::to_string(block) + ",0)'::tid"; };
  return "ctid >= " + tid(first_block) + " AND ctid < " + tid(first_block + blocks_of_piece);
}

}  // namespace

void scan_table(const std::vector<std::unique_ptr<pqxx::connection>>& connections, const std::string& table,
                ScanWatch& watch, const ReadPiece& read,
                const std::function<void(pqxx::transaction_base&)>& at_first) {
  // The first connection's snapshot is everyone's; it has to stay open until the others have taken it.
  Snapshot first(*connections.front());
  const pqxx::row begun = first.exec_params1(
      "SELECT pg_export_snapshot(), pg_relation_size($1::regclass), current_setting('block_size')::bigint",
      table);
  const auto snapshot = begun[0].as<std::string>();
  const auto size = begun[1].as<std::int64_t>(), block_size = begun[2].as<std::int64_t>();
  if (at_first) at_first(first);
  Pieces pieces(size / block_size);
  const auto read_pieces = [&](std::size_t job, pqxx::transaction_base& transaction) {
    while (const auto block = pieces.next()) {
      if (watch.stop) return;
      watch.rows += read(job, transaction, condition_of(*block));
      watch.bytes +=
          static_cast<std::uint64_t>(std::min(blocks_of_piece * block_size, size - *block * block_size));
    }
  };
  in_parallel(connections.size(), [&](std::size_t job) {
    if (job == 0) return read_pieces(0, first), true;
    Snapshot same(*connections[job]);
    same.exec("SET TRANSACTION SNAPSHOT " + same.quote(snapshot));
    return read_pieces(job, same), true;
  });
}

}  // namespace shardplex::operations
