// The body of a call of a function, as each type that it may be said to be.
#include <optional>
#include <string>
#include <vector>

#include "query/grammar/call_arguments.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

const std::vector<std::string> watched{"id"};

void check_call(const CallArguments& call, std::string_view input) {
  for (const auto& name : call.names)
    invariant(call.form == CallArguments::Form::raw || is_utf8(name), "a name is UTF-8");
  invariant(call.form != CallArguments::Form::raw || !call.body.empty() || input.empty(), "nothing is lost");
  if (const auto* id = call.value("id", watched)) invariant(is_utf8(*id), "a value is UTF-8");
}

}  // namespace

void take(std::string_view input) {
  const std::vector<std::string> columns{"id", "name"};
  for (const auto* type : {"", "application/json", "application/x-www-form-urlencoded", "text/plain",
                           "text/xml", "application/octet-stream", "text/csv"}) {
    for (const auto& named : {std::optional<std::vector<std::string>>(), std::optional(columns)}) {
      const auto call = read_call_body(type, input, named, watched);
      if (call) {
        check_call(*call, input);
        continue;
      }
      invariant(call.error().code == "PGRST102", "what is no body is PGRST102");
      check_error(call.error());
    }
  }
}

}  // namespace shardplex::fuzz
