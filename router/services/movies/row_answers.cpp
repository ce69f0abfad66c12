#include "router/services/movies/row_answers.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "router/execution/attempt.hpp"
#include "router/services/movies/rendering.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t stream_chunk_bytes = 64 * 1024;  // an answer longer than this streams

/// The rows of an array with its brackets, in parts of about stream_chunk_bytes.
class RowArray final : public BodyStream {
 public:
  /// `view` holds the pools whose connections the rows come by: of a server that leaves the map meanwhile the
  /// worker drops the pool as soon as nobody else holds it, and that closes its connections.
  RowArray(GatheredRows&& rows, ViewPtr view) : view_(std::move(view)), rows_(std::move(rows)) {}

  Awaitable<Result<void>> next(std::string& part) override {
    if (ended_) co_return Result<void>{};
    if (Clock::now() >= rows_.deadline())
      co_return deadline_exceeded("The client has not taken the whole answer until then.");
    if (count_ == 0) part += '[';
    while (part.size() < stream_chunk_bytes) {
      auto row = co_await rows_.next();
      if (!row) co_return row.error();
      if (!*row) {
        part += ']';
        ended_ = true;
        break;
      }
      if (count_++ > 0) part += row_separator;
      part += (*row)->json;
    }
    co_return Result<void>{};
  }

  Clock::time_point deadline() const override { return rows_.deadline(); }

  bool ended() const { return ended_; }
  std::uint64_t count() const { return count_; }  ///< of the rows so far

 private:
  ViewPtr view_;
  GatheredRows rows_;
  std::uint64_t count_ = 0;
  bool ended_ = false;
};

/// How many rows an answer will have; nullopt where they were not counted.
std::optional<std::uint64_t> rows_to_come(const ReadPlan& plan, std::optional<std::int64_t> total) {
  if (!total) return std::nullopt;
  const auto all = static_cast<std::uint64_t>(*total);
  const auto rows = all - std::min(plan.offset, all);
  return plan.limit ? std::min(rows, *plan.limit) : rows;
}

}  // namespace

Awaitable<Result<Answer>> answer_array(TableRequest& request, const ReadPlan& plan, GatheredRows&& rows) {
  const auto total = rows.total();
  auto array = std::make_unique<RowArray>(std::move(rows), request.context.planned_with);
  Answer answer;
  if (const auto begun = co_await array->next(answer.body); !begun) co_return begun.error();
  request.context.stage_done(request.context.merge_us);
  const auto known = array->ended() ? std::optional(array->count()) : rows_to_come(plan, total);
  if (known) answer.set("Content-Range", content_range(plan.offset, *known, total));
  if (known && total && *known < static_cast<std::uint64_t>(*total)) answer.status = 206;
  set_preferences(answer, request, false);
  if (!array->ended()) answer.rest = std::move(array);
  co_return answer;
}

Awaitable<Result<Answer>> answer_object(TableRequest& request, GatheredRows&& rows) {
  const auto total = rows.total();
  Answer answer;
  std::uint64_t count = 0;
  for (;; ++count) {
    auto row = co_await rows.next();
    if (!row) co_return row.error();
    if (!*row) break;
    if (count == 0) answer.body = std::move((*row)->json);
  }
  request.context.stage_done(request.context.merge_us);
  if (count == 0 && request.is_row) co_return absent_row(request);
  if (count != 1) co_return not_one_row(count);
  set_object_type(answer, request);
  set_preferences(answer, request, false);
  if (request.is_row) co_return answer;
  answer.set("Content-Range", content_range(request.query.offset, 1, total));
  if (total && *total > 1) answer.status = 206;
  co_return answer;
}

}  // namespace shardplex::router
