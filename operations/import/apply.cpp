#include "operations/import/apply.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "operations/process/failure.hpp"
#include "operations/replication/copy_session.hpp"
#include "operations/shard/moved_table.hpp"
#include "operations/shard/server.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/map_name.hpp"
#include "shard_schema/functions.hpp"

namespace shardplex::operations {
namespace {

using pgoutput::Tuple;
using pgoutput::Value;

// Results of statements that are not read yet stay in the socket's buffers; so many fit in any.
constexpr std::size_t most_unread = 256;
constexpr std::size_t most_prepared = 500;

/// "a" = $1 AND "b" = $2, and the values.
std::string key_condition(const ImportTable& table, const std::vector<ImportValue>& row,
                          std::vector<ImportValue>& values) {
  std::string condition;
  for (const auto column : table.primary_key) {
    values.push_back(row[column]);
    condition.append(condition.empty() ? "" : " AND ")
        .append(quote_identifier(table.columns[column]) + " = $" + std::to_string(values.size()));
  }
  return condition;
}

std::vector<ImportValue> to_row(const Tuple& tuple) {
  std::vector<ImportValue> row;
  row.reserve(tuple.size());
  for (const auto& value : tuple) {
    ImportValue& field = row.emplace_back();
    if (value.kind == Value::Kind::text) field = value.text;
  }
  return row;
}

ImportValue to_value(const std::optional<ImportPlace>& place) {
  return std::to_string(place->slot.value);
}

}  // namespace

// ---- One shard

ShardApplier::ShardApplier(const std::string& conninfo, std::string import_id, std::string token)
    : connection_(PQconnectdb(with_defaults(conninfo).c_str())),
      import_id_(std::move(import_id)),
      token_(std::move(token)),
      where_(address_of(conninfo)) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail(nullptr);
  const std::string settings =
      std::string(alike_session_settings) + "; SET session_replication_role = replica";
  const PgResult set(PQexec(connection_.get(), settings.c_str()));
  if (PQresultStatus(set.get()) != PGRES_COMMAND_OK) fail(set);
  const char* const id = import_id_.c_str();
  const PgResult row(PQexecParams(connection_.get(),
                                  "SELECT applied::text FROM shardplex.imports WHERE id = $1", 1, nullptr,
                                  &id, nullptr, nullptr, 0));
  if (PQresultStatus(row.get()) != PGRES_TUPLES_OK) fail(row);
  if (PQntuples(row.get()) > 0 && !PQgetisnull(row.get(), 0, 0))
    applied_ = parse_lsn(PQgetvalue(row.get(), 0, 0));
  invariant(PQenterPipelineMode(connection_.get()) == 1, "an idle connection enters pipeline mode");
}

void ShardApplier::fail(const PgResult& result) const {
  const SqlFailure failure = failure_of(connection_.get(), result);
  throw SqlFailure(failure.sqlstate, where_ + ": " + failure.what(), failure.detail, failure.context);
}

void ShardApplier::queue(const std::string& sql, const std::vector<ImportValue>& values) {
  if (!open_) {
    open_ = true;
    send("BEGIN", {});
    send(as_mover_sql, {token_});
    // As on the source, where the end of a transaction was good enough.
    send("SET CONSTRAINTS ALL DEFERRED", {});
  }
  send(sql, values);
}

void ShardApplier::send(const std::string& sql, const std::vector<ImportValue>& values) {
  std::vector<const char*> texts;
  for (const auto& value : values) texts.push_back(value ? value->c_str() : nullptr);
  const std::string& name = prepare(sql);
  if (PQsendQueryPrepared(connection_.get(), name.c_str(), static_cast<int>(texts.size()), texts.data(),
                          nullptr, nullptr, 0) != 1)
    fail(nullptr);
  if (++unread_ < most_unread) return;
  sync();
  receive();
}

const std::string& ShardApplier::prepare(const std::string& sql) {
  const auto found = prepared_.find(sql);
  if (found != prepared_.end()) return found->second;
  if (prepared_.size() == most_prepared) {
    prepared_.clear();
    PQsendQueryParams(connection_.get(), "DEALLOCATE ALL", 0, nullptr, nullptr, nullptr, nullptr, 0);
    ++unread_;
  }
  const std::string& name = prepared_.emplace(sql, "s" + std::to_string(prepared_.size())).first->second;
  if (PQsendPrepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr) != 1) fail(nullptr);
  ++unread_;
  return name;
}

void ShardApplier::sync() {
  if (PQpipelineSync(connection_.get()) != 1) fail(nullptr);
}

/// Reads what has come up to the last sync(); throws the first failure of it.
void ShardApplier::receive() {
  PgResult failure;
  for (bool synced = false; !synced;) {
    PgResult result(PQgetResult(connection_.get()));
    if (!result) {
      if (PQstatus(connection_.get()) != CONNECTION_OK) fail(nullptr);
      continue;  // between the results of two statements
    }
    const auto status = PQresultStatus(result.get());
    synced = status == PGRES_PIPELINE_SYNC;
    const bool good = synced || status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good && status != PGRES_PIPELINE_ABORTED && !failure) failure = std::move(result);
    if (!good && PQstatus(connection_.get()) != CONNECTION_OK) break;
  }
  unread_ = 0;
  if (failure) fail(failure);
}

