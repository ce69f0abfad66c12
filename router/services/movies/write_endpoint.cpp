// POST, PATCH, PUT and DELETE: one transaction on one shard, guarded by the shard's own ownership check.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/plan/plan.hpp"
#include "router/execution/all_of.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {
namespace {

/// What a write came to. `rows` is unset where nothing had to be asked.
struct Written {
  std::optional<postgres::ResultSet> rows;
  std::uint64_t affected = 0;
};

Error several_shards(const View& view, const std::vector<Target>& targets) {
  std::string names;
  for (const auto& target : targets)
    names += (names.empty() ? "" : ", ") + view.map().shard(target.shard).name;
  return cannot_merge(
      "The write touches rows of several shards (" + names + "), which this release cannot do atomically.",
      "Write rows of one shard at a time: name them by their key.");
}

Written written(ResultSets sets, const WritePlan& plan) {
  Written out;
  out.rows = std::move(sets.back());
  out.affected = plan.returns == WritePlan::Returns::nothing && !plan.reports_created
                     ? out.rows->affected_rows()
                     : static_cast<std::uint64_t>(out.rows->rows());
  return out;
}

/// The slot of the one row that `plan.locate` names, by asking the primaries of all shards that may hold it;
/// nullopt where none does.
Awaitable<Attempt<std::optional<Slot>>> locate(RequestContext& context, ViewPtr view, const WritePlan& plan,
                                               const std::vector<Target>& targets) {
  const auto ask = [&](const Target& target) -> Awaitable<Attempt<ResultSets>> {
    std::vector<Statement> statements{*plan.locate};
    statements.front().params.front() = std::to_string(target.epoch.value);
    return ask_primary(context, view, target.shard, postgres::Lane::read, std::move(statements));
  };
  std::vector<Awaitable<Attempt<ResultSets>>> tasks;
  for (const auto& target : targets) tasks.push_back(ask(target));
  auto answers = co_await all_of(context.worker.executor(), std::move(tasks));
  std::optional<Slot> found;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (auto* error = std::get_if<Error>(&answers[i])) co_return std::move(*error);
    if (auto* replan = std::get_if<Replan>(&answers[i])) co_return std::move(*replan);
    const auto& rows = std::get<ResultSets>(answers[i]).front();
    for (int row = 0; row < rows.rows(); ++row) {
      const Slot slot{static_cast<std::uint32_t>(rows.integer(row, 0))};
      if (!targets[i].slots.contains(slot)) continue;  // left over from a move
      if (found)
        co_return cannot_merge("Several rows have this key, on different lists.",
                               "Filter on the list's column as well.");
      found = slot;
    }
  }
  co_return found;
}

