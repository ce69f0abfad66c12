// POST, PATCH, PUT and DELETE: the plan of a write, and what the client is told about it.
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/plan/not_planned.hpp"
#include "query/plan/plan.hpp"
#include "query/resolve/read_tree.hpp"
#include "router/execution/sequence_keys.hpp"
#include "router/execution/write.hpp"
#include "router/execution/written_rows.hpp"
#include "router/services/movies/body_rows.hpp"
#include "router/services/movies/rendering.hpp"
#include "router/services/movies/rows_body.hpp"
#include "router/services/movies/table_request.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

std::optional<std::int64_t> counted(const TableRequest& request, std::uint64_t rows) {
  const auto kind = request.prefer.count;
  if (kind != CountKind::exact && kind != CountKind::estimated) return std::nullopt;  // as PostgREST
  return static_cast<std::int64_t>(rows);
}

bool shows_rows(const TableRequest& request) {
  return request.prefer.returning == ReturnKind::representation;
}

/// One row is named, and a row that !inner leaves out of the answer could be taken for one that is not there.
bool has_to_show_its_row(const TableRequest& request) {
  const bool names_row = request.is_row || request.call.request.method() == http::verb::put;
  return names_row && shows_rows(request) && std::ranges::any_of(request.query.embeds, &Embed::inner);
}

/// A single object stands for exactly one row, whether it is to be answered or not.
RowBounds row_bounds(const TableRequest& request) {
  RowBounds bounds;
  if (is_object(request.shape)) bounds = {1, 1};
  if (has_to_show_its_row(request)) bounds.least = 1;
  if (const auto most = request.prefer.max_affected; most && request.prefer.strict)
    bounds.most = std::min(bounds.most.value_or(*most), static_cast<std::uint64_t>(*most));
  return bounds;
}

/// As by PostgREST.
Error row_left_out() {
  return {"PGRST115", "Payload values do not match URL in primary key column(s)",
          "The row is not among those that are to be returned: an embed with !inner has no rows for it.",
          std::nullopt, std::nullopt};
}

/// What a request is told whose write touched `rows` rows that are not left out, or would have; nullopt where
/// that many are allowed.
std::optional<Error> refusal_of(const TableRequest& request, std::uint64_t rows) {
  if (rows == 0 && request.is_row) return absent_row(request);
  if (is_object(request.shape) && rows != 1) return not_one_row(rows);
  const auto bounds = row_bounds(request);
  if (rows > bounds.most.value_or(rows)) return too_many_rows(rows);
  if (rows < bounds.least) return row_left_out();
  return std::nullopt;
}

/// The relations that the embeds of select= mean. What is wrong with them is said before anything is written.
/// Lifetime: refers to the request.
Result<ResolvedNode> resolved_select(const TableRequest& request) {
  if (!request.context.worker.settings().aggregates)
    if (auto refusal = aggregates_not_allowed(request.query)) return *std::move(refusal);
  return resolve(request.query, *request.table, request.catalogue(), *request.schema->relations);
}

WriteRules write_rules(const TableRequest& request) {
  const auto& catalogue = request.catalogue();
  return {row_bounds(request), row_format(request.shape), catalogue.bytewise_default_collation,
          catalogue.one_default_collation};
}

/// An error of a write, in the client's words where the statement itself found too few or too many rows.
Error in_words(const TableRequest& request, Error error) {
  if (error.code != sqlstate_row_bounds) return error;
  std::uint64_t rows = 0;
  const auto& digits = error.details ? *error.details : error.code;
  std::from_chars(digits.data(), digits.data() + digits.size(), rows);
  if (auto refusal = refusal_of(request, rows)) return std::move(*refusal);
  return error;
}

/// A write, and what is told of it.
struct ToldWrite {
  Written written;
  std::optional<CompletedRows> rows = std::nullopt;  // for which others were looked up
  std::optional<Error> not_shown = std::nullopt;     // set where these could not be
};

