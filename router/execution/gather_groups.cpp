#include "router/execution/gather_groups.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "postgres/memory_budget.hpp"
#include "query/engine/type_oids.hpp"
#include "query/plan/group_states.hpp"
#include "query/plan/sql.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/row_values.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t most_group_bytes = 16 * 1024 * 1024;  // of keys and states as texts
/// While groups are finished, their values are there so many times: in the results of the shards, in the
/// statement, in the copy of it that is sent, and in what libpq sends.
constexpr std::size_t copies_of_groups = 4;

using Partials = std::vector<SharedRows>;  // by target

/// True where the rows are what partial_groups() asks for, of the types that were planned for.
bool is_partial(const postgres::ResultSet& rows, const ReadPlan& plan) {
  const std::size_t texts = plan.states->count, last = texts + (plan.counts ? 1 : 0);
  if (static_cast<std::size_t>(rows.columns()) != last + 1) return false;
  for (std::size_t column = 0; column < texts; ++column)
    if (rows.type(static_cast<int>(column)) != text_oid) return false;
  for (int row = 0; row < rows.rows(); ++row)
    if (!rows.boolean(row, static_cast<int>(last))) return false;
  return true;
}

Error too_many_groups(const std::string& bound) {
  return cannot_merge("The groups of several shards are put together where they come to at most " + bound,
                      "Group by fewer columns, or by the table's shard key too; or ask for part of the rows "
                      "by filters.");
}

/// About how many bytes the keys and states are in a statement.
std::size_t bytes_of(const Partials& partials, const ReadPlan& plan) {
  constexpr std::size_t quotes_and_comma = 3;
  std::size_t bytes = 0;
  for (const auto& rows : partials)
    for (int row = 0; row < rows->rows(); ++row)
      for (std::size_t column = 0; column < plan.states->count; ++column)
        bytes += rows->bytes(row, static_cast<int>(column)).size() + quotes_and_comma;
  return bytes;
}

std::optional<Error> out_of_bounds(const Partials& partials, const ReadPlan& plan) {
  for (const auto& rows : partials)
    if (static_cast<std::uint64_t>(rows->rows()) > most_partial_groups)
      return too_many_groups(std::to_string(most_partial_groups) + " on each");
  if (bytes_of(partials, plan) > most_group_bytes)
    return too_many_groups(std::to_string(most_group_bytes) + " bytes");
  return std::nullopt;
}

/// The values of one column of all rows.
std::string column_of(const Partials& partials, std::size_t column) {
  const int at = static_cast<int>(column);
  std::vector<std::optional<std::string_view>> values;
  for (const auto& rows : partials)
    for (int row = 0; row < rows->rows(); ++row)
      values.push_back(rows->is_null(row, at) ? std::nullopt : std::optional(rows->bytes(row, at)));
  return array_literal(values);
}

bool is_empty(const Partials& partials) {
  return std::ranges::all_of(partials, [](const SharedRows& rows) { return rows->rows() == 0; });
}

/// The number of matching rows; a shard without groups has none.
std::int64_t total_of(const Partials& partials, const ReadPlan& plan) {
  std::int64_t total = 0;
  for (const auto& rows : partials)
    if (plan.counts && rows->rows() > 0)
      total += rows->integer(0, static_cast<int>(plan.states->count)).value_or(0);
  return total;
}

/// The statement that finishes the groups; nullopt where `memory`, which is charged for it until it has been
/// answered, has no room.
std::optional<Statement> finishing_statement(const Partials& partials, const ReadPlan& plan,
                                             Reservation& memory) {
  if (!memory.resize(copies_of_groups * bytes_of(partials, plan))) return std::nullopt;
  std::vector<std::string> columns;
  std::size_t bytes = 0;
  for (std::size_t column = 0; column < plan.states->count; ++column) {
    columns.push_back(column_of(partials, column));
    bytes += columns.back().size();
    // Quotes and backslashes take more than they did.
    if (copies_of_groups * bytes > memory.bytes() && !memory.resize(copies_of_groups * bytes))
      return std::nullopt;
  }
  return finished_groups(plan, std::move(columns), total_of(partials, plan));
}

