#include "query/grammar/response_fields.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <utility>

#include "shard_map/utf8.hpp"

namespace shardplex {
namespace {

constexpr std::size_t most_field_bytes = 16 * 1024;

/// How a body is framed and encoded, what is of the connection (RFC 9110, sections 6.6.1 and 7.6.1), and what
/// stands in every answer. In small letters.
constexpr std::string_view fields_of_router[] = {
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-status",
    "server",
    "server-timing",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
};
constexpr std::string_view prefixes_of_router[] = {"access-control-", "shardplex-"};

std::string in_small_letters(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// A token (RFC 9110, section 5.6.2).
bool is_field_name(std::string_view name) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  const auto is_of_token = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           marks.find(c) != std::string_view::npos;
  };
  return !name.empty() && std::ranges::all_of(name, is_of_token);
}

/// A line without control characters, but for tabs.
bool is_one_line(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

bool is_of_router(std::string_view name) {
  const std::string small = in_small_letters(name);
  return std::ranges::find(fields_of_router, small) != std::end(fields_of_router) ||
         std::ranges::any_of(prefixes_of_router,
                             [&](std::string_view prefix) { return small.starts_with(prefix); });
}

Error bad_response_headers(std::optional<std::string> why) {
  return {
      "PGRST111",
      "response.headers guc must be a JSON array composed of objects with a single key and a string value",
      std::move(why), std::nullopt, std::nullopt};
}

/// {"Name": "value"}; false for anything else.
bool add_field(const boost::json::value& item, std::vector<ResponseField>& fields) {
  const auto* object = item.if_object();
  if (object == nullptr || object->size() != 1) return false;
  const auto& [name, value] = *object->begin();
  const auto* text = value.if_string();
  if (text == nullptr) return false;
  fields.push_back({std::string(name), std::string(*text)});
  return true;
}

}  // namespace

std::optional<std::string> fields_refusal(const std::vector<ResponseField>& fields) {
  std::size_t bytes = 0;
  for (const auto& field : fields) {
    bytes += field.name.size() + field.value.size();
    if (!is_field_name(field.name)) return "A name is none of a header.";
    if (is_of_router(field.name)) return "The header " + field.name + " is the router's own.";
    if (!is_one_line(field.value)) return "The value of " + field.name + " has a control character.";
  }
  if (bytes > most_field_bytes)
    return "The headers are longer than " + std::to_string(most_field_bytes) + " bytes.";
  return std::nullopt;
}

bool is_reason(std::string_view text) {
  return !text.empty() && text.size() <= 200 && is_one_line(text) && is_utf8(text);
}

Result<std::vector<ResponseField>> read_response_headers(std::string_view text) {
  std::vector<ResponseField> fields;
  if (text.empty()) return fields;
  boost::system::error_code failed;
  const auto json = boost::json::parse(boost::json::string_view(text.data(), text.size()), failed);
  if (failed || !json.is_array()) return bad_response_headers(std::nullopt);
  for (const auto& item : json.get_array())
    if (!add_field(item, fields)) return bad_response_headers(std::nullopt);
  if (auto why = fields_refusal(fields)) return bad_response_headers(std::move(why));
  return fields;
}

Result<std::optional<int>> read_response_status(std::string_view text) {
  if (text.empty()) return std::optional<int>();
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (error == std::errc{} && end == text.data() + text.size() && is_final_status(status))
    return std::optional<int>(status);
  return Error{"PGRST112", "response.status guc must be a valid status code", std::nullopt, std::nullopt,
               std::nullopt};
}

}  // namespace shardplex
