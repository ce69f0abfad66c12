#include "operations/cluster/statements.hpp"

#include <algorithm>
#include <exception>
#include <pqxx/pqxx>
#include <utility>

#include "operations/process/failure.hpp"
#include "operations/shard/primary.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

constexpr const char* extension_schema_sql =
    "SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = "
    "e.extnamespace "
    "WHERE e.extname = 'pg_stat_statements'";

/// Behind "FROM schema.". What is no statement on rows has its values in its text, such as passwords.
constexpr const char* rows_of_statements_sql = R"sql(pg_stat_statements s
WHERE s.toplevel AND s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
  AND s.query ~* '^(\s|\(|/\*[^*]*\*/)*(select|insert|update|delete|merge|with)\M'
GROUP BY s.query)sql";

constexpr const char* hidden_sql = R"sql(pg_stat_statements s
WHERE s.query = '<insufficient privilege>'
  AND s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()))sql";

/// Throws pqxx exceptions.
void read_statements(pqxx::transaction_base& transaction, const std::string& schema, ShardStatements& out) {
  const auto from = " FROM " + transaction.quote_name(schema) + '.';
  const auto rows = transaction.exec(
      "SELECT s.query, sum(s.calls)::bigint, sum(s.rows)::bigint, sum(s.total_exec_time)::float8" + from +
      rows_of_statements_sql);
  for (const auto& row : rows)
    out.statements[row[0].as<std::string>()] = {row[1].as<std::uint64_t>(), row[2].as<std::uint64_t>(),
                                                row[3].as<double>()};
  const auto hidden = transaction.exec1("SELECT count(*)" + from + hidden_sql)[0].as<std::uint64_t>();
  if (hidden > 0)
    out.problems.push_back("statements of other roles are hidden from this one: grant it pg_read_all_stats");
}

struct StatementsTold {
  std::optional<ShardStatements> statements;
  std::string problem;  ///< why there are none
};

StatementsTold ask_for_statements(pqxx::connection& connection) try {
  pqxx::read_transaction transaction(connection);
  const auto schema = transaction.exec(extension_schema_sql);
  if (schema.empty())
    return {std::nullopt,
            "the extension pg_stat_statements is not installed: put it in shared_preload_libraries, restart "
            "the servers, and run CREATE EXTENSION pg_stat_statements"};
  ShardStatements out;
  read_statements(transaction, schema[0][0].as<std::string>(), out);
  return {std::move(out), {}};
} catch (const std::exception& error) {
  return {std::nullopt, reason_of(error)};
}

}  // namespace

StatementCost SharedStatement::sum() const {
  StatementCost all;
  for (const auto& cost : shards) {
    all.calls += cost.calls;
    all.rows += cost.rows;
    all.milliseconds += cost.milliseconds;
  }
  return all;
}

StatementSkew skew_of(const SharedStatement& statement, const std::vector<bool>& known) {
  const double all = statement.sum().milliseconds;
  const auto shards = std::count(known.begin(), known.end(), true);
  if (!(all > 0)) return {};
  const auto busiest = std::ranges::max_element(statement.shards, {}, &StatementCost::milliseconds);
  return {busiest->milliseconds * static_cast<double>(shards) / all,
          static_cast<std::size_t>(busiest - statement.shards.begin())};
}

std::vector<SharedStatement> shared_statements(const std::vector<std::optional<ShardStatements>>& shards) {
  std::map<std::string, SharedStatement> by_text;
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    if (!shards[shard]) continue;
    for (const auto& [text, cost] : shards[shard]->statements) {
      auto& statement = by_text[text];
      statement.shards.resize(shards.size());
      statement.shards[shard] = cost;
    }
  }
  std::vector<SharedStatement> all;
  for (auto& [text, statement] : by_text) {
    statement.text = text;
    all.push_back(std::move(statement));
  }
  return all;
}

StatementSurvey survey_statements(const ShardMap& map) {
  const auto primaries = find_primaries_there(map);
  const auto told = in_parallel(primaries.size(), [&](std::size_t shard) {
    const auto& found = primaries[shard].found;
    return found ? ask_for_statements(*found->connection) : StatementsTold{};
  });
  StatementSurvey survey;
  std::vector<std::optional<ShardStatements>> shards;
  for (std::size_t shard = 0; shard < told.size(); ++shard) {
    const auto& name = map.shards()[shard].name;
    if (!primaries[shard].found) survey.problems.push_back(primaries[shard].problem);
    if (!told[shard].problem.empty()) survey.problems.push_back(name + ": " + told[shard].problem);
    if (told[shard].statements)
      for (const auto& problem : told[shard].statements->problems)
        survey.problems.push_back(name + ": " + problem);
    survey.known.push_back(told[shard].statements.has_value());
    shards.push_back(told[shard].statements);
  }
  if (std::ranges::none_of(primaries, [](const auto& primary) { return primary.found.has_value(); }))
    throw CommandFailed(std::move(survey.problems));
  survey.statements = shared_statements(shards);
  return survey;
}

}  // namespace shardplex::operations