/// Makes the write, then looks up what belongs to its rows. A write that has been made stands, whatever comes
/// of that: it is then told as if no rows had been asked for.
Awaitable<Result<ToldWrite>> write_and_look_up(TableRequest& request, const WritePlan& plan) {
  auto& context = request.context;
  if (plan.read) {
    context.stage_done(context.plan_us);
    const auto checked = co_await check_lookups(context, *plan.read);
    context.stage_done(context.shards_us);
    if (!checked) co_return checked.error();
  }
  auto outcome = co_await write(context, plan, request.placement->group);
  if (!outcome) co_return in_words(request, outcome.error());
  ToldWrite told{std::move(*outcome)};
  if (!plan.read || !told.written.rows) co_return told;
  auto rows = std::make_shared<const postgres::ResultSet>(std::move(*told.written.rows));
  told.written.rows.reset();
  auto completed = co_await complete_rows(context, *plan.read, std::move(rows));
  context.stage_done(context.shards_us);
  if (completed) {
    told.rows = std::move(*completed);
  } else {
    told.not_shown = completed.error();
    request.prefer.returning = ReturnKind::minimal;
  }
  co_return told;
}

/// The rows, where they are to be shown and can be.
Result<void> set_rows(Answer& answer, const TableRequest& request, const WritePlan& plan,
                      const ToldWrite& told) {
  if (told.not_shown) set_not_shown(answer, *told.not_shown);
  if (!shows_rows(request)) return {};
  set_warning(answer, request);
  if (told.rows) return set_representation(answer, request, plan.header, told.rows->texts);
  return set_representation(answer, request, plan.header, told.written.rows);
}

/// The end of PATCH, PUT and DELETE: 200 with the rows, or 204.
Result<Answer> answer_change(TableRequest& request, const WritePlan& plan, const ToldWrite& told,
                             std::string range) {
  // Where rows were touched, the statement has counted them already.
  if (auto refusal = refusal_of(request, told.written.shown)) return std::move(*refusal);
  request.call.record.rows = told.written.shown;
  Answer answer;
  answer.status = shows_rows(request) ? 200 : 204;
  if (auto set = set_rows(answer, request, plan, told); !set) return set.error();
  answer.set("Content-Range", std::move(range));
  set_preferences(answer, request, true);
  return answer;
}

/// What tells whether a row is there, whatever select= says: an embed with !inner could leave it out, and an
/// aggregate be there without it.
Query key_alone(Query query, const Table& table) {
  query.select.clear();
  query.select.push_back({false, {table.primary_key.front(), {}}, std::nullopt, std::nullopt});
  query.embeds.clear();
  query.order.clear();
  query.named_by_table.clear();
  return query;
}

/// A PATCH of one row that sets nothing: whether the row is there, and what it is, has to be read.
Awaitable<Result<Answer>> answer_unchanged(TableRequest& request) {
  request.context.consistency = Consistency::strong;
  const auto count = std::exchange(request.prefer.count, CountKind::none);
  const Query asked = request.query;
  const Shape shape = request.shape;
  if (!shows_rows(request)) {
    request.query = key_alone(asked, *request.table);
    if (shape == Shape::features) request.shape = Shape::array;  // a key has no geometry
  }
  auto answer = co_await read_rows(request);
  request.prefer.count = count;
  request.query = asked;
  request.shape = shape;
  if (!answer) co_return answer.error();
  answer->fields.erase("Preference-Applied");
  if (!shows_rows(request)) {
    answer->status = 204;
    answer->body.clear();
  }
  answer->set("Content-Range", content_range(0, 0, counted(request, 0)));
  set_preferences(*answer, request, true);
  co_return answer;
}

