#include "router/topology/write_recovery.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "postgres/result_rows.hpp"
#include "query/plan/sql.hpp"
#include "router/log.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

constexpr auto between_recoveries = std::chrono::seconds(1);
constexpr auto between_forgetting = std::chrono::seconds(60);
constexpr auto recovery_timeout = std::chrono::seconds(2);  // of a statement
constexpr auto still_known = std::chrono::seconds(10);      // what a shard has said of its parts
constexpr auto longest_work = std::chrono::seconds(60);     // of a decider that lives
constexpr std::size_t most_settled = 100;                   // in one look

}  // namespace

std::string to_string(const WaitingParts& waiting) {
  return std::to_string(waiting.count) + " parts of writes over several shards wait on shard " +
         waiting.shard + ", the oldest for " +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(waiting.oldest).count()) +
         " s: its decider, shard " + waiting.decider + ", has not said what becomes of it";
}

WriteRecovery::WriteRecovery(std::chrono::milliseconds patience, PrimaryOf primary_of)
    : patience_(patience), primary_of_(std::move(primary_of)) {}

bool WriteRecovery::is_due(const std::string& shard) {
  auto& seen = seen_[shard];
  const auto now = Clock::now();
  if (now < seen.due) return false;
  seen.due = Clock::time_point::max();  // until look() has ended
  return true;
}

Awaitable<void> WriteRecovery::look(std::string shard, std::vector<std::string> all) {
  auto parts = co_await read_parts(shard);
  if (parts) {
    WaitingParts waiting{shard};
    std::vector<std::string> writes;
    for (const auto& one : *parts) writes.push_back(one.part.write);
    waiting.count = parts->size();
    if (!parts->empty()) {
      waiting.oldest = std::chrono::milliseconds(parts->front().waiting_ms);
      waiting.decider = parts->front().part.decider;
    }
    auto& seen = seen_[shard];
    seen.waiting = std::move(waiting);
    seen.writes = std::move(writes);
    seen.at = Clock::now();
    std::size_t settled = 0;
    for (auto& one : *parts) {
      if (std::chrono::milliseconds(one.waiting_ms) < patience_ || settled++ == most_settled) break;
      co_await settle(shard, std::move(one));
    }
    if (Clock::now() >= seen_[shard].forget_due) co_await forget_decisions(shard, std::move(all));
  }
  seen_[shard].due = Clock::now() + between_recoveries;
}

Awaitable<std::optional<std::vector<WaitingPart>>> WriteRecovery::read_parts(std::string shard) {
  auto* primary = primary_of_(shard);
  if (primary == nullptr) co_return std::nullopt;
  std::vector<Statement> statements;
  statements.push_back({std::string(waiting_parts_sql), {}});
  const auto results = co_await primary->execute(postgres::Lane::write, std::move(statements),
                                                 Clock::now() + recovery_timeout);
  if (!results) co_return std::nullopt;
  auto parts =
      postgres::decoded([&] { return decode_waiting_parts(postgres::ResultRows(results->front())); });
  if (!parts) co_return std::nullopt;
  co_return std::move(*parts);
}

Awaitable<void> WriteRecovery::settle(std::string shard, WaitingPart waiting) {
  auto* decider = primary_of_(waiting.part.decider);
  if (decider == nullptr) {
    warn_once_("a part of a write waits on shard " + shard + ", and its decider, shard " +
               waiting.part.decider + ", cannot be asked");
    co_return;
  }
  std::vector<Statement> question;
  const bool at_once = std::chrono::milliseconds(waiting.waiting_ms) > longest_work;
  question.push_back({settle_write_sql, {waiting.part.write, at_once ? "true" : "false"}});
  const auto answer =
      co_await decider->execute(postgres::Lane::write, std::move(question), Clock::now() + recovery_timeout);
  if (!answer) {
    note_failure(waiting.part.decider, answer.error());
    co_return;
  }
  const auto decided =
      postgres::decoded([&] { return decode_decision(postgres::ResultRows(answer->front())); });
  auto* primary = primary_of_(shard);
  if (!decided || primary == nullptr) co_return;
  Statement end{*decided ? commit_prepared_sql(waiting.gid) : roll_back_prepared_sql(waiting.gid), {}};
  end.sent_once = true;
  std::vector<Statement> statements;
  statements.push_back(std::move(end));
  const auto ended = co_await primary->execute(postgres::Lane::write, std::move(statements),
                                               Clock::now() + recovery_timeout);
  if (ended)
    log_warning("settled a write over several shards that was left unfinished",
                {{"shard", shard}, {"decider", waiting.part.decider}, {"kept", *decided}});
  else if (ended.error().sqlstate != sqlstate_no_object)  // another router was faster
    note_failure(shard, ended.error());
}

/// Only where all that have a part of a write have been asked whether it still waits.
Awaitable<void> WriteRecovery::forget_decisions(std::string shard, std::vector<std::string> all) {
  const auto now = Clock::now();
  std::vector<std::string> waiting, asked;
  for (const auto& name : all) {
    const auto seen = seen_.find(name);
    if (seen == seen_.end() || now - seen->second.at > still_known) continue;
    asked.push_back(name);
    std::ranges::copy(seen->second.writes, std::back_inserter(waiting));
  }
  seen_[shard].forget_due = now + between_forgetting;
  auto* primary = primary_of_(shard);
  if (primary == nullptr) co_return;
  const auto waiting_list = array_literal(std::span<const std::string>(waiting));
  const auto asked_list = array_literal(std::span<const std::string>(asked));
  std::vector<Statement> statements;
  statements.push_back({forget_decisions_sql, {waiting_list, asked_list}});
  const auto forgotten = co_await primary->execute(postgres::Lane::write, std::move(statements),
                                                   Clock::now() + recovery_timeout);
  if (!forgotten) note_failure(shard, forgotten.error());
}

void WriteRecovery::note_failure(const std::string& shard, const postgres::Failure& failure) {
  const bool is_older = failure.sqlstate == sqlstate_no_function || failure.sqlstate == sqlstate_no_schema;
  if (is_older)
    warn_once_(
        "shard " + shard +
        " keeps no decisions of writes over several shards: run 'shardplex cluster init' of this version, "
        "it keeps all there is");
  else if (failure.sqlstate == sqlstate_denied)
    warn_once_("shard " + shard + " does not let this role finish a part of a write: " + failure.message);
}

std::vector<WaitingParts> WriteRecovery::overdue() const {
  std::vector<WaitingParts> late;
  for (const auto& [shard, seen] : seen_)
    if (seen.waiting.count > 0 && seen.waiting.oldest > 2 * patience_) late.push_back(seen.waiting);
  return late;
}

WaitingParts WriteRecovery::all_waiting() const {
  WaitingParts all;
  for (const auto& [shard, seen] : seen_) {
    all.count += seen.waiting.count;
    if (seen.waiting.count == 0 || seen.waiting.oldest < all.oldest) continue;
    all.oldest = seen.waiting.oldest;
    all.decider = seen.waiting.decider;
    all.shard = shard;
  }
  return all;
}

}  // namespace shardplex::router
