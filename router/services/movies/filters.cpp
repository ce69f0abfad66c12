#include "router/services/movies/filters.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/execution/time_zones.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex::router {
namespace {

Error no_such_table(const std::string& table, const Catalogue& catalogue) {
  std::vector<std::string> served;
  for (const auto& [name, definition] : catalogue.tables) served.push_back(name);
  auto hint = nearest(table, served);
  if (hint) hint = "Perhaps you meant the table 'public." + *hint + "'";
  return {"PGRST205", "Could not find the table 'public." + table + "' in the schema cache", std::nullopt,
          std::move(hint), std::nullopt};
}

/// Looks the table up, in the catalogue and in the list of those that are not served.
Result<void> look_up_table(TableRequest& request, const std::string& name) {
  const auto& snapshot = *request.context.planned_with->snapshot;
  request.placement = snapshot.map->find_table(name);
  if (request.placement == nullptr) return no_such_table(name, *snapshot.catalogue);
  request.table = snapshot.catalogue->find(name);
  if (request.table != nullptr) return {};
  const auto reason = snapshot.catalogue->refused.find(name);
  if (reason == snapshot.catalogue->refused.end()) return no_such_table(name, *snapshot.catalogue);
  return refused_table(name, reason->second);
}

/// /table/{key} is /table?<primary key>=eq.{key}.
Result<void> add_key_filter(TableRequest& request, const std::string& key) {
  const auto& primary_key = request.table->primary_key;
  if (primary_key.size() != 1)
    return Error{"PGRST125", "Table " + request.table->name + " has no single-column key to name a row by",
                 std::nullopt, "Filter on the columns of its primary key instead.", 404};
  Condition condition;
  condition.field.column = primary_key.front();
  condition.value = key;
  request.query.filters.push_back({std::move(condition)});
  return {};
}

/// All lines of a field whose value is a list, as one list (RFC 9110, section 5.3).
template <class Name>
std::string list_field(const Request& request, Name name) {
  const auto lines = request.equal_range(name);
  std::string list;
  for (auto line = lines.first; line != lines.second; ++line) {
    if (!list.empty()) list += ',';
    list.append(line->value().data(), line->value().size());
  }
  return list;
}

/// Only a server knows which time zones there are.
Awaitable<Result<Answer>> take_time_zone(TableRequest& request, PreferHeader read, Next<TableRequest> next) {
  const auto known = co_await is_time_zone(request.context, *read.preferences.timezone);
  if (!known) co_return known.error();
  if (!*known) read = without_time_zone(std::move(read));
  auto parsed = served_preferences(std::move(read));
  if (!parsed) co_return parsed.error();
  request.prefer = std::move(*parsed);
  request.context.time_zone = request.prefer.timezone;
  co_return co_await next(request);
}

}  // namespace

Awaitable<Result<Answer>> require_catalogue(TableRequest& request, Next<TableRequest> next) {
  const auto& view = request.context.planned_with;
  if (view && view->snapshot->catalogue) return next(request);
  return refuse({"SHARD503", "The router has not reached any shard yet", std::nullopt,
                 "GET /ready on the admin port says which is missing.", std::nullopt});
}

Awaitable<Result<Answer>> find_table(TableRequest& request, Next<TableRequest> next) {
  if (auto found = look_up_table(request, request.path["table"]); !found) return refuse(found.error());
  return next(request);
}

Awaitable<Result<Answer>> read_query(TableRequest& request, Next<TableRequest> next) {
  const auto text = split_target(request.call.target()).query;
  const auto method = request.call.request.method();
  const bool has_pages = !request.is_row && (method == http::verb::get || method == http::verb::head);
  auto query = parse_query(request.path["table"], text, request.context.worker.settings().limits.parse,
                           has_pages ? Cursors::served : Cursors::refused);
  if (!query) return refuse(query.error());
  request.query = std::move(*query);
  if (request.is_row)
    if (auto added = add_key_filter(request, request.path["key"]); !added) return refuse(added.error());
  return next(request);
}

Awaitable<Result<Answer>> check_schema(TableRequest& request, Next<TableRequest> next) {
  for (const auto* field : {"Accept-Profile", "Content-Profile"})
    if (const auto profile = request.call.request.find(field);
        profile != request.call.request.end() && profile->value() != "public")
      return refuse({"PGRST106", "The schema must be one of the following: public", std::nullopt,
                     std::nullopt, std::nullopt});
  return next(request);
}

Awaitable<Result<Answer>> read_preferences(TableRequest& request, Next<TableRequest> next) {
  const auto preferences = list_field(request.call.request, "Prefer");
  if (preferences.empty()) return next(request);
  auto read = read_prefer(preferences);
  if (read.preferences.timezone && !read.not_served) return take_time_zone(request, std::move(read), next);
  auto parsed = served_preferences(std::move(read));
  if (!parsed) return refuse(parsed.error());
  request.prefer = std::move(*parsed);
  return next(request);
}

Awaitable<Result<Answer>> read_shape(TableRequest& request, Next<TableRequest> next) {
  const auto accept = list_field(request.call.request, http::field::accept);
  if (accept.empty()) return next(request);
  const auto shape = parse_accept(accept);
  if (!shape) return refuse(shape.error());
  request.shape = *shape;
  return next(request);
}

Awaitable<Result<Answer>> read_consistency(TableRequest& request, Next<TableRequest> next) {
  if (const auto consistency = request.call.request.find("Shardplex-Consistency");
      consistency != request.call.request.end()) {
    if (consistency->value() != "strong")
      return refuse({"SHARD400", "Unknown Shardplex-Consistency", "The value is not 'strong'.",
                     "Send 'strong' to read from primaries, or leave the header out.", std::nullopt});
    request.context.consistency = Consistency::strong;
  }
  request.context.stage_done(request.context.parse_us);
  return next(request);
}

}  // namespace shardplex::router
