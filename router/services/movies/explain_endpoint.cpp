#include "router/services/movies/explain_endpoint.hpp"

#include <boost/json/serialize.hpp>
#include <utility>

#include "query/explain/explain.hpp"
#include "router/execution/time_zones.hpp"
#include "router/services/movies/request_parts.hpp"
#include "router/services/movies/rows_body.hpp"

namespace shardplex::router {
namespace {

/// What the filters of the public port read of a request, in their order.
struct ReadParts {
  Query query;
  Preferences prefer;
  Shape shape = Shape::array;
  bool strong = false;
};

Result<ReadParts> read_parts(const FoundTable& found, const Settings& settings, const Request& request,
                             const std::string* key, std::string_view text) {
  ReadParts parts;
  auto query = parse_query(found.table->name, text, settings.limits.parse);
  if (!query) return query.error();
  parts.query = std::move(*query);
  if (key != nullptr)
    if (auto added = add_key_filter(parts.query, *found.table, *key); !added) return added.error();
  auto prefer = preferences_of(request);
  if (!prefer) return prefer.error();
  parts.prefer = std::move(*prefer);
  const auto asked = asked_answer(request, settings.plans, found.table);
  if (!asked) return asked.error();
  if (auto checked = check_shape(asked->shape, parts.query, *found.table); !checked) return checked.error();
  parts.shape = asked->shape;
  const auto strong = asks_for_strong_reads(request);
  if (!strong) return strong.error();
  parts.strong = *strong;
  if (auto applied = apply_range(parts.query, request, key != nullptr); !applied) return applied.error();
  return parts;
}

}  // namespace

Result<Answer> explain_read(const Snapshot* snapshot, const Settings& settings, const Request& request,
                            const std::string& table, const std::string* key, std::string_view query) {
  if (auto known = check_catalogue(snapshot); !known) return known.error();
  const auto schema = schema_of(request, *snapshot);
  if (!schema) return schema.error();
  const auto found = look_up_table(**schema, table);
  if (!found) return found.error();
  auto parts = read_parts(*found, settings, request, key, query);
  if (!parts) return parts.error();
  const RoutedTable routed(*found->table, *found->placement, *(*schema)->map);
  const auto format = row_format(parts->shape, runs_in_utc(settings, parts->prefer.timezone));
  const auto plan = plan_of_read(parts->query, routed, parts->prefer.count, format, **schema, settings);
  if (!plan) return plan.error();
  const bool one_row = key != nullptr || is_object(parts->shape);
  if (auto checked = check_partial(parts->prefer, *plan, one_row); !checked) return checked.error();
  auto explained = explain({parts->query, routed, *plan, format}, *snapshot->ownership);
  if (!explained) return explained.error();
  (*explained)["asks"] = parts->strong ? "primaries" : "replicas that are not behind, else primaries";
  Answer answer;
  answer.body = boost::json::serialize(*explained) + "\n";
  return answer;
}

}  // namespace shardplex::router