/// A key for a row that came without one.
Result<std::string> new_key(Worker& worker, const Column& column) {
  const auto in_place = Result<std::string>::in_place_value;  // an Error could be made of a text as well
  if (column.type_name == "uuid") return {in_place, make_uuid_v7()};
  if (column.type_name != "int8")
    return Error{"23502", "null value in column \"" + column.name + "\" violates not-null constraint",
                 std::nullopt, "Keys are handed out for bigint and uuid columns only.", std::nullopt};
  if (const auto id = worker.ids().next(IdSource::now_ms())) return {in_place, std::to_string(*id)};
  return Error{"SHARD503", "No ids are left to hand out",
               "Ids are promised to this router by the shards, none of which can be reached.",
               "Try again after the time in Retry-After.", std::nullopt};
}

/// True where a row of the slot could be stored now.
bool takes_rows(const View& view, GroupId group, Slot slot) {
  const auto& owner = view.snapshot->ownership->owner(group, slot);
  return owner.fault == Ownership::Fault::none && !owner.fenced &&
         view.state(owner.shard).primary.has_value();
}

/// New keys for the rows of an insert that came without one. A single row goes to a shard that can take it:
/// of the keys that could be its own, one is as good as another.
Result<std::vector<std::string>> hand_out_keys(RequestContext& context, const InsertPlan& insert,
                                               std::optional<GroupId> group) {
  constexpr int most_tries = 64;
  std::vector<std::string> keys;
  const auto missing = insert.missing_keys();
  keys.reserve(missing);
  while (keys.size() < missing) {
    auto key = new_key(context.worker, *insert.key_column());
    for (int tries = 1; key && missing == 1 && group && tries < most_tries; ++tries) {
      if (takes_rows(*context.planned_with, *group, insert.slot_with(*key))) break;
      key = new_key(context.worker, *insert.key_column());
    }
    if (!key) return key.error();
    keys.push_back(std::move(*key));
  }
  return keys;
}

/// A primary key holds on each shard only, and under `list` equal keys may be on several. A sequence can fall
/// back, as in a failover; under `hash` the shard of the key then refuses it.
Error key_may_repeat(const Column& column) {
  return {"SHARD400", "This request cannot be answered exactly over shards",
          "Column " + column.name + " is " + column.type +
              ", whose keys come from a sequence, and a key must not be given twice over the lists.",
          "Make the column bigint: the router then hands out ids that are unique over all shards.",
          std::nullopt};
}

std::string_view body_of(const TableRequest& request) {
  return request.call.request.body();
}

/// Bodies are JSON; a Content-Type that says otherwise is refused rather than guessed at.
std::optional<Error> content_type_refusal(const TableRequest& request) {
  const auto name = media_type(request.call.header(http::field::content_type));
  if (name.empty() || name == "application/json" || name == "application/vnd.pgrst.object+json")
    return std::nullopt;
  return Error{"PGRST102", "Content-Type not acceptable: " + name, std::nullopt,
               "Send the body as application/json.", std::nullopt};
}

/// Before anything is made of the body: the worker serves nobody else while it does.
std::optional<Error> body_rows_refusal(const TableRequest& request) {
  const auto most = request.context.worker.settings().limits.body_rows;
  if (rows_in(body_of(request), most + 1) <= most) return std::nullopt;
  return Error{"SHARD400", "The request's body has too many rows",
               "The limit is " + std::to_string(most) + " rows of one request.",
               "Send them in several requests, or load them with 'shardplex load'. The operator sets the "
               "limit by --max-body-rows.",
               413};
}

}  // namespace