/// One try at a write on sharded rows. `located_before`: the slot in which the try before found the row, but
/// could not change it.
Awaitable<Attempt<Written>> try_write(RequestContext& context, ViewPtr view, const WritePlan& plan,
                                      GroupId group, std::optional<Slot>& located_before) {
  const auto& ownership = *view->snapshot->ownership;
  auto placed = place(*plan.slots, group, view->map(), ownership, true);
  if (const auto* fault = std::get_if<RouteFault>(&placed)) {
    auto outcome = to_attempt(*fault);
    if (auto* error = std::get_if<Error>(&outcome)) co_return std::move(*error);
    co_return std::get<Replan>(outcome);
  }
  const auto& targets = std::get<Route>(placed).targets;
  if (targets.empty()) co_return Written{};

  auto target = &targets.front();
  std::optional<Slot> pinned;
  if (plan.locate) {
    auto located = co_await locate(context, view, plan, targets);
    if (auto* error = std::get_if<Error>(&located)) co_return std::move(*error);
    if (auto* replan = std::get_if<Replan>(&located)) co_return std::move(*replan);
    pinned = std::get<std::optional<Slot>>(located);
    if (!pinned && plan.not_located) co_return *plan.not_located;
    if (!pinned) co_return Written{};
    context.asked.clear();
    target = &*std::find_if(targets.begin(), targets.end(),
                            [&](const Target& t) { return t.slots.contains(*pinned); });
  } else if (targets.size() > 1) {
    co_return several_shards(*view, targets);
  }
  if (plan.new_slot) {
    const auto& owner = ownership.owner(group, *plan.new_slot);
    if (owner.fault == Ownership::Fault::none && owner.shard != target->shard)
      co_return cannot_merge("The change moves the row from shard " + view->map().shard(target->shard).name +
                                 " to shard " + view->map().shard(owner.shard).name +
                                 ", which this release cannot do atomically.",
                             "Insert the row anew and delete the old one.");
    if (owner.fault != Ownership::Fault::none || owner.fenced)
      co_return Replan{"the slot that the row changes to is being handed over", ""};
  }
  Attempt<ResultSets> answer;
  if (plan.chooses_rows || plan.reports_created) {
    std::vector<Statement> statements;
    statements.push_back(begin_write(plan.group, target->epoch));
    statements.push_back(plan.statement(pinned, !target->clean));
    answer = co_await ask_primary(context, view, target->shard, postgres::Lane::write, std::move(statements));
  } else {
    answer = co_await insert_on_primary(context, view, target->shard, plan.group, target->epoch,
                                        plan.statement(pinned, false));
  }
  if (auto* error = std::get_if<Error>(&answer)) co_return std::move(*error);
  if (auto* replan = std::get_if<Replan>(&answer)) co_return std::move(*replan);
  auto out = written(std::move(std::get<ResultSets>(answer)), plan);
  // Between being located and being written, the row may have changed its slot. Nothing was changed: look
  // again. A row that is still there was left alone by a trigger.
  if (pinned && out.affected == 0 && std::exchange(located_before, pinned) != pinned)
    co_return Replan{"the row is changing its slot", ""};
  co_return out;
}

/// Reference tables: every shard has a copy, so only a cluster of one shard can be written by one
/// transaction.
Awaitable<Attempt<Written>> try_reference_write(RequestContext& context, ViewPtr view,
                                                const WritePlan& plan) {
  if (view->shards.size() > 1)
    co_return cannot_merge(
        "Reference table " + plan.table +
            " has a copy on every shard, and this release cannot write to all of them atomically.",
        "Load it with 'shardplex load'.");
  std::vector<Statement> statements;
  statements.push_back(plan.statement(std::nullopt, false));
  auto answer = co_await ask_primary(context, view, ShardId{0}, postgres::Lane::write, std::move(statements));
  if (auto* error = std::get_if<Error>(&answer)) co_return std::move(*error);
  if (auto* replan = std::get_if<Replan>(&answer)) co_return std::move(*replan);
  co_return written(std::move(std::get<ResultSets>(answer)), plan);
}

Awaitable<Result<Written>> write(TableRequest& request, const WritePlan& plan) {
  auto& context = request.context;
  context.stage_done(context.plan_us);
  const auto group = request.placement->group;
  if (plan.slots) count_load(context, *group, *plan.slots);
  std::optional<Slot> located_before;
  auto outcome = co_await until_routed<Written>(context, [&](ViewPtr view) {
    context.asked.clear();
    return plan.slots ? try_write(context, view, plan, *group, located_before)
                      : try_reference_write(context, view, plan);
  });
  context.stage_done(context.shards_us);
  if (outcome || !group) co_return outcome;
  // "Failing row contains (…)" shows the row as stored, its slot included.
  auto error = outcome.error();
  if (error.code == "23502" || error.code == "23514") error.details.reset();
  co_return error;
}

void set_preferences(TableRequest& request) {
  if (auto applied = preference_applied(request.prefer, true); !applied.empty())
    request.exchange.set("Preference-Applied", std::move(applied));
}

std::optional<std::int64_t> counted(const TableRequest& request, std::uint64_t rows) {
  if (request.prefer.count != CountKind::exact) return std::nullopt;
  return static_cast<std::int64_t>(rows);
}

