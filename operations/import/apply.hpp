// The changes of the source, applied to the shards.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "operations/import/tables.hpp"
#include "operations/replication/copy_session.hpp"
#include "operations/replication/pgoutput.hpp"

namespace shardplex::operations {

/// A value of a row on its way: text, or null.
using ImportValue = std::optional<std::string>;

/// One shard's part of the changes, in transactions that also say how far they reach, so that after a crash
/// none is applied twice and none left out. Statements are sent ahead and their results read later. Throws
/// SqlFailure.
class ShardApplier {
 public:
  /// `token` is the mover's.
  ShardApplier(const std::string& conninfo, std::string import_id, std::string token);

  /// Where the last transaction of the source that this shard has was committed; nullopt: none since the
  /// copy.
  std::optional<Lsn> applied() const { return applied_; }

  /// Within the open transaction, which is begun where there is none.
  void queue(const std::string& sql, const std::vector<ImportValue>& values);

  bool open() const { return open_; }
  /// Sends the end of the open transaction, which reaches up to `commit`; receive_commit() waits for it.
  void send_commit(Lsn commit);
  void receive_commit();

 private:
  void send(const std::string& sql, const std::vector<ImportValue>& values);
  const std::string& prepare(const std::string& sql);
  void sync();
  void receive();
  [[noreturn]] void fail(const PgResult& result) const;

  PgConnection connection_;
  std::string import_id_, token_;
  std::string where_;  // for messages
  std::optional<Lsn> applied_;
  Lsn reaches_;
  bool open_ = false;
  std::size_t unread_ = 0;                                 // statements sent since the last results were read
  std::unordered_map<std::string, std::string> prepared_;  // SQL -> name
};

/// A row by its table's index and primary key.
struct TouchedRow {
  std::size_t table = 0;
  std::vector<std::string> key;
  auto operator<=>(const TouchedRow&) const = default;
};

/// Turns the messages of a stream into statements on the shards: rows go where the map places them, and a row
/// whose key or list value changes moves with it.
///
/// Under the default replica identity an update that moves a row between slots does not tell the values in
/// TOAST that it left unchanged. They are read from the source as they are now. That ends well: a value that
/// was changed since comes again in a later change, and a row that is not there any more under this key is
/// left out, for a later change renames or removes it. So an update or delete that meets no row is no error
/// here; the comparison with the source finds what is really missing.
class ImportApplier {
 public:
  /// `source` reads rows of the source; all references outlive this. One applier per shard, in the map's
  /// order.
  ImportApplier(const std::vector<ImportTable>& tables, std::vector<ShardApplier>& shards,
                pqxx::connection& source);

  /// Throws SqlFailure; CommandFailed where the source's tables have been altered, or a row has no slot.
  void apply(const pgoutput::Message& message);

  /// True between a transaction's begin and its commit.
  bool in_transaction() const { return in_transaction_; }
  /// Row changes applied but not committed on the shards.
  std::size_t uncommitted() const { return uncommitted_; }
  std::uint64_t changes() const { return changes_; }  ///< applied since the beginning

  /// Commits on all shards what was applied. Precondition: not in_transaction().
  void commit();

  /// From now on the keys of all rows that change are kept, at most `most`; more, and touched() is nullopt.
  void watch_rows(std::size_t most);
  const std::optional<std::set<TouchedRow>>& touched() const { return touched_; }

 private:
  using Row = std::vector<ImportValue>;
  struct Changed {
    Row row;
    std::vector<bool> unchanged;  // by column: not told, as it is
  };

  void begin(const pgoutput::Begin& begin);
  void meet(const pgoutput::Relation& relation);
  void insert(const pgoutput::Insert& insert);
  void update(const pgoutput::Update& update);
  void remove(const pgoutput::Delete& deletion);
  void truncate(const pgoutput::Truncate& truncate);

  std::size_t table_of(std::uint32_t relation, const pgoutput::Tuple& tuple) const;
  std::optional<ImportPlace> place(const ImportTable& table, const Row& row) const;
  void insert_row(const ImportTable& table, const Row& row, const std::optional<ImportPlace>& place);
  void delete_row(const ImportTable& table, const Row& row, const std::optional<ImportPlace>& place);
  void update_row(const ImportTable& table, const Row& old_row, const Changed& changed,
                  const std::optional<ImportPlace>& place);
  void await_visible();
  bool fill_unchanged(const ImportTable& table, Changed& changed);
  void touch(std::size_t table, const Row& row);
  void run(const std::optional<ImportPlace>& place, const std::string& sql,
           const std::vector<ImportValue>& values);

  const std::vector<ImportTable>& tables_;
  std::vector<ShardApplier>& shards_;
  pqxx::connection& source_;
  std::map<std::uint32_t, std::size_t> relations_;  // oid -> index of tables_
  bool in_transaction_ = false;
  Lsn commit_;                     // of the transaction under way, or the last
  std::uint32_t transaction_ = 0;  // the same, by its number on the source
  std::vector<bool> skipped_;      // by shard: it has this transaction already
  std::size_t uncommitted_ = 0;
  std::uint64_t changes_ = 0;
  std::size_t most_touched_ = 0;  // 0: not watching
  std::optional<std::set<TouchedRow>> touched_;
};

}  // namespace shardplex::operations
