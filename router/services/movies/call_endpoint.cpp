// /rpc/function: from a call to what it gives.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/engine/json_value.hpp"
#include "query/engine/raw_value.hpp"
#include "query/engine/strip_nulls.hpp"
#include "query/grammar/call_arguments.hpp"
#include "query/grammar/response_fields.hpp"
#include "query/plan/plan_call.hpp"
#include "query/resolve/find_function.hpp"
#include "query/resolve/value_media.hpp"
#include "router/execution/call_once.hpp"
#include "router/execution/joined_rows.hpp"
#include "router/http/refusals.hpp"
#include "router/services/movies/rendering.hpp"
#include "router/services/movies/request_parts.hpp"
#include "router/services/movies/request_settings.hpp"
#include "router/services/movies/rows_body.hpp"
#include "router/services/movies/table_request.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

using Answers = CallPlan::Answers;

bool is_post(const TableRequest& request) {
  return request.call.request.method() == http::verb::post;
}

/// What the URL and the body say.
struct ReadCall {
  Query rows;
  CallArguments arguments;
};

Result<ReadCall> read_call(TableRequest& request, const MapFunction* declared) {
  const std::string& name = request.path["function"];
  const auto text = split_target(request.call.target()).query;
  const auto& limits = request.context.worker.settings().limits.parse;
  if (is_post(request)) {
    auto rows = parse_query(name, text, limits);
    if (!rows) return rows.error();
    const auto watched = declared ? watched_arguments(*declared) : std::vector<std::string>();
    auto arguments = read_call_body(request.call.header(http::field::content_type),
                                    request.call.request.body(), rows->columns, watched);
    if (!arguments) return arguments.error();
    return ReadCall{std::move(*rows), std::move(*arguments)};
  }
  auto call = parse_function_call(name, text, limits);
  if (!call) return call.error();
  if (auto applied = apply_range(call->rows, request.call.request, false); !applied) return applied.error();
  return ReadCall{std::move(call->rows), arguments_of(std::move(call->arguments))};
}

/// Accept, which may be answered by the function's value as it is.
Result<void> read_shape_of_call(TableRequest& request, const Function& function) {
  request.value_type = value_media(function, request.query);
  const bool plans = request.context.worker.settings().plans;
  const auto asked = asked_answer(request.call.request, plans, nullptr, request.value_type);
  if (!asked) return asked.error();
  if (asked->plan) return only_plans_of_reads();
  request.shape = asked->shape;
  return {};
}

std::optional<std::uint64_t> most_affected(const TableRequest& request) {
  if (!request.prefer.strict || !request.prefer.max_affected) return std::nullopt;
  return static_cast<std::uint64_t>(*request.prefer.max_affected);
}

/// How many rows there have to be for the answer.
RowBounds call_bounds(const TableRequest& request) {
  RowBounds bounds;
  if (is_object(request.shape)) bounds = {1, 1};
  if (const auto most = most_affected(request)) bounds.most = std::min(bounds.most.value_or(*most), *most);
  return bounds;
}

/// What a request is told whose call gives `rows` rows; nullopt where it may have as many.
std::optional<Error> refused_for(const TableRequest& request, const CallPlan& plan, std::uint64_t rows) {
  if (is_object(request.shape) && rows != 1) return not_one_row(rows);
  if (const auto most = most_affected(request); most && rows > *most) return too_many_rows(rows);
  const auto& scan = plan.read.scan;
  if (plan.read.bound && scan.offset + rows >= plan.read.bound->too_many) return plan.read.bound->refusal;
  return std::nullopt;
}

/// An error of a call, in the client's words where the statement itself found too few or too many rows.
Error in_words_of_call(const TableRequest& request, const CallPlan& plan, Error error) {
  if (error.code != sqlstate_row_bounds) return error;
  std::uint64_t rows = 0;
  const auto& digits = error.details ? *error.details : error.code;
  std::from_chars(digits.data(), digits.data() + digits.size(), rows);
  if (auto refusal = refused_for(request, plan, rows)) return *std::move(refusal);
  return error;
}

/// As PostgREST: what planners expect of a function says little, so nothing is said or it is counted.
CountKind count_of_call(const TableRequest& request) {
  switch (request.prefer.count) {
    case CountKind::exact:
    case CountKind::estimated:
      return CountKind::exact;
    case CountKind::planned:
    case CountKind::none:
      break;
  }
  return CountKind::none;
}

Error only_of_sets() {
  return {"PGRST128",
          "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
          std::nullopt, std::nullopt, std::nullopt};
}