/// The written rows as the body: an array, or an object where one was asked for.
void set_representation(TableRequest& request, const Written& outcome) {
  auto& exchange = request.exchange;
  const bool object = request.is_row || request.shape == Shape::object;
  if (request.shape == Shape::object)
    exchange.content_type = "application/vnd.pgrst.object+json; charset=utf-8";
  if (!object) exchange.body = "[";
  for (int row = 0; outcome.rows && row < outcome.rows->rows(); ++row) {
    if (row > 0) exchange.body += ", \n ";
    exchange.body += outcome.rows->bytes(row, 0);
  }
  if (!object) exchange.body += "]";
}

/// PGRST116 for an object answer of a write that may touch more or fewer rows than one: it has to be known
/// before the write.
std::optional<Error> object_refusal(const TableRequest& request) {
  if (request.shape != Shape::object || request.prefer.returning != ReturnKind::representation ||
      request.is_row)
    return std::nullopt;
  for (const auto& column : request.table->primary_key) {
    const auto names_it = [&](const Filter& filter) {
      const auto* condition = std::get_if<Condition>(&filter.node);
      return condition != nullptr && condition->op == Operator::eq && !condition->negated &&
             condition->quantifier == Quantifier::none && condition->field.path.empty() &&
             condition->field.column == column;
    };
    if (std::none_of(request.query.filters.begin(), request.query.filters.end(), names_it))
      return cannot_merge(
          "An object can only be answered where the write is known to change at most one row.",
          "Filter on the primary key with eq, or ask for an array.");
  }
  return std::nullopt;
}

/// The end of PATCH, PUT and DELETE: 200 with the rows, or 204.
Result<void> answer_change(TableRequest& request, const Written& outcome, std::string range) {
  auto& exchange = request.exchange;
  if (outcome.affected == 0 && request.is_row) return absent_row(request);
  if (request.prefer.returning == ReturnKind::representation) {
    if (request.shape == Shape::object && outcome.affected != 1) return not_one_row(outcome.affected);
    exchange.status = 200;
    set_representation(request, outcome);
  } else {
    exchange.status = 204;
  }
  exchange.set("Content-Range", std::move(range));
  set_preferences(request);
  return {};
}

/// RFC 3986: everything but unreserved characters as %XX.
std::string percent_encode(std::string_view text) {
  constexpr std::string_view unreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string location(const TableRequest& request, const WritePlan& plan, const Written& outcome) {
  std::string out = "/" + percent_encode(request.table->name);
  for (std::size_t i = 0; i < plan.primary_key_columns.size(); ++i)
    out += (i == 0 ? "?" : "&") + percent_encode(plan.primary_key_columns[i]) + "=eq." +
           percent_encode(outcome.rows->bytes(0, static_cast<int>(i)));
  return out;
}

NextKey key_source(Worker& worker) {
  return [&worker](const Column& column) -> Result<std::string> {
    if (column.type_name == "uuid") return {boost::system::in_place_value, make_uuid_v7()};
    if (column.type_name != "int8")
      return Error{"23502", "null value in column \"" + column.name + "\" violates not-null constraint",
                   std::nullopt, "Keys are handed out for bigint and uuid columns only.", std::nullopt};
    if (const auto id = worker.ids().next(IdSource::now_ms()))
      return {boost::system::in_place_value, std::to_string(*id)};
    return Error{"SHARD503", "No ids are left to hand out",
                 "Ids are promised to this router by the first shard of the map, which cannot be reached.",
                 "Try again after the time in Retry-After.", std::nullopt};
  };
}

std::string_view body_of(const TableRequest& request) {
  return request.exchange.request.body();
}

/// Bodies are JSON; a Content-Type that says otherwise is refused rather than guessed at.
std::optional<Error> content_type_refusal(const TableRequest& request) {
  const auto type = request.exchange.header(http::field::content_type);
  const auto name = type.substr(0, type.find(';'));
  if (name.empty() || name == "application/json" || name == "application/vnd.pgrst.object+json")
    return std::nullopt;
  return Error{"PGRST102", "Content-Type not acceptable: " + std::string(name), std::nullopt,
               "Send the body as application/json.", std::nullopt};
}

}  // namespace

