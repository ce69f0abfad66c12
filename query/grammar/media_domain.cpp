#include "query/grammar/media_domain.hpp"

#include <algorithm>
#include <cstddef>

#include "query/grammar/accept.hpp"
#include "query/grammar/header_text.hpp"

namespace shardplex {
namespace {

using namespace grammar;

/// A name of RFC 6838, section 4.2.
bool is_restricted_name(std::string_view name) {
  constexpr std::size_t longest = 127;
  const auto is_first = [](char c) { return is_lower(c) || is_upper(c) || is_digit(c); };
  const auto may_follow = [&](char c) {
    return is_first(c) || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= longest && is_first(name.front()) &&
         std::ranges::all_of(name, may_follow);
}

}  // namespace

std::optional<std::string> media_type_of_domain(std::string_view name) {
  if (name == any_media_type) return std::string(name);
  const auto slash = name.find('/');
  if (slash == std::string_view::npos || !is_restricted_name(name.substr(0, slash)) ||
      !is_restricted_name(name.substr(slash + 1)))
    return std::nullopt;
  std::string type = lower(name);
  if (type.starts_with("application/vnd.pgrst.")) return std::nullopt;
  return type;
}

std::string content_type_of_value(std::string_view value_type) {
  if (value_type == any_media_type) return std::string(content_type(Shape::value));
  const auto kind = read_media_type(value_type).kind;
  const bool has_charset =
      kind != MediaKind::other && kind != MediaKind::octet_stream && kind != MediaKind::ndjson;
  return std::string(value_type) + (has_charset ? "; charset=utf-8" : "");
}

}  // namespace shardplex