/// A web page can send a body of a type that forms have to any server, without asking that first.
std::optional<Error> page_refusal(const TableRequest& request, const CallPlan& plan, MediaKind content) {
  const bool is_of_forms = content == MediaKind::form || content == MediaKind::text;
  if (!plan.writes || !is_of_forms || !is_from_page(request.call.request)) return std::nullopt;
  return Error{"PGRST102", "A web page cannot send this Content-Type to a function that may write",
               "Any page could, without this server being asked first.",
               "Send the arguments as application/json.", 415};
}

/// json holds escapes that are no text; all else that to_json() gives can be stripped of nulls.
bool can_be_stripped(const Column& column) {
  const auto kind = json_type(column.type_schema, column.type_name).kind;
  return column.sort != SortKind::none || (kind != JsonKind::other && kind != JsonKind::json);
}

/// Nulls are stripped when the rows are here, and what was written is committed then.
std::optional<Error> stripping_refusal(const TableRequest& request, const CallPlan& plan,
                                       const Function& function) {
  if (!plan.writes || row_format(request.shape) != RowFormat::stripped_json) return std::nullopt;
  if (plan.answers == Answers::nothing) return std::nullopt;
  const auto is_cast = [](const SelectItem& item) { return item.cast.has_value(); };  // to json, perhaps
  if (request.query.embeds.empty() && std::ranges::none_of(request.query.select, is_cast) &&
      std::ranges::all_of(function.columns, can_be_stripped))
    return std::nullopt;
  return Error{"SHARD400", "This request is not served by this release",
               "Function " + function.name +
                   " may write, and returns json, or what may hold it. Where that cannot be stripped of "
                   "nulls, what was written would be kept all the same.",
               "Ask for application/json, and drop the nulls in the client.", std::nullopt};
}

// ---- Bodies.

/// Values stand alone in formats of JSON, and in rows of their own in CSV.
bool is_of_values(const CallPlan& plan, Shape shape) {
  const bool has_values = plan.answers == Answers::values || plan.answers == Answers::one_value;
  return has_values && shape != Shape::csv;
}

Result<void> append_value(std::string& out, Shape shape, std::string_view value) {
  if (shape == Shape::stripped_array || shape == Shape::stripped_object)
    return append_without_nulls(out, value);
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  out += value;
  // On one line: in JSON a line break is white space, and never part of a string.
  if (shape == Shape::ndjson)
    std::replace_if(
        out.begin() + begin, out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return {};
}

/// json_agg() of the values, or a value a line.
Result<void> write_values(std::string& out, Shape shape, const CallPlan& plan,
                          const std::vector<std::string>& rows) {
  const bool in_lines = shape == Shape::ndjson;
  const bool stripped = shape == Shape::stripped_array;
  std::string_view between = ", ";
  if (in_lines) between = "\n";
  if (stripped) between = ",";
  if (plan.in_lines && !in_lines && !stripped) between = ", \n ";
  if (!in_lines) out += '[';
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) out += between;
    if (auto done = append_value(out, shape, plan.value_of(rows[i])); !done) return done;
  }
  out += in_lines ? (rows.empty() ? "" : "\n") : "]";
  return {};
}

/// One value, or one row; null where a filter has left it out.
Result<void> write_one(std::string& out, Shape shape, const CallPlan& plan,
                       const std::vector<std::string>& rows) {
  if (rows.empty()) {
    out += "null";
    return {};
  }
  const std::string_view row = rows.front();
  const auto value = plan.answers == Answers::one_value ? plan.value_of(row) : row;
  if (auto done = append_value(out, shape, value); !done) return done;
  if (shape == Shape::ndjson) out += '\n';
  return {};
}

/// The value itself; nothing where it is null, or a filter has left it out.
Result<void> write_as_it_is(std::string& out, const CallPlan& plan, const std::vector<std::string>& rows) {
  if (rows.empty()) return {};
  const bool done = plan.of_bytes ? append_bytes(out, rows.front()) : append_unquoted(out, rows.front());
  if (done) return {};
  return Error{"SHARD503", "A shard's answer cannot be understood",
               "A value is not the text that it should be.", std::nullopt, std::nullopt};
}

Result<void> write_rows(std::string& out, Shape shape, const CallPlan& plan,
                        const std::vector<std::string>& rows) {
  RowsBody body(shape, plan.read.scan.row.header());
  for (const auto& row : rows)
    if (auto added = body.add(out, row); !added) return added;
  body.end(out);
  return {};
}

Result<void> write_call_body(std::string& out, Shape shape, const CallPlan& plan,
                             const std::vector<std::string>& rows) {
  if (shape == Shape::value) return write_as_it_is(out, plan, rows);
  const bool is_one = plan.answers == Answers::one_row || plan.answers == Answers::one_value;
  if (is_one && shape != Shape::csv) return write_one(out, shape, plan, rows);
  if (is_of_values(plan, shape) && !is_object(shape)) return write_values(out, shape, plan, rows);
  return write_rows(out, shape, plan, rows);
}

