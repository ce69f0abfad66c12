#include "query/grammar/call_arguments.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "query/grammar/form_body.hpp"
#include "query/grammar/parameters.hpp"

namespace shardplex {
namespace {

void add_names(CallArguments& call) {
  std::set<std::string_view> known;
  for (const auto& argument : call.given)
    if (known.insert(argument.name).second) call.names.push_back(argument.name);
}

/// As PostgreSQL reads a bytea.
std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

Result<CallArguments> read_form(std::string_view body) {
  CallArguments call;
  call.content = MediaKind::form;
  grammar::Parameters parameters(body);
  while (true) {
    const auto more = parameters.next();
    if (!more) {
      Error error = more.error();
      error.code = "PGRST102";
      return error;
    }
    if (!*more) break;
    if (call.given.size() == most_form_parameters)
      return too_many_form_parameters("Send the arguments as application/json.");
    call.given.push_back({std::string(parameters.key()), std::string(parameters.value())});
  }
  add_names(call);
  return call;
}

Result<CallArguments> read_json(std::string_view body, const std::optional<std::vector<std::string>>& columns,
                                const std::vector<std::string>& watched_names) {
  CallArguments call;
  call.form = CallArguments::Form::json;
  call.body = body.empty() ? "{}" : body;
  auto read = read_body(call.body, watched_names, !columns.has_value());
  if (!read) return read.error();
  call.is_array = read->is_array;
  call.names = columns ? *columns : read->keys;
  for (const auto& values : read->watched) call.watched.push_back(values.empty() ? BodyValue{} : values[0]);
  return call;
}

}  // namespace

const std::string* CallArguments::value(std::string_view name,
                                        const std::vector<std::string>& watched_names) const {
  if (std::ranges::find(names, name) == names.end()) return nullptr;
  if (form == Form::texts) {
    const auto found = std::find_if(given.rbegin(), given.rend(),
                                    [&](const Argument& argument) { return argument.name == name; });
    return found == given.rend() ? nullptr : &found->value;
  }
  for (std::size_t i = 0; i < watched.size(); ++i)
    if (watched_names[i] == name)
      return watched[i].kind == BodyValue::Kind::text ? &watched[i].text : nullptr;
  return nullptr;
}

CallArguments arguments_of(std::vector<Argument> given) {
  CallArguments call;
  call.given = std::move(given);
  add_names(call);
  return call;
}

Result<CallArguments> read_call_body(std::string_view content_type, std::string_view body,
                                     const std::optional<std::vector<std::string>>& columns,
                                     const std::vector<std::string>& watched_names) {
  const auto name = media_type(content_type);
  const auto type = name.empty() ? MediaType{.kind = MediaKind::json, .name = ""} : read_media_type(name);
  switch (type.kind) {
    case MediaKind::json:
      return read_json(body, columns, watched_names);
    case MediaKind::form:
      return read_form(body);
    case MediaKind::text:
    case MediaKind::xml:
    case MediaKind::octet_stream: {
      CallArguments call;
      call.form = CallArguments::Form::raw;
      call.content = type.kind;
      call.body = type.kind == MediaKind::octet_stream ? hex_of(body) : std::string(body);
      return call;
    }
    default:
      return Error{"PGRST102", "Content-Type not acceptable: " + name, std::nullopt,
                   "Send the arguments as application/json.", std::nullopt};
  }
}

}  // namespace shardplex
