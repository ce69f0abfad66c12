#include "router/services/movies/endpoints.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "router/http/cors.hpp"
#include "router/http/endpoint_table.hpp"
#include "router/services/movies/filters.hpp"
#include "router/services/movies/request_parts.hpp"
#include "router/services/movies/request_pattern.hpp"
#include "router/services/movies/table_request.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex::router {
namespace {

constexpr std::string_view methods_of_views = "OPTIONS,GET,HEAD";
constexpr std::string_view methods_of_written_views = "OPTIONS,GET,HEAD,POST,PATCH,DELETE";
constexpr auto other_shards_patience = std::chrono::milliseconds(200);

bool is_read(const Call& call) {
  return call.request.method() == http::verb::get || call.request.method() == http::verb::head;
}

/// Another look at the tables may help.
bool is_about_tables(const Error& error) {
  return error.code == "SHARD503" || error.code == "SHARD404";
}

Awaitable<Result<Answer>> describe_methods(TableRequest& request);

constexpr Filter<TableRequest> table_filters[] = {&require_catalogue, &find_schema_of, &find_table,
                                                  &read_preferences, &read_consistency};
constexpr Filter<TableRequest> query_filters[] = {&require_catalogue, &find_schema_of,   &find_table,
                                                  &read_query,        &read_preferences, &read_shape,
                                                  &read_consistency};
constexpr Filter<TableRequest> document_filters[] = {&require_catalogue, &find_schema_of};
// What a call can be answered as is known with its function.
constexpr Filter<TableRequest> call_filters[] = {&require_catalogue, &find_schema_of, &read_preferences,
                                                 &read_consistency};

constexpr Filter<TableRequest> change_filters[] = {&require_catalogue,   &find_schema_of, &find_table,
                                                   &require_stored_rows, &read_query,     &read_preferences,
                                                   &read_shape,          &refuse_plans,   &read_consistency};

constexpr auto table = RouteLabel::table, row = RouteLabel::row, other = RouteLabel::other;
constexpr Endpoint<TableRequest> rows[] = {
    {http::verb::options, "/{table}", &describe_methods, table_filters, table},
    {http::verb::get, "/{table}", &read_rows, query_filters, table},
    {http::verb::head, "/{table}", &read_rows, query_filters, table},
    {http::verb::post, "/{table}", &insert_rows, change_filters, table},
    {http::verb::put, "/{table}", &put_row, change_filters, table},
    {http::verb::patch, "/{table}", &update_rows, change_filters, table},
    {http::verb::delete_, "/{table}", &delete_rows, change_filters, table},
    {http::verb::options, "/{table}/{key}", &describe_methods, table_filters, row},
    {http::verb::get, "/{table}/{key}", &read_rows, query_filters, row},
    {http::verb::head, "/{table}/{key}", &read_rows, query_filters, row},
    {http::verb::put, "/{table}/{key}", &put_row, change_filters, row},
    {http::verb::patch, "/{table}/{key}", &update_rows, change_filters, row},
    {http::verb::delete_, "/{table}/{key}", &delete_rows, change_filters, row},
    {http::verb::options, "/rpc/{function}", &describe_methods, {}, other},
    {http::verb::get, "/rpc/{function}", &call_function, call_filters, other},
    {http::verb::head, "/rpc/{function}", &call_function, call_filters, other},
    {http::verb::post, "/rpc/{function}", &call_function, call_filters, other},
    {http::verb::options, "/", &describe_methods, {}, other},
    {http::verb::get, "/", &describe_api, document_filters, other},
    {http::verb::head, "/", &describe_api, document_filters, other},
    {http::verb::options, "/openapi.json", &describe_methods, {}, other},
    {http::verb::get, "/openapi.json", &describe_api, document_filters, other},
    {http::verb::head, "/openapi.json", &describe_api, document_filters, other},
};
constexpr std::span<const Endpoint<TableRequest>> endpoints = rows;

Awaitable<Result<Answer>> describe_methods(TableRequest& request) {
  Answer answer;
  const bool is_view = request.table != nullptr && request.table->is_view();
  const bool is_written = is_view && request.table->written && !request.is_row;
  answer.set("Allow", is_written ? std::string(methods_of_written_views)
                      : is_view  ? std::string(methods_of_views)
                                 : allowed_methods(endpoints, request.pattern));
  co_return answer;
}

Error no_such_path() {
  return {
      "PGRST125", "Invalid path specified in request URL", std::nullopt,
      "Paths are /table, /table/{key} and /rpc/{function}; / and /openapi.json say which tables there are.",
      std::nullopt};
}

Error method_not_allowed(const Call& call) {
  return {call.request.method() == http::verb::unknown ? "PGRST117" : "PGRST101",
          "Unsupported HTTP method: " + std::string(call.method_name()), std::nullopt, std::nullopt, 405};
}

std::optional<EndpointMatch<TableRequest>> find_endpoint_of(const Call& call) {
  auto path = split_target(call.target()).path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return find_endpoint(endpoints, call.request.method(), path);
}

/// Runs the endpoint that was found, or says why there is none.
Awaitable<Result<Answer>> run(const std::optional<EndpointMatch<TableRequest>>& match, Call& call,
                              RequestContext& context) {
  if (!has_method(endpoints, call.request.method())) co_return method_not_allowed(call);
  if (!match) co_return no_such_path();
  call.route = match->route;
  if (match->endpoint == nullptr) {
    Error refusal = method_not_allowed(call);
    if (match->pattern.starts_with("/rpc/"))
      refusal.message = "Cannot use the " + std::string(call.method_name()) + " method on RPC";
    co_return refusal;
  }
  TableRequest request{call, context, match->pattern, match->parameters, match->route == RouteLabel::row};
  auto outcome = co_await (*match->endpoint)(request);
  if (request.table != nullptr) call.table = make_map_name(request.schema->name, request.table->name);
  note_pattern(request, outcome);
  if (outcome && request.schema != nullptr && tells_schema(call.request, *context.planned_with->snapshot))
    outcome->set("Content-Profile", request.schema->name);
  co_return outcome;
}

/// "parse;dur=0.018, plan;dur=…": milliseconds with three decimals, by integers, since every answer carries
/// one.
std::string server_timing(const RequestContext& context) {
  std::array<char, 160> text;
  char* end = text.data();
  const auto put = [&](std::string_view name, std::uint64_t us) {
    end = std::copy(name.begin(), name.end(), end);
    end = std::to_chars(end, text.data() + text.size(), us / 1000).ptr;
    *end++ = '.';
    for (std::uint64_t unit = 100; unit > 0; unit /= 10) *end++ = static_cast<char>('0' + us / unit % 10);
  };
  put("parse;dur=", context.parse_us);
  put(", plan;dur=", context.plan_us);
  put(", shards;dur=", context.shards_us);
  put(", merge;dur=", context.merge_us);
  return {text.data(), end};
}

/// What decides an answer beside the URL, for caches (RFC 9110, section 12.5.5). CORS adds its own.
constexpr std::string_view deciding_fields =
    "Accept, Accept-Encoding, Prefer, Range, Accept-Profile, Shardplex-Consistency";

void say_how_it_was_made(Answer& answer, const RequestContext& context) {
  answer.set("Vary", deciding_fields);
  if (!context.asked.empty()) answer.set("Shardplex-Shards", joined(context.asked, ","));
  answer.set("Server-Timing", server_timing(context));
}

/// The same for the query patterns and the log.
void note_how_it_was_made(RequestRecord& record, RequestContext& context) {
  record.asked = std::move(context.asked);
  record.parse_us = context.parse_us;
  record.plan_us = context.plan_us;
  record.shards_us = context.shards_us;
  record.merge_us = context.merge_us;
}

}  // namespace

