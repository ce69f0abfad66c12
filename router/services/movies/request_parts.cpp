#include "router/services/movies/request_parts.hpp"

#include <utility>
#include <vector>

#include "query/resolve/read_tree.hpp"
#include "router/services/movies/rows_body.hpp"
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

}  // namespace

Result<void> check_catalogue(const Snapshot* snapshot) {
  if (snapshot != nullptr && snapshot->catalogue) return {};
  return Error{"SHARD503", "The router has not reached any shard yet", std::nullopt,
               "GET /ready on the admin port says which is missing.", std::nullopt};
}

Result<FoundTable> look_up_table(const Snapshot& snapshot, const std::string& name) {
  FoundTable found{nullptr, snapshot.map->find_table(name)};
  if (found.placement == nullptr) found.placement = snapshot.map->find_view(name);
  if (found.placement == nullptr) return no_such_table(name, *snapshot.catalogue);
  found.table = snapshot.catalogue->find(name);
  if (found.table != nullptr) return found;
  const auto reason = snapshot.catalogue->refused.find(name);
  if (reason == snapshot.catalogue->refused.end()) return no_such_table(name, *snapshot.catalogue);
  return refused_table(name, reason->second);
}

Result<void> add_key_filter(Query& query, const Table& table, const std::string& key) {
  const auto& primary_key = table.primary_key;
  if (primary_key.size() != 1)
    return Error{"PGRST125", "Table " + table.name + " has no single-column key to name a row by",
                 std::nullopt,
                 primary_key.empty() ? "Filter on its columns instead."
                                     : "Filter on the columns of its primary key instead.",
                 404};
  Condition condition;
  condition.field.column = primary_key.front();
  condition.value = key;
  query.filters.push_back({std::move(condition)});
  return {};
}

std::string list_field(const Request& request, std::string_view name) {
  const auto lines = request.equal_range({name.data(), name.size()});
  std::string list;
  for (auto line = lines.first; line != lines.second; ++line) {
    if (!list.empty()) list += ',';
    list.append(line->value().data(), line->value().size());
  }
  return list;
}

Result<void> check_profiles(const Request& request) {
  for (const auto* field : {"Accept-Profile", "Content-Profile"})
    if (const auto profile = request.find(field); profile != request.end() && profile->value() != "public")
      return Error{"PGRST106", "The schema must be one of the following: public", std::nullopt, std::nullopt,
                   std::nullopt};
  return {};
}

Result<Preferences> preferences_of(const Request& request) {
  const auto preferences = list_field(request, "Prefer");
  return preferences.empty() ? Result<Preferences>(Preferences{}) : parse_prefer(preferences);
}

Result<AcceptedAnswer> asked_answer(const Request& request, bool plans) {
  return parse_accept(list_field(request, "Accept"), plans);
}

Result<bool> asks_for_strong_reads(const Request& request) {
  const auto consistency = request.find("Shardplex-Consistency");
  if (consistency == request.end()) return false;
  if (consistency->value() == "strong") return true;
  return Error{"SHARD400", "Unknown Shardplex-Consistency", "The value is not 'strong'.",
               "Send 'strong' to read from primaries, or leave the header out.", std::nullopt};
}

Result<void> apply_range(Query& query, const Request& request, bool is_row) {
  const auto range = request.find(http::field::range);
  if (is_row || request.method() != http::verb::get || range == request.end()) return {};
  return apply_range_header(query, std::string_view(range->value().data(), range->value().size()));
}

Result<RoutedPlan> plan_of_read(const Query& query, const RoutedTable& routed, CountKind count, Shape shape,
                                const Snapshot& snapshot, const Settings& settings) {
  const auto& catalogue = *snapshot.catalogue;
  const auto tree = resolve(query, routed.table(), catalogue, *snapshot.relations);
  if (!tree) return tree.error();
  return plan_routed_read(*tree, query, routed, count,
                          {catalogue.bytewise_default_collation, settings.limits.rows, settings.aggregates,
                           catalogue.one_default_collation, row_format(shape)});
}

}  // namespace shardplex::router
