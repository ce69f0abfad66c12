#include "router/http/call.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>

namespace shardplex::router {
namespace {

/// What follows "scheme://", in any case; nullopt where the target begins with none.
std::optional<std::string_view> after_scheme(std::string_view target) {
  const auto colon = target.find("://");
  const auto in_scheme = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
  };
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  if (!std::all_of(target.begin(), target.begin() + static_cast<std::ptrdiff_t>(colon), in_scheme))
    return std::nullopt;
  return target.substr(colon + 3);
}

std::string_view origin_form(std::string_view target) {
  const auto authority = after_scheme(target);
  if (!authority) return target;
  const auto end = authority->find_first_of("/?");
  if (end == std::string_view::npos) return "/";
  return authority->substr(end);
}

}  // namespace

std::string_view authority_of(std::string_view target) {
  const auto rest = after_scheme(target).value_or("");
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  const auto at = authority.rfind('@');
  return at == std::string_view::npos ? authority : authority.substr(at + 1);
}

RequestTarget split_target(std::string_view target) {
  const auto origin = origin_form(target);
  const auto question = origin.find('?');
  if (question == std::string_view::npos) return {origin, {}};
  return {question == 0 ? "/" : origin.substr(0, question), origin.substr(question + 1)};
}

}  // namespace shardplex::router
