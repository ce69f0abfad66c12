// A request on a table: what every endpoint is given.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "query/catalogue/routed_table.hpp"
#include "query/grammar/parse.hpp"
#include "query/grammar/query.hpp"
#include "router/execution/request_context.hpp"
#include "router/http/exchange.hpp"

namespace shardplex::router {

/// Pointers are into context.planned_with.
struct TableRequest {
  Exchange& exchange;
  RequestContext& context;
  const Table* table;
  const TablePlacement* placement;
  Query query;  ///< for the row routes, with the filter on the key already in it
  Preferences prefer;
  Shape shape = Shape::array;
  bool is_row = false;  ///< /table/{key}: an absent row is 404, a present one an object

  RoutedTable routed() const { return {*table, *placement, map()}; }
  const ShardMap& map() const { return context.planned_with->map(); }
  const Catalogue& catalogue() const { return *context.planned_with->snapshot->catalogue; }
};

/// A filter is `eq` on every column of the primary key: whatever else is asked, there is at most one row on a
/// shard.
bool names_one_row(const TableRequest& request);

/// Sets Shardplex-Shards and Server-Timing. To be called before the answer begins.
void say_how_it_was_made(Exchange& exchange, const RequestContext& context);

/// GET and HEAD.
Awaitable<Result<void>> read_rows(TableRequest& request);
/// POST, PATCH, PUT, DELETE.
Awaitable<Result<void>> insert_rows(TableRequest& request);
Awaitable<Result<void>> update_rows(TableRequest& request);
Awaitable<Result<void>> put_row(TableRequest& request);
Awaitable<Result<void>> delete_rows(TableRequest& request);
/// What Allow lists: the methods of /table/{key}, or of /table.
std::string_view allowed_methods(bool is_row);
/// OPTIONS.
Awaitable<Result<void>> describe_methods(TableRequest& request);

}  // namespace shardplex::router
