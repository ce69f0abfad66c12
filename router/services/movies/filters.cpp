#include "router/services/movies/filters.hpp"

#include <utility>

#include "query/plan/sql.hpp"
#include "router/execution/time_zones.hpp"
#include "router/services/movies/request_parts.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex::router {
namespace {

/// One row is there or not, and so is what a write has done: neither is answered in part.
bool may_be_partial(const TableRequest& request) {
  const auto method = request.call.request.method();
  return request.table != nullptr && !request.is_row &&
         (method == http::verb::get || method == http::verb::head);
}

/// Only a server knows which time zones there are.
Awaitable<Result<Answer>> take_time_zone(TableRequest& request, PreferHeader read, Next<TableRequest> next) {
  const auto known = co_await is_time_zone(request.context, *read.preferences.timezone);
  if (!known) co_return known.error();
  if (!*known) read = without_time_zone(std::move(read));
  auto parsed = served_preferences(std::move(read));
  if (!parsed) co_return parsed.error();
  request.prefer = std::move(*parsed);
  request.context.time_zone = request.prefer.timezone;
  co_return co_await next(request);
}

}  // namespace

Awaitable<Result<Answer>> require_catalogue(TableRequest& request, Next<TableRequest> next) {
  const auto& view = request.context.planned_with;
  if (auto known = check_catalogue(view ? view->snapshot.get() : nullptr); !known)
    return refuse(known.error());
  return next(request);
}

Awaitable<Result<Answer>> find_table(TableRequest& request, Next<TableRequest> next) {
  const auto found = look_up_table(*request.schema, request.path["table"]);
  if (!found) return refuse(found.error());
  request.table = found->table;
  request.placement = found->placement;
  return next(request);
}

Awaitable<Result<Answer>> require_stored_rows(TableRequest& request, Next<TableRequest> next) {
  const Table& table = *request.table;
  if (!table.is_view()) return next(request);
  if (table.written && request.call.request.method() != http::verb::put) return next(request);
  const std::string why = table.written ? "rows are not replaced through one (PUT)" : table.not_written;
  return refuse({"SHARD400", "This write to a view is not served",
                 table.name + " is a view, and " + why + '.', "Write to the table whose rows it shows.",
                 std::nullopt});
}

Awaitable<Result<Answer>> read_query(TableRequest& request, Next<TableRequest> next) {
  const auto text = split_target(request.call.target()).query;
  const auto method = request.call.request.method();
  const bool has_pages = !request.is_row && (method == http::verb::get || method == http::verb::head);
  auto query = parse_query(request.path["table"], text, request.context.worker.settings().limits.parse,
                           has_pages ? Cursors::served : Cursors::refused);
  if (!query) return refuse(query.error());
  request.query = std::move(*query);
  if (request.is_row)
    if (auto added = add_key_filter(request.query, *request.table, request.path["key"]); !added)
      return refuse(added.error());
  return next(request);
}

Awaitable<Result<Answer>> find_schema_of(TableRequest& request, Next<TableRequest> next) {
  const auto schema = schema_of(request.call.request, *request.context.planned_with->snapshot);
  if (!schema) return refuse(schema.error());
  request.schema = *schema;
  if (request.schema->name != plain_schema)
    request.context.search_path = quote_identifier(request.schema->name) + ", public";
  return next(request);
}

Awaitable<Result<Answer>> read_preferences(TableRequest& request, Next<TableRequest> next) {
  const auto preferences = list_field(request.call.request, "Prefer");
  if (preferences.empty()) return next(request);
  auto read = read_prefer(preferences);
  if (!may_be_partial(request)) read = without_partial(std::move(read));
  if (read.preferences.timezone && !read.not_served) return take_time_zone(request, std::move(read), next);
  auto parsed = served_preferences(std::move(read));
  if (!parsed) return refuse(parsed.error());
  request.prefer = std::move(*parsed);
  return next(request);
}

Awaitable<Result<Answer>> read_shape(TableRequest& request, Next<TableRequest> next) {
  const bool plans = request.context.worker.settings().plans;
  const auto asked = asked_answer(request.call.request, plans, request.table);
  if (!asked) return refuse(asked.error());
  if (auto checked = check_shape(asked->shape, request.query, *request.table); !checked)
    return refuse(checked.error());
  request.shape = asked->shape;
  request.plan_asked = asked->plan;
  return next(request);
}

Awaitable<Result<Answer>> refuse_plans(TableRequest& request, Next<TableRequest> next) {
  if (!request.plan_asked) return next(request);
  return refuse(only_plans_of_reads());
}

Awaitable<Result<Answer>> read_consistency(TableRequest& request, Next<TableRequest> next) {
  const auto strong = asks_for_strong_reads(request.call.request);
  if (!strong) return refuse(strong.error());
  if (*strong) request.context.consistency = Consistency::strong;
  request.context.stage_done(request.context.parse_us);
  return next(request);
}

}  // namespace shardplex::router