Awaitable<Answer> serve(Worker& worker, Call& call) {
  const auto& origins = worker.settings().cors_allowed_origins;
  if (auto preflight = answer_preflight(call.request, origins)) co_return std::move(*preflight);
  const auto deadline = call.began + worker.settings().request_timeout;
  const auto match = find_endpoint_of(call);
  for (bool may_wait = true;;) {
    RequestContext context(worker, deadline, call.client);
    auto outcome = co_await run(match, call, context);
    if (context.plan_outdated && Clock::now() < deadline) continue;  // before anything was sent or written
    // The tables of one shard may have been read again, and those of the others not yet. A write is not
    // repeated: the error does not tell whether it has taken effect.
    if (may_wait && is_read(call) && !outcome && is_about_tables(outcome.error()) &&
        worker.tables_changed_lately()) {
      may_wait = false;
      const auto known = context.planned_with->snapshot->catalogue;
      co_await worker.newer_tables(known, std::min(deadline, Clock::now() + other_shards_patience));
      if (worker.view() && worker.view()->snapshot->catalogue != known) continue;
    }
    auto answer = outcome ? std::move(*outcome) : to_answer(outcome.error());
    if (answer.status == 405)  // RFC 9110, section 15.5.6
      answer.set("Allow", allowed_methods(endpoints, match ? match->pattern : ""));
    say_how_it_was_made(answer, context);
    note_how_it_was_made(call.record, context);
    allow_reading(answer, call.request, origins);
    co_return answer;
  }
}

}  // namespace shardplex::router
