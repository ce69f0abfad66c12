#include "router/execution/written_rows.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "query/engine/concatenate.hpp"
#include "router/execution/gather_rows.hpp"
#include "router/execution/joined_rows.hpp"
#include "router/execution/look_up.hpp"
#include "router/execution/row_values.hpp"
#include "router/execution/shard_rows.hpp"

namespace shardplex::router {
namespace {

Error other_than_planned() {
  return {"SHARD503", "A shard's answer cannot be understood", "Its tables are being changed.",
          "Try again shortly.", std::nullopt};
}

Error too_large_to_show(std::size_t most_bytes) {
  return {"SHARD400", "The answer is too large", "The limit is " + std::to_string(most_bytes) + " bytes.",
          "Ask for fewer rows and columns of other tables.", std::nullopt};
}

/// The first columns are the plan's; others may follow.
bool are_as_planned(const postgres::ResultSet& rows, const ReadPlan& scan) {
  return static_cast<std::size_t>(rows.columns()) >= scan.result_columns() && suits(rows, scan.row);
}

}  // namespace

Awaitable<Result<void>> check_lookups(RequestContext& context, const NodeRead& read) {
  std::set<const Lookup*> asked;
  BatchLookups lookups(context, asked);
  co_return co_await lookups.check_unasked(read.lookups);
}

Awaitable<Result<CompletedRows>> complete_rows(RequestContext& request, const NodeRead& read,
                                               SharedRows rows) {
  CompletedRows out;
  out.memory = Reservation(request.worker.memory());
  if (rows->rows() == 0) co_return out;
  if (!are_as_planned(*rows, read.scan)) co_return other_than_planned();
  RequestContext context = request;
  // What was waited for before the write is not the time that a shard has now.
  context.served_by.reset();
  context.asked_again = 0;
  std::vector<ShardRows> sources;
  sources.emplace_back(std::move(rows), std::nullopt);
  GatheredRows written(read.scan, std::make_unique<Concatenate>(std::size_t{1}), std::move(sources),
                       std::nullopt, context.deadline, context.worker.memory());
  JoinedRows joined(std::move(written), read.join, std::make_shared<const std::vector<Lookup>>(read.lookups),
                    context);
  const std::size_t most_bytes = context.worker.settings().pool.connection.answer_bytes;
  std::size_t bytes = 0;
  for (;;) {
    auto row = co_await joined.next();
    if (!row) co_return row.error();
    if (!*row) break;
    bytes += (*row)->json.size();
    if (most_bytes > 0 && bytes > most_bytes) co_return too_large_to_show(most_bytes);
    if (bytes > out.memory.bytes() && !out.memory.resize(bytes + bytes / 4))
      co_return postgres::out_of_memory();
    out.texts.push_back(std::move((*row)->json));
  }
  request.asked = std::move(context.asked);
  co_return out;
}

}  // namespace shardplex::router
