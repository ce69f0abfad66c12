#include "query/grammar/grammar_errors.hpp"

#include <utility>

namespace shardplex::grammar {

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

Error grammar_error(std::string message, std::string details) {
  return {.code = "PGRST100",
          .message = std::move(message),
          .details = std::move(details),
          .hint = std::nullopt,
          .status = std::nullopt};
}

Error over_limit(std::string details) {
  return grammar_error("The query string asks for too much", std::move(details));
}

Error not_embedded(std::string_view name) {
  const std::string shown = '\'' + std::string(name) + '\'';
  return {.code = "PGRST108",
          .message = shown + " is not an embedded resource in this request",
          .details = std::nullopt,
          .hint = "Verify that " + shown + " is included in the 'select' query parameter.",
          .status = std::nullopt};
}

Error not_served(std::string details, std::string hint) {
  return {.code = "SHARD400",
          .message = "This request is not served by this release",
          .details = std::move(details),
          .hint = std::move(hint),
          .status = std::nullopt};
}

}  // namespace shardplex::grammar
