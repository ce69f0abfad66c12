#include "server_address/server_address.hpp"

#include <libpq-fe.h>

#include <memory>
#include <string_view>

namespace shardplex {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, FreeOptions>;

ConnectionOptions collect(const OptionList& list) {
  ConnectionOptions options;
  if (!list) return options;
  for (const PQconninfoOption* option = list.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) options[option->keyword] = option->val;
  return options;
}

/// What says where a server is, and nothing of who connects to it.
bool is_place(std::string_view keyword) {
  return keyword == "service" || keyword == "host" || keyword == "hostaddr" || keyword == "port" ||
         keyword == "dbname";
}

}  // namespace

std::optional<ConnectionOptions> connection_options(const std::string& conninfo) {
  const OptionList list(PQconninfoParse(conninfo.c_str(), nullptr));
  if (!list) return std::nullopt;
  return collect(list);
}

std::string to_conninfo(const ConnectionOptions& options) {
  std::string text;
  for (const auto& [keyword, value] : options) {
    text.append(text.empty() ? "" : " ").append(keyword).append("='");
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

std::optional<ServerAddress> server_address(const std::string& conninfo) {
  const auto given = connection_options(conninfo);
  if (!given) return std::nullopt;
  const ConnectionOptions defaults = collect(OptionList(PQconndefaults()));
  const auto value = [&](std::string_view keyword, std::string_view otherwise) {
    for (const auto* source : {&*given, &defaults})
      if (const auto found = source->find(keyword); found != source->end() && !found->second.empty())
        return found->second;
    return std::string(otherwise);
  };
  // What the string says of the host comes before all that the environment says.
  for (const auto* source : {&*given, &defaults})
    for (const std::string_view keyword : {"hostaddr", "host"})
      if (const auto found = source->find(keyword); found != source->end() && !found->second.empty())
        return ServerAddress{found->second, value("port", "5432"), value("dbname", value("user", ""))};
  return ServerAddress{"localhost", value("port", "5432"), value("dbname", value("user", ""))};
}

std::string address_only(const std::string& conninfo) {
  auto options = connection_options(conninfo);
  if (!options) return "";
  if (!options->contains("dbname") && !options->contains("service"))
    if (const auto address = server_address(conninfo); address && !address->database.empty())
      options->emplace("dbname", address->database);
  std::erase_if(*options, [](const auto& option) { return !is_place(option.first); });
  return to_conninfo(*options);
}

std::string with_credentials_of(const std::string& credentials, const std::string& address) {
  auto options = connection_options(credentials);
  const auto place = connection_options(address);
  if (!options || !place) return address;
  // A service may be where the user is written; what follows takes precedence over its host and database.
  std::erase_if(*options,
                [](const auto& option) { return is_place(option.first) && option.first != "service"; });
  for (const auto& [keyword, value] : *place)
    if (is_place(keyword)) (*options)[keyword] = value;
  // A directory of a version that stored whole connection strings may leave the database to the user's name.
  if (!place->contains("dbname") && !place->contains("service") && place->contains("user"))
    (*options)["dbname"] = place->at("user");
  return to_conninfo(*options);
}

}  // namespace shardplex