Awaitable<Result<void>> insert_rows(TableRequest& request) {
  if (request.exchange.request.count("Idempotency-Key") > 0)
    co_return Error{"SHARD400", "Idempotency-Key is not served by this release",
                    "The request might be carried out twice where it is sent twice.",
                    "Choose the row's key in the client: a repeated insert is then refused with 409.",
                    std::nullopt};
  if (auto refusal = content_type_refusal(request)) co_return std::move(*refusal);
  auto plan = plan_insert(request.query, body_of(request), request.prefer, *request.table, *request.placement,
                          request.map(), key_source(request.context.worker));
  if (!plan) co_return plan.error();
  const bool representation = request.prefer.returning == ReturnKind::representation;
  if (representation && request.shape == Shape::object && plan->row_count != 1)
    co_return not_one_row(plan->row_count);
  const auto outcome = co_await write(request, *plan);
  if (!outcome) co_return outcome.error();

  auto& exchange = request.exchange;
  exchange.status = 201;
  if (representation) set_representation(request, *outcome);
  if (request.prefer.returning == ReturnKind::headers_only && outcome->affected == 1)
    exchange.set("Location", location(request, *plan, *outcome));
  exchange.set("Content-Range", content_range(0, 0, counted(request, outcome->affected)));
  set_preferences(request);
  co_return Result<void>{};
}

Awaitable<Result<void>> update_rows(TableRequest& request) {
  if (auto refusal = content_type_refusal(request)) co_return std::move(*refusal);
  if (auto refusal = object_refusal(request)) co_return std::move(*refusal);
  auto plan = plan_update(request.query, body_of(request), request.prefer, *request.table, *request.placement,
                          request.map());
  if (!plan) co_return plan.error();
  const auto outcome = co_await write(request, *plan);
  if (!outcome) co_return outcome.error();
  co_return answer_change(request, *outcome,
                          content_range(0, outcome->affected, counted(request, outcome->affected)));
}

Awaitable<Result<void>> delete_rows(TableRequest& request) {
  if (auto refusal = object_refusal(request)) co_return std::move(*refusal);
  auto plan = plan_delete(request.query, request.prefer, *request.table, *request.placement, request.map());
  if (!plan) co_return plan.error();
  const auto outcome = co_await write(request, *plan);
  if (!outcome) co_return outcome.error();
  co_return answer_change(request, *outcome, content_range(0, 0, counted(request, outcome->affected)));
}

Awaitable<Result<void>> put_row(TableRequest& request) {
  if (auto refusal = content_type_refusal(request)) co_return std::move(*refusal);
  auto plan = plan_put(request.query, body_of(request), request.prefer, *request.table, *request.placement,
                       request.map());
  if (!plan) co_return plan.error();
  const auto outcome = co_await write(request, *plan);
  if (!outcome) co_return outcome.error();
  const bool created = plan->reports_created && outcome->rows && outcome->rows->rows() == 1 &&
                       outcome->rows->boolean(0, outcome->rows->columns() - 1);
  auto answered = answer_change(request, *outcome, content_range(0, 0, counted(request, outcome->affected)));
  if (answered && created) request.exchange.status = 201;
  co_return answered;
}

std::string_view allowed_methods(bool is_row) {
  return is_row ? "OPTIONS,GET,HEAD,PUT,PATCH,DELETE" : "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE";
}

Awaitable<Result<void>> describe_methods(TableRequest& request) {
  request.exchange.set("Allow", allowed_methods(request.is_row));
  co_return Result<void>{};
}

}  // namespace shardplex::router
