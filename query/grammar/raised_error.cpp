#include "query/grammar/raised_error.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <utility>

namespace shardplex {
namespace {

constexpr const char* keys_of_message =
    "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', "
    "'hint'.";
constexpr const char* keys_of_detail =
    "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";

RaisedAnswer cannot_be_read(std::string details, const char* hint) {
  RaisedAnswer out;
  out.error = {"PGRST121", R"(Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error)",
               std::move(details), hint, std::nullopt};
  return out;
}

std::optional<boost::json::object> json_object(const std::string& text) {
  boost::system::error_code failed;
  auto json = boost::json::parse(boost::json::string_view(text.data(), text.size()), failed);
  if (failed || !json.is_object()) return std::nullopt;
  return std::move(json.get_object());
}

/// Sets `out` to the member's text; false where it is none. Null is as if there were no such member.
bool take_text(const boost::json::object& object, const char* name, std::optional<std::string>& out) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return true;
  if (!value->is_string()) return false;
  out = std::string(value->get_string());
  return true;
}

/// The status as a number that an answer can have; nullopt for any other.
std::optional<int> status_of(const boost::json::object& detail) {
  const auto* value = detail.if_contains("status");
  const auto* number = value == nullptr ? nullptr : value->if_int64();
  if (number == nullptr || !is_final_status(*number)) return std::nullopt;
  return static_cast<int>(*number);
}

std::optional<std::vector<ResponseField>> fields_of(const boost::json::object& detail) {
  const auto* value = detail.if_contains("headers");
  const auto* headers = value == nullptr ? nullptr : value->if_object();
  if (headers == nullptr) return std::nullopt;
  std::vector<ResponseField> fields;
  for (const auto& [name, text] : *headers) {
    if (!text.is_string()) return std::nullopt;
    fields.push_back({std::string(name), std::string(text.get_string())});
  }
  return fields;
}

}  // namespace

RaisedAnswer raised_answer(const Error& raised) {
  std::optional<std::string> code, message, details, hint, reason;
  const auto said = json_object(raised.message);
  if (!said || !take_text(*said, "code", code) || !take_text(*said, "message", message) || !code ||
      !message || !take_text(*said, "details", details) || !take_text(*said, "hint", hint))
    return cannot_be_read("Invalid JSON value for MESSAGE: '" + raised.message + "'", keys_of_message);
  if (!raised.details) return cannot_be_read("DETAIL is missing in the RAISE statement", keys_of_detail);
  const std::string invalid = "Invalid JSON value for DETAIL: '" + *raised.details + "'";
  const auto head = json_object(*raised.details);
  if (!head || !take_text(*head, "status_text", reason)) return cannot_be_read(invalid, keys_of_detail);
  const auto status = status_of(*head);
  auto fields = fields_of(*head);
  if (!status || !fields) return cannot_be_read(invalid, keys_of_detail);
  if (auto why = fields_refusal(*fields)) return cannot_be_read(*std::move(why), keys_of_detail);
  if (reason && !reason->empty() && !is_reason(*reason))
    return cannot_be_read("The status_text is no line of at most 200 bytes.", keys_of_detail);
  RaisedAnswer out;
  out.error = {*std::move(code), *std::move(message), std::move(details), std::move(hint), status};
  out.reason = std::move(reason).value_or("");
  out.fields = *std::move(fields);
  return out;
}

}  // namespace shardplex
