#include "query/grammar/form_body.hpp"

#include <boost/json/serialize.hpp>
#include <cstddef>
#include <map>
#include <utility>

#include "query/grammar/parameters.hpp"

namespace shardplex {
namespace {

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

}  // namespace

Error too_many_form_parameters(std::string works) {
  return {"SHARD400", "The request's body has too many parameters",
          "The limit is " + std::to_string(most_form_parameters) + " parameters of one form.",
          std::move(works), 413};
}

Result<std::string> form_as_json(std::string_view form) {
  std::map<std::string, std::string, std::less<>> values;
  grammar::Parameters parameters(form);
  for (std::size_t count = 0;; ++count) {
    const auto more = parameters.next();
    if (!more) {
      Error error = more.error();
      error.code = "PGRST102";
      return error;
    }
    if (!*more) break;
    if (count == most_form_parameters) return too_many_form_parameters("Send the row as application/json.");
    values.insert_or_assign(std::string(parameters.key()), std::string(parameters.value()));
  }
  std::string json;
  for (const auto& [name, value] : values)
    json += (json.empty() ? '{' : ',') + json_string(name) + ':' + json_string(value);
  return {boost::system::in_place_value, json.empty() ? "{}" : json + '}'};
}

}  // namespace shardplex