void ShardApplier::send_commit(Lsn commit) {
  reaches_ = commit;
  send("UPDATE shardplex.imports SET applied = $2::pg_lsn WHERE id = $1", {import_id_, to_string(commit)});
  send("COMMIT", {});
  sync();
}

void ShardApplier::receive_commit() {
  receive();
  open_ = false;
  applied_ = reaches_;
}

// ---- All shards

ImportApplier::ImportApplier(const std::vector<ImportTable>& tables, std::vector<ShardApplier>& shards,
                             pqxx::connection& source)
    : tables_(tables), shards_(shards), source_(source), skipped_(shards.size()) {}

void ImportApplier::apply(const pgoutput::Message& message) {
  if (const auto* one = std::get_if<pgoutput::Begin>(&message)) begin(*one);
  if (std::holds_alternative<pgoutput::Commit>(message)) in_transaction_ = false;
  if (const auto* one = std::get_if<pgoutput::Relation>(&message)) meet(*one);
  if (const auto* one = std::get_if<pgoutput::Insert>(&message)) insert(*one);
  if (const auto* one = std::get_if<pgoutput::Update>(&message)) update(*one);
  if (const auto* one = std::get_if<pgoutput::Delete>(&message)) remove(*one);
  if (const auto* one = std::get_if<pgoutput::Truncate>(&message)) truncate(*one);
}

void ImportApplier::begin(const pgoutput::Begin& begin) {
  in_transaction_ = true;
  commit_ = begin.commit;
  transaction_ = begin.transaction;
  for (std::size_t i = 0; i < shards_.size(); ++i)
    skipped_[i] = shards_[i].applied() && begin.commit <= *shards_[i].applied();
}

void ImportApplier::meet(const pgoutput::Relation& relation) {
  const auto table =
      std::ranges::find(tables_, make_map_name(relation.schema, relation.name), &ImportTable::name);
  if (table == tables_.end())
    throw CommandFailed("the source tells of changes to " + relation.schema + "." + relation.name +
                        ", which is not imported");
  const bool same =
      std::ranges::equal(relation.columns, table->columns, {}, &pgoutput::Relation::Column::name);
  if (!same) throw CommandFailed(altered_table(*table));
  relations_[relation.oid] = static_cast<std::size_t>(table - tables_.begin());
}

std::size_t ImportApplier::table_of(std::uint32_t relation, const Tuple& tuple) const {
  const auto found = relations_.find(relation);
  if (found == relations_.end() || tuple.size() != tables_[found->second].columns.size())
    throw pgoutput::DecodeError("the source tells of a row without telling of its table");
  return found->second;
}

std::optional<ImportPlace> ImportApplier::place(const ImportTable& table, const Row& row) const {
  if (!table.sharding) return std::nullopt;
  const auto list = table.sharding->list ? row[*table.sharding->list] : std::nullopt;
  ImportKey key;
  for (const auto column : table.sharding->key) key.push_back(row[column]);
  return place_of(table, key, list);
}

void ImportApplier::insert(const pgoutput::Insert& insert) {
  const std::size_t index = table_of(insert.relation, insert.row);
  const Row row = to_row(insert.row);
  insert_row(tables_[index], row, place(tables_[index], row));
  touch(index, row);
}

void ImportApplier::remove(const pgoutput::Delete& deletion) {
  const std::size_t index = table_of(deletion.relation, deletion.old_row);
  const Row row = to_row(deletion.old_row);
  delete_row(tables_[index], row, place(tables_[index], row));
  touch(index, row);
}

void ImportApplier::update(const pgoutput::Update& update) {
  const std::size_t index = table_of(update.relation, update.row);
  const ImportTable& table = tables_[index];
  Changed changed{to_row(update.row), std::vector<bool>(update.row.size())};
  const bool full = update.old_row && update.old_kind == pgoutput::OldRow::full;
  if (update.old_row) table_of(update.relation, *update.old_row);
  for (std::size_t i = 0; i < changed.row.size(); ++i) {
    if (update.row[i].kind != Value::Kind::unchanged) continue;
    const bool known = full && (*update.old_row)[i].kind == Value::Kind::text;
    if (known) changed.row[i] = (*update.old_row)[i].text;
    changed.unchanged[i] = !known;
  }
  // Without an old row, what identifies the row is as it was.
  const Row old_row = update.old_row ? to_row(*update.old_row) : changed.row;
  const auto from = place(table, old_row), to = place(table, changed.row);
  touch(index, old_row);
  touch(index, changed.row);
  // A row with a new key may have been left out under its old one.
  const bool renamed = std::ranges::any_of(
      table.primary_key, [&](std::size_t column) { return old_row[column] != changed.row[column]; });
  if (!renamed && (!from || from->shard == to->shard)) return update_row(table, old_row, changed, to);
  delete_row(table, old_row, from);
  if (fill_unchanged(table, changed)) insert_row(table, changed.row, to);
}

