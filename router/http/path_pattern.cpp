#include "router/http/path_pattern.hpp"

#include <utility>

#include "query/grammar/parse.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex::router {
namespace {

/// Takes the first segment off a path, which begins with '/'.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

}  // namespace

bool path_matches(std::string_view pattern, std::string_view path) {
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const auto wanted = take_segment(pattern), segment = take_segment(path);
    if (is_parameter(wanted) ? segment.empty() : wanted != segment) return false;
  }
  return pattern.empty() && path.empty();
}

bool more_specific(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const bool a_varies = is_parameter(take_segment(a)), b_varies = is_parameter(take_segment(b));
    if (a_varies != b_varies) return b_varies;
  }
  return false;
}

const std::string* PathParameters::find(std::string_view name) const {
  for (std::size_t i = 0; i < count_; ++i)
    if (parameters_[i].name == name) return &parameters_[i].value;
  return nullptr;
}

const std::string& PathParameters::operator[](std::string_view name) const {
  const auto* value = find(name);
  invariant(value != nullptr, "a handler asks for parameters that its pattern has");
  return *value;
}

std::optional<PathParameters> read_parameters(std::string_view pattern, std::string_view path) {
  std::optional<PathParameters> out(std::in_place);
  while (!pattern.empty()) {
    const auto wanted = take_segment(pattern), segment = take_segment(path);
    if (!is_parameter(wanted)) continue;
    auto value = percent_decode(segment, false);
    if (!value) return std::nullopt;
    invariant(out->count_ < PathParameters::most, "a pattern has no more parameters than there is room for");
    out->parameters_[out->count_++] = {wanted.substr(1, wanted.size() - 2), std::move(*value)};
  }
  return out;
}

}  // namespace shardplex::router
