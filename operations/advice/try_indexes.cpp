#include "operations/advice/try_indexes.hpp"

#include <boost/json.hpp>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <utility>

#include "operations/cluster/ask_router.hpp"
#include "operations/process/failure.hpp"
#include "query/advice/shape_request.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* hypopg_schema_sql =
    "SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = "
    "e.extnamespace WHERE e.extname = 'hypopg'";

/// A shard that has the extension.
struct HypoSite {
  std::string shard;
  pqxx::connection* connection = nullptr;
  std::string schema;  ///< the extension's
};

std::optional<HypoSite> find_hypopg(const ShardMap& map, ClusterSurvey& cluster) {
  for (std::size_t shard = 0; shard < cluster.connections.size(); ++shard) {
    if (!cluster.connections[shard]) continue;
    try {
      pqxx::read_transaction transaction(*cluster.connections[shard]);
      const auto found = transaction.exec(hypopg_schema_sql);
      if (!found.empty())
        return HypoSite{map.shards()[shard].name, cluster.connections[shard].get(),
                        found[0][0].as<std::string>()};
    } catch (const std::exception&) {
      continue;  // the shard has gone since; what is asked next is another's
    }
  }
  return std::nullopt;
}

/// A statement that a router would send.
struct RouterStatement {
  std::string sql;
  std::size_t parameters = 0;
};

/// The first statement of the pattern's plan; throws std::runtime_error with the reason.
RouterStatement ask_for_statement(const std::string& router, const std::string& target,
                                  const std::string& schema) {
  std::vector<std::pair<std::string, std::string>> fields;
  if (!schema.empty()) fields.emplace_back("Accept-Profile", schema);
  const auto reply = ask_router(router, "/plan" + target, fields);
  if (reply.status != 200)
    throw std::runtime_error("GET /plan" + target + ": status " + std::to_string(reply.status));
  const auto plan = boost::json::parse(reply.body);
  const auto& statements = plan.at("statements").as_array();
  if (statements.empty()) throw std::runtime_error("GET /plan" + target + ": no statement");
  const auto& statement = statements.front();
  const auto& sql = statement.at("sql").as_string();
  return {std::string(sql.data(), sql.size()), statement.at("parameters").as_array().size()};
}

/// The total cost of the statement's generic plan, in the planner's units.
double planned_cost(pqxx::transaction_base& transaction, const RouterStatement& statement) {
  // With parameters PostgreSQL takes one statement and no more, whatever the router says.
  transaction.exec_params("PREPARE shardplex_advised AS " + statement.sql);
  std::string values;
  for (std::size_t i = 0; i < statement.parameters; ++i) values += i == 0 ? "NULL" : ", NULL";
  const auto rows = transaction.exec("EXPLAIN (FORMAT JSON) EXECUTE shardplex_advised" +
                                     (values.empty() ? "" : " (" + values + ")"));
  const auto plan = boost::json::parse(rows[0][0].as<std::string>());
  transaction.exec("DEALLOCATE shardplex_advised");
  return plan.as_array().at(0).at("Plan").at("Total Cost").to_number<double>();
}

void compare_costs(const HypoSite& site, const std::string& index_on, const RouterStatement& statement,
                   TriedIndex& out) {
  pqxx::read_transaction transaction(*site.connection);
  transaction.exec(
      "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL lock_timeout = '2s'; SET LOCAL "
      "statement_timeout = '10s'");
  const auto schema = transaction.quote_name(site.schema);
  // What an attempt that failed has left: neither goes with its transaction.
  transaction.exec("DEALLOCATE ALL");
  transaction.exec("SELECT " + schema + ".hypopg_reset()");
  out.without = planned_cost(transaction, statement);
  transaction.exec_params("SELECT " + schema + ".hypopg_create_index($1)", "CREATE INDEX ON " + index_on);
  out.with = planned_cost(transaction, statement);
  transaction.exec("SELECT " + schema + ".hypopg_reset()");
}

TriedIndex try_index(const HypoSite& site, const WishedIndex& wish, const std::vector<std::string>& routers) {
  TriedIndex tried;
  tried.shard = site.shard;
  tried.problem = "none of the patterns can be filled with values";
  for (const auto* pattern : wish.patterns) {
    const auto target = sample_target(pattern->pattern->text, *pattern->columns);
    if (!target) continue;
    for (const auto& router : routers) try {
        const auto statement = ask_for_statement(router, *target, pattern->request.schema);
        compare_costs(site, wish.on(), statement, tried);
        tried.statement = pattern->pattern->text;
        tried.problem.clear();
        return tried;
      } catch (const std::exception& error) {
        tried.problem = reason_of(error);
      }
  }
  return tried;
}

}  // namespace

std::vector<std::optional<TriedIndex>> try_indexes(const ShardMap& map, ClusterSurvey& cluster,
                                                   const std::vector<WishedIndex>& wished,
                                                   const std::vector<std::string>& routers) {
  std::vector<std::optional<TriedIndex>> tried(wished.size());
  if (wished.empty() || routers.empty()) return tried;
  const auto site = find_hypopg(map, cluster);
  if (!site) return tried;
  for (std::size_t i = 0; i < wished.size(); ++i) tried[i] = try_index(*site, wished[i], routers);
  return tried;
}

}  // namespace shardplex::operations