void ImportApplier::truncate(const pgoutput::Truncate& truncate) {
  std::string list;
  for (const auto relation : truncate.relations) {
    const auto found = relations_.find(relation);
    if (found == relations_.end())
      throw pgoutput::DecodeError("the source truncates a table without telling of it");
    list.append(list.empty() ? "" : ", ").append("ONLY " + qualified_name(tables_[found->second]));
  }
  run(std::nullopt, "TRUNCATE " + list, {});
  // Which rows are gone is not known.
  if (most_touched_ > 0) touched_.reset();
}

void ImportApplier::insert_row(const ImportTable& table, const Row& row,
                               const std::optional<ImportPlace>& place) {
  std::string columns = quoted_list(table.columns), marks;
  std::vector<ImportValue> values = row;
  if (place) {
    columns.append(", ").append(quote_identifier(slot_column));
    values.push_back(to_value(place));
  }
  for (std::size_t i = 1; i <= values.size(); ++i)
    marks.append(i == 1 ? "$" : ", $").append(std::to_string(i));
  run(place,
      "INSERT INTO " + qualified_name(table) + " (" + columns + ") OVERRIDING SYSTEM VALUE VALUES (" + marks +
          ")",
      values);
}

void ImportApplier::delete_row(const ImportTable& table, const Row& row,
                               const std::optional<ImportPlace>& place) {
  std::vector<ImportValue> values;
  const std::string condition = key_condition(table, row, values);
  run(place, "DELETE FROM " + qualified_name(table) + " WHERE " + condition, values);
}

void ImportApplier::update_row(const ImportTable& table, const Row& old_row, const Changed& changed,
                               const std::optional<ImportPlace>& place) {
  std::string assignments;
  std::vector<ImportValue> values;
  const auto assign = [&](std::string_view column, ImportValue value) {
    values.push_back(std::move(value));
    assignments.append(assignments.empty() ? "" : ", ")
        .append(quote_identifier(column) + " = $" + std::to_string(values.size()));
  };
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    if (!changed.unchanged[i] && !table.never_updated[i]) assign(table.columns[i], changed.row[i]);
  if (place) assign(slot_column, to_value(place));
  if (values.empty()) return;
  const std::string condition = key_condition(table, old_row, values);
  run(place, "UPDATE " + qualified_name(table) + " SET " + assignments + " WHERE " + condition, values);
}

/// A transaction is decoded once it is on the source's disk, which may be before others see what it has done.
void ImportApplier::await_visible() {
  pqxx::nontransaction look(source_);
  while (!look.exec_params(
                  "SELECT FROM pg_locks WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND "
                  "granted AND transactionid = $1::xid",
                  std::to_string(transaction_))
              .empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// False where the source has no such row any more.
bool ImportApplier::fill_unchanged(const ImportTable& table, Changed& changed) {
  if (std::ranges::count(changed.unchanged, true) == 0) return true;
  await_visible();
  std::string condition;
  pqxx::nontransaction transaction(source_);
  for (const auto column : table.primary_key)
    condition.append(condition.empty() ? "" : " AND ")
        .append(quote_identifier(table.columns[column]) + " = " +
                transaction.quote(changed.row[column].value()));
  const auto found = transaction.exec("SELECT " + quoted_list(table.columns) + " FROM ONLY " +
                                      qualified_name(table) + " WHERE " + condition);
  if (found.empty()) return false;
  for (std::size_t i = 0; i < changed.row.size(); ++i) {
    if (!changed.unchanged[i]) continue;
    const auto field = found[0][static_cast<pqxx::row::size_type>(i)];
    changed.row[i].reset();
    if (!field.is_null()) changed.row[i] = field.as<std::string>();
  }
  return true;
}

void ImportApplier::run(const std::optional<ImportPlace>& place, const std::string& sql,
                        const std::vector<ImportValue>& values) {
  for (std::size_t i = 0; i < shards_.size(); ++i)
    if ((!place || place->shard.value == i) && !skipped_[i]) shards_[i].queue(sql, values);
  ++uncommitted_;
  ++changes_;
}

void ImportApplier::commit() {
  invariant(!in_transaction_, "transactions of the source are applied whole");
  for (auto& shard : shards_)
    if (shard.open()) shard.send_commit(commit_);
  for (auto& shard : shards_)
    if (shard.open()) shard.receive_commit();
  uncommitted_ = 0;
}

void ImportApplier::watch_rows(std::size_t most) {
  most_touched_ = most;
  touched_.emplace();
}

void ImportApplier::touch(std::size_t table, const Row& row) {
  if (!touched_) return;
  TouchedRow touched{table, {}};
  for (const auto column : tables_[table].primary_key) touched.key.push_back(row[column].value_or(""));
  touched_->insert(std::move(touched));
  if (touched_->size() > most_touched_) touched_.reset();
}

}  // namespace shardplex::operations
