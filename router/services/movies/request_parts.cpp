#include "router/services/movies/request_parts.hpp"

#include <utility>
#include <variant>
#include <vector>

#include "query/plan/feature_rows.hpp"
#include "query/resolve/read_tree.hpp"
#include "shard_map/joined.hpp"
#include "shard_map/suggestion.hpp"
#include "shard_map/utf8.hpp"

namespace shardplex::router {
namespace {

Error no_such_table(const std::string& table, const ExposedSchema& schema) {
  std::vector<std::string> served;
  for (const auto& [name, definition] : schema.catalogue->tables) served.push_back(name);
  auto hint = nearest(table, served);
  if (hint) hint = "Perhaps you meant the table '" + schema.name + '.' + *hint + '\'';
  return {"PGRST205", "Could not find the table '" + schema.name + '.' + table + "' in the schema cache",
          std::nullopt, std::move(hint), std::nullopt};
}

/// What names the request's schema. A request that reads has no content that a profile could be of.
std::string_view profile_field(const Request& request) {
  switch (request.method()) {
    case http::verb::post:
    case http::verb::patch:
    case http::verb::put:
    case http::verb::delete_:
      return "Content-Profile";
    default:
      return "Accept-Profile";
  }
}

Error no_such_schema(const std::string& name, const Snapshot& snapshot) {
  const std::string shown = is_utf8(name) ? name : "(not UTF-8)";
  return {"PGRST106", "Invalid schema: " + shown, std::nullopt,
          "Only the following schemas are exposed: " +
              joined(snapshot.schemas, [](const ExposedSchema& schema) { return schema.name; }),
          std::nullopt};
}

}  // namespace

Result<void> check_catalogue(const Snapshot* snapshot) {
  if (snapshot != nullptr && snapshot->catalogue) return {};
  return Error{"SHARD503", "The router has not reached any shard yet", std::nullopt,
               "GET /ready on the admin port says which is missing.", std::nullopt};
}

Result<const ExposedSchema*> schema_of(const Request& request, const Snapshot& snapshot) {
  const auto profile_name = profile_field(request);
  const auto profile = request.find({profile_name.data(), profile_name.size()});
  if (profile == request.end()) return &snapshot.schemas.front();
  const std::string name(profile->value().data(), profile->value().size());
  const ExposedSchema* schema = find_schema(snapshot, name);
  if (schema == nullptr) return no_such_schema(name, snapshot);
  return schema;
}

bool tells_schema(const Request& request, const Snapshot& snapshot) {
  const auto profile_name = profile_field(request);
  return snapshot.schemas.size() > 1 ||
         request.find({profile_name.data(), profile_name.size()}) != request.end();
}

Result<FoundTable> look_up_table(const ExposedSchema& schema, const std::string& name) {
  FoundTable found{nullptr, schema.map->find_placement(name)};
  if (found.placement == nullptr) return no_such_table(name, schema);
  found.table = schema.catalogue->find(name);
  if (found.table != nullptr) return found;
  const auto reason = schema.catalogue->refused.find(name);
  if (reason == schema.catalogue->refused.end()) return no_such_table(name, schema);
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

Result<Preferences> preferences_of(const Request& request) {
  const auto preferences = list_field(request, "Prefer");
  return preferences.empty() ? Result<Preferences>(Preferences{}) : parse_prefer(preferences);
}

Result<void> check_partial(Preferences& preferences, const RoutedPlan& plan, bool is_whole) {
  const auto* read = std::get_if<RowsRead>(&plan);
  const bool can_be_partial = read != nullptr && read->can_lack_shards() && !is_whole;
  if (!preferences.partial || can_be_partial) return {};
  PreferHeader header;
  header.preferences = std::move(preferences);
  auto kept = served_preferences(without_partial(std::move(header)));
  if (!kept) return kept.error();
  preferences = std::move(*kept);
  return {};
}

Result<AcceptedAnswer> asked_answer(const Request& request, bool plans, const Table* table,
                                    std::string_view value_type) {
  return parse_accept(list_field(request, "Accept"), plans, table != nullptr && can_be_features(*table),
                      value_type);
}

Error only_plans_of_reads() {
  return {"SHARD400", "Plans are shown of reads of tables and views alone",
          "Those of writes and of calls of functions are not served by this release.",
          "Ask for the plan of a GET of the rows that it is about.", std::nullopt};
}

Result<void> check_shape(Shape shape, const Query& query, const Table& table) {
  if (shape != Shape::features) return {};
  return check_features(query, table);
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

Result<RoutedPlan> plan_of_read(const Query& query, const RoutedTable& routed, CountKind count,
                                RowFormat format, const ExposedSchema& schema, const Settings& settings) {
  const auto& catalogue = *schema.catalogue;
  const auto tree = resolve(query, routed.table(), catalogue, *schema.relations);
  if (!tree) return tree.error();
  return plan_routed_read(*tree, query, routed, count,
                          {catalogue.bytewise_default_collation, settings.limits.rows, settings.aggregates,
                           catalogue.one_default_collation, format});
}

}  // namespace shardplex::router
