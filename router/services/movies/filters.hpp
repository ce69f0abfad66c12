// What a request on a table passes before its endpoint, in this order: each reads one thing, or refuses the
// request.
#pragma once

#include "router/http/filter_chain.hpp"
#include "router/services/movies/table_request.hpp"

namespace shardplex::router {

/// 503 until a catalogue is known.
Awaitable<Result<Answer>> require_catalogue(TableRequest& request, Next<TableRequest> next);
/// Accept-Profile or Content-Profile. Functions and what else the statements call by its name alone is looked
/// for in the schema first, and in public then.
Awaitable<Result<Answer>> find_schema_of(TableRequest& request, Next<TableRequest> next);
/// The table or view: 404 where there is none, and where it is not served.
Awaitable<Result<Answer>> find_table(TableRequest& request, Next<TableRequest> next);
/// Refuses views: of changes.
Awaitable<Result<Answer>> require_stored_rows(TableRequest& request, Next<TableRequest> next);
/// The URL's parameters, and for the row routes the filter on the key.
Awaitable<Result<Answer>> read_query(TableRequest& request, Next<TableRequest> next);
/// Prefer.
Awaitable<Result<Answer>> read_preferences(TableRequest& request, Next<TableRequest> next);
/// Accept, of what has a table.
Awaitable<Result<Answer>> read_shape(TableRequest& request, Next<TableRequest> next);
/// Refuses what asks for a plan: of all but reads of tables and views.
Awaitable<Result<Answer>> refuse_plans(TableRequest& request, Next<TableRequest> next);
/// Shardplex-Consistency. The last one: the time until here is the parsing's.
Awaitable<Result<Answer>> read_consistency(TableRequest& request, Next<TableRequest> next);

}  // namespace shardplex::router
