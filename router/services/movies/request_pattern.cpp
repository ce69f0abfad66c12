#include "router/services/movies/request_pattern.hpp"

#include <string>
#include <string_view>

#include "query/patterns/request_shape.hpp"

namespace shardplex::router {
namespace {

/// Errors of PostgREST's codes for requests, and of syntax and names in SQL. Those of the answer are no such.
bool is_about_names(std::string_view code) {
  if (code == "PGRST103" || code == "PGRST116" || code == "PGRST124") return false;
  return code.starts_with("PGRST1") || code.starts_with("PGRST2") || code.starts_with("42");
}

/// The parameters have been read, and what they name is there, as far as anybody has looked.
bool is_understood(const TableRequest& request, const Result<Answer>& outcome) {
  return !request.query.table.empty() && (outcome || !is_about_names(outcome.error().code));
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
  out += request.table->name;
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
    append_shape(shape, {request.call.method_name(), request.query, request.prefer, request.shape,
                         request.is_row, is_call, asks_strongly(request), request.arguments});
    record.is_explained = !is_call;
  } else {
    append_place(shape, request);
    if (!outcome) shape.append(": refused with ") += outcome.error().code;
  }
  record.pattern = patterns.find(shape);
}

}  // namespace shardplex::router