// ---- Answers.

/// All rows of the answer, each as text. A call's rows have come from the shards when the first is there.
Awaitable<Result<std::vector<std::string>>> all_rows(JoinedRows& rows) {
  std::vector<std::string> all;
  for (;;) {
    auto row = co_await rows.next();
    if (!row) co_return row.error();
    if (!*row) break;
    all.push_back(std::move((*row)->json));
  }
  co_return all;
}

Awaitable<Result<JoinedRows>> called(RequestContext& context, const CallPlan& plan) {
  if (!plan.once) co_return co_await gather_joined_rows(context, plan.read);
  auto rows = co_await call_once(context, plan);
  if (!rows) co_return rows.error();
  const auto& read = plan.read;
  if (read.lookups.empty()) co_return JoinedRows(std::move(*rows));
  auto lookups = std::make_shared<const std::vector<Lookup>>(read.lookups);
  JoinedRows joined(std::move(*rows), read.join, std::move(lookups), context, read.sort);
  if (read.join.counts)
    if (const auto counted = co_await joined.fetch_ahead(); !counted) co_return counted.error();
  co_return joined;
}

/// The status and the fields that the function has set are in the place of the usual ones.
Result<Answer> as_function_says(Answer answer, const SetByFunction& set) {
  const auto status = read_response_status(set.status);
  if (!status) return status.error();
  const auto fields = read_response_headers(set.headers);
  if (!fields) return fields.error();
  if (*status) answer.status = static_cast<unsigned>(**status);
  answer.set_instead(*fields);
  return answer;
}

Result<Answer> answer_of(TableRequest& request, const CallPlan& plan, const std::vector<std::string>& rows,
                         std::optional<std::int64_t> total) {
  const auto& scan = plan.read.scan;
  Answer answer;
  if (total && scan.offset > static_cast<std::uint64_t>(*total)) {
    answer = to_answer(range_not_satisfiable(scan.offset, *total));
    answer.set("Content-Range", content_range(0, 0, total));
    return answer;
  }
  answer.set("Content-Range", content_range(scan.offset, rows.size(), total));
  if (total && rows.size() < static_cast<std::uint64_t>(*total)) answer.status = 206;
  set_preferences(answer, request, false);
  if (plan.answers == Answers::nothing) {
    answer.status = 204;
    return as_function_says(std::move(answer), request.context.set_by_function);
  }
  set_content_type(answer, request);
  set_warning(answer, request);
  if (auto written = write_call_body(answer.body, request.shape, plan, rows); !written)
    return written.error();
  return as_function_says(std::move(answer), request.context.set_by_function);
}

}  // namespace

Awaitable<Result<Answer>> call_function(TableRequest& request) {
  const auto& catalogue = request.catalogue();
  const MapFunction* declared = request.map().find_function(request.path["function"]);
  auto call = read_call(request, declared);
  if (!call) co_return call.error();
  request.query = call->rows;
  const auto function = find_function({request.path["function"], call->arguments.names, is_post(request),
                                       call->arguments.content, request.schema->name},
                                      catalogue);
  if (!function) co_return function.error();
  if (!is_post(request)) request.arguments = call->arguments.names;
  if (auto read = read_shape_of_call(request, **function); !read) co_return read.error();
  if (most_affected(request) && !(*function)->returns_set) co_return only_of_sets();

  const auto& settings = request.context.worker.settings();
  const ReadRules rules{catalogue.bytewise_default_collation, settings.limits.rows, settings.aggregates,
                        catalogue.one_default_collation, row_format(request.shape)};
  const CallRequest asked{call->arguments, call->rows, is_post(request), count_of_call(request),
                          call_bounds(request)};
  const auto plan =
      plan_call(**function, *declared, asked, request.map(), catalogue, *request.schema->relations, rules);
  if (!plan) co_return plan.error();
  request.is_planned = true;
  if (auto refusal = page_refusal(request, *plan, call->arguments.content)) co_return *std::move(refusal);
  if (auto refusal = stripping_refusal(request, *plan, **function)) co_return *std::move(refusal);
  if (plan->read.where) count_load(request.context, plan->read.where->group, plan->read.where->slots);
  request.context.request_settings = request_settings(request.call);
  request.context.stage_done(request.context.plan_us);

  auto rows = co_await called(request.context, *plan);
  if (!rows) co_return in_words_of_call(request, *plan, rows.error());
  const auto all = co_await all_rows(*rows);
  if (!all) co_return all.error();
  request.context.stage_done(request.context.merge_us);
  request.call.record.rows = all->size();
  request.call.record.rows_read = rows->rows_read();
  if (auto refusal = refused_for(request, *plan, all->size())) co_return *std::move(refusal);
  co_return answer_of(request, *plan, *all, rows->total());
}

}  // namespace shardplex::router
