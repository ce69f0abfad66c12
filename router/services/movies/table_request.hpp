// A request on a table: what every filter and endpoint is given.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/routed_table.hpp"
#include "query/grammar/accept.hpp"
#include "query/grammar/parse.hpp"
#include "query/grammar/query.hpp"
#include "router/execution/request_context.hpp"
#include "router/http/answer.hpp"
#include "router/http/call.hpp"
#include "router/http/path_pattern.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// Filters fill it in before the endpoint sees it. Pointers are into context.planned_with.
struct TableRequest {
  Call& call;
  RequestContext& context;
  std::string_view pattern;    ///< of the endpoint table
  const PathParameters& path;  ///< {table}, and {key} where is_row
  bool is_row = false;         ///< /{table}/{key}: an absent row is 404, a present one an object
  const ExposedSchema* schema = nullptr;
  const Table* table = nullptr;
  const TablePlacement* placement = nullptr;
  Query query = {};  ///< for the row routes, with the filter on the key already in it
  Preferences prefer = {};
  Shape shape = Shape::array;
  std::optional<PlanAsked> plan_asked = std::nullopt;  ///< the answer is the plan of one of this shape
  std::vector<std::string> arguments = {};  ///< names of those that the URL gives to a function that is there
  bool is_planned = false;                  ///< whatever the request names is there
  std::string value_type = {};              ///< of a call: value_media()

  RoutedTable routed() const { return {*table, *placement, map()}; }
  const ShardMap& map() const { return *schema->map; }
  const Catalogue& catalogue() const { return *schema->catalogue; }
};

/// GET and HEAD.
Awaitable<Result<Answer>> read_rows(TableRequest& request);
/// POST, PATCH, PUT, DELETE.
Awaitable<Result<Answer>> insert_rows(TableRequest& request);
Awaitable<Result<Answer>> update_rows(TableRequest& request);
Awaitable<Result<Answer>> put_row(TableRequest& request);
Awaitable<Result<Answer>> delete_rows(TableRequest& request);
/// GET and HEAD of what has no table: the document about all of them, in OpenAPI 2.0 on / as by PostgREST,
/// in 3.1 on any other path.
Awaitable<Result<Answer>> describe_api(TableRequest& request);
/// GET, HEAD and POST of a function, which is {function} of the path; there is no table.
Awaitable<Result<Answer>> call_function(TableRequest& request);

}  // namespace shardplex::router
