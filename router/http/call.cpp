#include "router/http/call.hpp"

namespace shardplex::router {
namespace {

std::string_view origin_form(std::string_view target) {
  if (!target.starts_with("http://") && !target.starts_with("https://")) return target;
  const auto path = target.find('/', target.find("//") + 2);
  return path == std::string_view::npos ? "/" : target.substr(path);
}

}  // namespace

RequestTarget split_target(std::string_view target) {
  const auto origin = origin_form(target);
  const auto question = origin.find('?');
  if (question == std::string_view::npos) return {origin, {}};
  return {origin.substr(0, question), origin.substr(question + 1)};
}

}  // namespace shardplex::router
