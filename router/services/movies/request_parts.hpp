// What a request on a table says, part by part, and what it would be planned as: what requests that are
// carried out and those that are only explained have in common. Without I/O.
#pragma once

#include <string>
#include <string_view>

#include "query/engine/row_format.hpp"
#include "query/grammar/accept.hpp"
#include "query/grammar/preferences.hpp"
#include "query/plan/routed_plan.hpp"
#include "router/http/call.hpp"
#include "router/settings.hpp"
#include "router/topology/snapshot.hpp"

namespace shardplex::router {

/// A table that is served. Lifetime: refers to the schema's map and catalogue.
struct FoundTable {
  const Table* table;
  const TablePlacement* placement;
};

/// SHARD503 until a catalogue is known. `snapshot`: null before any shard has been looked at.
Result<void> check_catalogue(const Snapshot* snapshot);
/// The schema that the request names, in Accept-Profile where it reads and in Content-Profile where it
/// writes, or else the first one. PGRST106 where it is not exposed. Precondition: check_catalogue().
/// Lifetime: the snapshot's.
Result<const ExposedSchema*> schema_of(const Request& request, const Snapshot& snapshot);
/// Whether answers say which schema they are of: where there are several, or the request has named it.
bool tells_schema(const Request& request, const Snapshot& snapshot);
/// 404 where there is no such table, 503 where it is not served. Precondition: check_catalogue().
Result<FoundTable> look_up_table(const ExposedSchema& schema, const std::string& name);
/// /table/{key} is /table?<primary key>=eq.{key}. 404 where the table has no such key.
Result<void> add_key_filter(Query& query, const Table& table, const std::string& key);

/// All lines of a field whose value is a list, as one list (RFC 9110, section 5.3); "" where there is none.
std::string list_field(const Request& request, std::string_view name);
/// Prefer.
Result<Preferences> preferences_of(const Request& request);
/// partial=allow is an unknown preference of a read that is no answer where a shard is missing, such as of
/// one row: PGRST122 under handling=strict. `is_whole`: it is such a read, whatever the plan is.
Result<void> check_partial(Preferences& preferences, const RoutedPlan& plan, bool is_whole);
/// Accept. `plans`: they are served. `table`: nullptr where the answer is not of one. `value_type`: as
/// parse_accept().
Result<AcceptedAnswer> asked_answer(const Request& request, bool plans, const Table* table,
                                    std::string_view value_type = {});
/// What a request is told that asks for the plan of anything but a read of tables and views.
Error only_plans_of_reads();
/// What of the query cannot be answered in this shape, before it is planned.
Result<void> check_shape(Shape shape, const Query& query, const Table& table);
/// Shardplex-Consistency: whether it is strong.
Result<bool> asks_for_strong_reads(const Request& request);
/// Range, which is for GET alone (RFC 9110, section 14.2), and not for rows by their key.
Result<void> apply_range(Query& query, const Request& request, bool is_row);

/// The plan of a read. Lifetime: refers to the schema's map.
Result<RoutedPlan> plan_of_read(const Query& query, const RoutedTable& routed, CountKind count,
                                RowFormat format, const ExposedSchema& schema, const Settings& settings);

}  // namespace shardplex::router