/// A server that has finished the groups of others is named once.
void name_each_once(std::vector<std::string>& names) {
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
}

/// Not shared with other requests: that would take one more copy, for statements that are hardly ever equal.
Awaitable<postgres::Outcome<SharedRows>> ask_alone(RequestContext& context, const View& view, ShardId shard,
                                                   std::size_t server, const Statement& statement) {
  const auto& pool = view.shards[shard.value].servers[server].pool;
  std::vector<Statement> statements;
  statements.push_back(statement);
  context.apply_settings(statements.back());
  auto sets =
      co_await pool->execute(postgres::Lane::read, std::move(statements), context.deadline, context.client);
  if (!sets) co_return sets.error();
  co_return std::make_shared<const postgres::ResultSet>(std::move(sets->front()));
}

/// The failure; where it is that a type is not there, it may be so because the tables have changed.
postgres::Failure maybe_of_types(postgres::Failure failure) {
  failure.of_other_tables =
      failure.kind == postgres::Failure::Kind::statement && failure.sqlstate == sqlstate_no_object;
  return failure;
}

/// True where the rows are what finished_groups() asks for, in the order of enums that was planned for.
bool is_finished(const postgres::ResultSet& set, const ReadPlan& plan) {
  const std::size_t labels = plan.enums_column(), expected = labels + (plan.counts ? 2 : 1);
  if (static_cast<std::size_t>(set.columns()) != expected || !suits(set, plan.row)) return false;
  return set.rows() == 0 || set.boolean(0, static_cast<int>(labels));
}

bool has_bad_value(const postgres::Outcome<SharedRows>& rows) {
  return !rows && rows.error().kind == postgres::Failure::Kind::statement &&
         says_bad_value(rows.error().sqlstate);
}

}  // namespace

Awaitable<Attempt<ShardRows>> gather_groups(RequestContext& context, const View& view, SharedGroups& groups,
                                            const std::vector<Target>& targets,
                                            const std::vector<ReadPlan::ForShard>& parts) {
  const ReadPlan& plan = groups.plan;
  const auto ask_target = [&](ShardId shard, std::size_t server,
                              const ReadPlan::ForShard& part) -> Awaitable<postgres::Outcome<SharedRows>> {
    Statement statement = groups.partial(part);
    context.apply_settings(statement);
    auto rows =
        co_await context.worker.shared_reads().read(view.shards[shard.value].servers[server].pool,
                                                    std::move(statement), context.deadline, context.client);
    groups.too_large |= !rows && is_of_size(rows.error());
    if (!rows) co_return maybe_of_types(rows.error());
    if (!is_partial(**rows, plan)) co_return other_tables();
    co_return rows;
  };
  auto partials = co_await on_targets<SharedRows>(context, view, targets, parts, ask_target);
  if (!partials) co_return partials.error();
  if (auto refusal = out_of_bounds(*partials, plan)) {
    groups.too_large = true;
    co_return FailedAttempt(*std::move(refusal));
  }
  if (is_empty(*partials)) co_return ShardRows();

  Reservation memory(context.worker.memory());
  const auto statement = finishing_statement(*partials, plan, memory);
  groups.too_large |= !statement;
  if (!statement) co_return FailedAttempt(postgres::out_of_memory());
  partials->clear();
  const auto finish = [&](ShardId shard, std::size_t server) -> Awaitable<postgres::Outcome<ShardRows>> {
    const auto rows = co_await ask_alone(context, view, shard, server, *statement);
    if (rows && !is_finished(**rows, plan)) co_return other_tables();
    if (has_bad_value(rows)) {
      // Whether that is what the client asked for, or a value that only other shards know yet.
      const auto values = read_groups(plan, *statement);
      const auto read = co_await ask_alone(context, view, shard, server, values);
      if (has_bad_value(read)) co_return other_tables();
    }
    groups.too_large |= !rows && is_of_size(rows.error());
    if (!rows) co_return maybe_of_types(rows.error());
    co_return ShardRows(*rows, std::nullopt);
  };
  auto finished = co_await on_any_shard<ShardRows>(context, view, finish);
  name_each_once(context.asked);
  co_return finished;
}

}  // namespace shardplex::router