Awaitable<Result<Answer>> insert_rows(TableRequest& request) {
  if (request.call.request.count("Idempotency-Key") > 0)
    co_return Error{"SHARD400", "Idempotency-Key is not served by this release",
                    "The request might be carried out twice where it is sent twice.",
                    "Choose the row's key in the client: a repeated insert is then refused with 409.",
                    std::nullopt};
  if (auto refusal = content_type_refusal(request)) co_return std::move(*refusal);
  if (auto refusal = body_rows_refusal(request)) co_return std::move(*refusal);
  request.prefer.max_affected.reset();  // it is for PATCH and DELETE
  const auto tree = resolved_select(request);
  if (!tree) co_return tree.error();
  auto insert = plan_insert(*tree, request.query, body_of(request), request.prefer, request.routed(),
                            write_rules(request));
  if (!insert) co_return insert.error();
  Result<std::vector<std::string>> keys = std::vector<std::string>{};
  const Column* column = insert->key_column();
  const bool by_sequence = column && is_keyed_by_sequence(*column);
  const Group* group = request.routed().group();
  if (by_sequence && group && std::holds_alternative<ListStrategy>(group->strategy))
    co_return key_may_repeat(*column);
  if (by_sequence)
    keys = co_await next_of_sequence(request.context, *request.table, *column, insert->missing_keys());
  else
    keys = hand_out_keys(request.context, *insert, request.placement->group);
  if (!keys) co_return keys.error();
  const auto plan = std::move(*insert).with_keys(std::move(*keys));
  if (is_object(request.shape) && plan.row_count != 1) co_return not_one_row(plan.row_count);
  const auto told = co_await write_and_look_up(request, plan);
  if (!told) co_return told.error();

  const Written& outcome = told->written;
  request.call.record.rows = outcome.shown;
  Answer answer;
  answer.status = 201;
  if (auto set = set_rows(answer, request, plan, *told); !set) co_return set.error();
  if (plan.returns == WritePlan::Returns::primary_key && outcome.affected == 1)
    set_location(answer, request, plan, *outcome.rows);
  answer.set("Content-Range", content_range(0, 0, counted(request, outcome.shown)));
  set_preferences(answer, request, true);
  co_return answer;
}

Awaitable<Result<Answer>> update_rows(TableRequest& request) {
  if (auto refusal = content_type_refusal(request)) co_return std::move(*refusal);
  if (auto refusal = body_rows_refusal(request)) co_return std::move(*refusal);
  const auto tree = resolved_select(request);
  if (!tree) co_return tree.error();
  auto plan = plan_update(*tree, request.query, body_of(request), request.prefer, request.routed(),
                          write_rules(request));
  if (!plan) co_return plan.error();
  if (plan->sets_nothing && request.is_row) co_return co_await answer_unchanged(request);
  const auto told = co_await write_and_look_up(request, *plan);
  if (!told) co_return told.error();
  const auto rows = told->written.shown;
  co_return answer_change(request, *plan, *told, content_range(0, rows, counted(request, rows)));
}

Awaitable<Result<Answer>> delete_rows(TableRequest& request) {
  const auto tree = resolved_select(request);
  if (!tree) co_return tree.error();
  auto plan = plan_delete(*tree, request.query, request.prefer, request.routed(), write_rules(request));
  if (!plan) co_return plan.error();
  const auto told = co_await write_and_look_up(request, *plan);
  if (!told) co_return told.error();
  co_return answer_change(request, *plan, *told, content_range(0, 0, counted(request, told->written.shown)));
}

Awaitable<Result<Answer>> put_row(TableRequest& request) {
  if (auto refusal = content_type_refusal(request)) co_return std::move(*refusal);
  if (auto refusal = body_rows_refusal(request)) co_return std::move(*refusal);
  request.prefer.max_affected.reset();  // it is for PATCH and DELETE
  const auto tree = resolved_select(request);
  if (!tree) co_return tree.error();
  auto plan = plan_put(*tree, request.query, body_of(request), request.prefer, request.routed(),
                       write_rules(request));
  if (!plan) co_return plan.error();
  const auto told = co_await write_and_look_up(request, *plan);
  if (!told) co_return told.error();
  auto answered =
      answer_change(request, *plan, *told, content_range(0, 0, counted(request, told->written.shown)));
  if (answered && told->written.created) answered->status = 201;
  co_return answered;
}

}  // namespace shardplex::router
