#include "router/http/answer.hpp"

#include <algorithm>
#include <boost/beast/http/field.hpp>
#include <utility>

#include "query/grammar/raised_error.hpp"

namespace shardplex::router {
namespace {

/// A code that SQL has raised can be any text.
bool is_code(std::string_view text) {
  const auto is_of_code = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, is_of_code);
}

Answer answer_with(const Error& error) {
  Answer answer;
  answer.status = static_cast<unsigned>(http_status(error));
  answer.body = to_json(error);
  const std::string code = is_code(error.code) ? error.code : std::string(sqlstate_raised);
  // RFC 9209. Clients of PostgREST look for its name.
  answer.set("Proxy-Status", "Shardplex; error=" + code + ", PostgREST; error=" + code);
  if (answer.status == 503) answer.set("Retry-After", "1");
  return answer;
}

}  // namespace

void Answer::set_instead(const std::vector<ResponseField>& set_by_sql) {
  for (const auto& field : set_by_sql) {
    fields.erase({field.name.data(), field.name.size()});
    if (http::string_to_field({field.name.data(), field.name.size()}) == http::field::content_type)
      content_type = "";
  }
  for (const auto& field : set_by_sql) set(field.name, field.value);
}

Answer to_answer(const Error& error) {
  if (error.code != sqlstate_raised) return answer_with(error);
  auto raised = raised_answer(error);
  Answer answer = answer_with(raised.error);
  answer.reason = std::move(raised.reason);
  answer.set_instead(raised.fields);
  return answer;
}

}  // namespace shardplex::router
