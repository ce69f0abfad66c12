#include "router/execution/gather_sum.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "postgres/result_rows.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/until_routed.hpp"

namespace shardplex::router {
namespace {

Attempt<std::int64_t> number_of(const ResultSets& answer, const NumberOf& read, const View& view,
                                ShardId shard) {
  if (const auto number = read(answer.front())) return *number;
  return failed_attempt(postgres::unexpected_answer("a count that is no number"), view, shard);
}

}  // namespace

std::optional<std::int64_t> only_number(const postgres::ResultSet& answer) {
  return answer.integer(0, 0);
}

Awaitable<Result<std::int64_t>> gather_sum(RequestContext& context,
                                           const std::optional<CandidateSlots>& where,
                                           std::function<Statement(const ReadPlan::ForShard&)> statement,
                                           NumberOf number) {
  const auto try_once = [&](ViewPtr view) -> Awaitable<Attempt<std::int64_t>> {
    const auto query_server = [&](ShardId shard, std::size_t server, const ReadPlan::ForShard& part) {
      std::vector<Statement> statements;
      statements.push_back(statement(part));
      context.apply_settings(statements.back());
      return view->shards[shard.value].servers[server].pool->execute(
          postgres::Lane::read, std::move(statements), context.deadline, context.client);
    };
    if (!where) {
      const auto answer = co_await on_any_shard<ResultSets>(
          context, *view,
          [&](ShardId shard, std::size_t server) { return query_server(shard, server, for_reference()); });
      if (!answer) co_return answer.error();
      co_return number_of(*answer, number, *view, ShardId{0});
    }
    const auto targets = read_targets(context, *view, *where);
    if (!targets) co_return targets.error();
    std::vector<ReadPlan::ForShard> parts;
    for (const auto& target : *targets) parts.push_back(for_target(target, targets->size() == 1));
    const auto answers = co_await on_targets<ResultSets>(context, *view, *targets, parts, query_server);
    if (!answers) co_return answers.error();
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < answers->size(); ++i) {
      const auto each = number_of((*answers)[i], number, *view, (*targets)[i].shard);
      if (!each) co_return each.error();
      sum += std::min(*each, std::numeric_limits<std::int64_t>::max() - sum);
    }
    co_return sum;
  };
  auto sum = co_await until_routed<std::int64_t>(context, try_once);
  sort_asked(context);
  co_return sum;
}

}  // namespace shardplex::router
