#include "router/services/movies/request_settings.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "shard_map/utf8.hpp"

namespace shardplex::router {
namespace {

void set_member(boost::json::object& object, std::string_view name, std::string_view value) {
  object[as_utf8(name)] = as_utf8(value);
}

/// name=value; name=value (RFC 6265, section 4.2.1).
void set_cookies(boost::json::object& cookies, std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find(';');
    std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const auto begin = pair.find_first_not_of(" \t");
    if (begin == std::string_view::npos) continue;
    pair.remove_prefix(begin);
    const auto equals = pair.find('=');
    const auto value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    set_member(cookies, pair.substr(0, equals), value);
  }
}

std::string in_small_letters_of(std::string_view name) {
  std::string small(name);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

}  // namespace

std::shared_ptr<const RequestSettings> request_settings(const Call& call) {
  boost::json::object headers, cookies;
  for (const auto& field : call.request) {
    const std::string_view name{field.name_string().data(), field.name_string().size()};
    const std::string_view value{field.value().data(), field.value().size()};
    if (field.name() == http::field::cookie)
      set_cookies(cookies, value);
    else
      set_member(headers, in_small_letters_of(name), value);
  }
  RequestSettings settings{std::string(call.method_name()), as_utf8(split_target(call.target()).path),
                           boost::json::serialize(headers), boost::json::serialize(cookies)};
  return std::make_shared<const RequestSettings>(std::move(settings));
}

}  // namespace shardplex::router
