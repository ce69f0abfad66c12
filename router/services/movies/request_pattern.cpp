#include "router/services/movies/request_pattern.hpp"

#include <string>
#include <string_view>

#include "query/patterns/request_shape.hpp"
#include "shard_map/map_name.hpp"

namespace shardplex::router {
namespace {

/// Errors of PostgREST's codes for requests, and of syntax and names in SQL. Those of the answer are no such.
bool is_about_names(std::string_view code) {
  if (code == "PGRST103" || code == "PGRST116" || code == "PGRST124") return false;
  return code.starts_with("PGRST1") || code.starts_with("PGRST2") || code.starts_with("42");
}

/// What the router refuses by itself, which it may do before it looks at names.
bool may_precede_names(std::string_view code) {
  return code == "PGRST103" || code.starts_with("SHARD4");
}

/// The parameters have been read, and what they name is there, as far as anybody has looked.
bool is_understood(const TableRequest& request, const Result<Answer>& outcome) {
  if (request.query.table.empty()) return false;
  if (outcome) return true;
  const auto& code = outcome.error().code;
  return !is_about_names(code) && (request.is_planned || !may_precede_names(code));
}

/// "" for that of requests which name none.
std::string_view named_schema(const TableRequest& request) {
  const auto& schemas = request.context.planned_with->snapshot->schemas;
  const bool is_first = request.schema == nullptr || request.schema->name == schemas.front().name;
  return is_first ? std::string_view() : std::string_view(request.schema->name);
}

bool asks_strongly(const TableRequest& request) {
  const auto method = request.call.request.method();
  return (method == http::verb::get || method == http::verb::head) &&
         request.context.consistency == Consistency::strong;
}

/// "GET /movies/{key}", or the endpoint's own pattern where no table is known.
void append_place(std::string& out, const TableRequest& request) {
  out += request.call.method_name();
  out += ' ';
  if (request.table == nullptr) {
    out += request.pattern;
    return;
  }
  out += '/';
  out += make_map_name(request.schema->name, request.table->name);
  if (request.is_row) out += "/{key}";
}

}  // namespace

void note_pattern(TableRequest& request, const Result<Answer>& outcome) {
  auto& patterns = request.context.worker.metrics().patterns;
  auto& record = request.call.record;
  auto& shape = patterns.sheet();
  record.is_explained = false;
  if (is_understood(request, outcome)) {
    const bool is_call = request.table == nullptr;
    append_shape(shape,
                 {request.call.method_name(), request.query, request.prefer, request.shape, request.is_row,
                  is_call, asks_strongly(request), request.arguments, named_schema(request)});
    record.is_explained = !is_call;
  } else {
    append_place(shape, request);
    if (!outcome) shape.append(": refused with ") += outcome.error().code;
  }
  record.pattern = patterns.find(shape);
}

}  // namespace shardplex::router
