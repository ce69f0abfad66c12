#include "router/services/movies/row_answers.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "router/execution/attempt.hpp"
#include "router/services/movies/rendering.hpp"
#include "router/services/movies/rows_body.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t stream_chunk_bytes = 64 * 1024;  // an answer longer than this streams
constexpr auto longest_gathered = std::chrono::seconds(1);

/// The body of an answer, in parts of about stream_chunk_bytes. Once it is being sent, rows that come slowly
/// go in smaller ones: so proxies see it move, and a client that has gone is noticed when they are sent.
class RowStream final : public BodyStream {
 public:
  /// `view` holds the pools whose connections the rows come by: of a server that leaves the map meanwhile the
  /// worker drops the pool as soon as nobody else holds it, and that closes its connections.
  /// `record`: of the request, which outlives its answer.
  RowStream(JoinedRows&& rows, RowsBody body, ViewPtr view, RequestRecord& record)
      : view_(std::move(view)), rows_(std::move(rows)), body_(std::move(body)), record_(record) {}

  Awaitable<Result<void>> next(std::string& part) override {
    if (ended_) co_return Result<void>{};
    if (Clock::now() >= rows_.deadline())
      co_return deadline_exceeded("The client has not taken the whole answer until then.");
    const bool is_sent = patience_ != Clock::duration::max();
    const auto sent_by = is_sent ? Clock::now() + longest_gathered : Clock::time_point::max();
    while (!ended_ && part.size() < stream_chunk_bytes) {
      if (is_sent && !part.empty() && Clock::now() >= sent_by) break;
      auto row = co_await rows_.next();
      if (!row) co_return row.error();
      ended_ = !*row;
      if (ended_)
        body_.end(part);
      else if (auto added = body_.add(part, (*row)->json); !added)
        co_return added;
    }
    record_.rows = body_.rows();
    record_.rows_read = rows_.rows_read();
    co_return Result<void>{};
  }

  Clock::time_point deadline() const override { return rows_.deadline(); }
  Clock::duration patience() const override { return patience_; }

  /// The answer begins to be sent; the request's handler ends, and its context with it.
  void detach(StreamTime time) {
    rows_.detach(time);
    patience_ = time.each;
  }
  bool ended() const { return ended_; }
  std::uint64_t rows() const { return body_.rows(); }  ///< so far

 private:
  ViewPtr view_;
  JoinedRows rows_;
  RowsBody body_;
  RequestRecord& record_;
  Clock::duration patience_ = Clock::duration::max();
  bool ended_ = false;
};

/// How many rows an answer will have; nullopt where they were not counted, as groups of rows are not.
std::optional<std::uint64_t> rows_to_come(const ReadPlan& plan, std::optional<std::int64_t> total) {
  if (!total || plan.groups) return std::nullopt;
  const auto all = static_cast<std::uint64_t>(*total);
  const auto rows = all - std::min(plan.offset, all);
  return plan.limit ? std::min(rows, *plan.limit) : rows;
}

}  // namespace

Awaitable<Result<Answer>> answer_all(TableRequest& request, const ReadPlan& plan, JoinedRows&& rows) {
  const auto total = rows.total();
  const bool is_rough = rows.total_is_rough();
  RowsBody body(body_shape(request), plan.row.header());
  auto stream = std::make_unique<RowStream>(std::move(rows), std::move(body), request.context.planned_with,
                                            request.call.record);
  Answer answer;
  if (const auto begun = co_await stream->next(answer.body); !begun) co_return begun.error();
  request.context.stage_done(request.context.merge_us);
  const auto known =
      stream->ended() ? std::optional(stream->rows()) : rows_to_come(plan, is_rough ? std::nullopt : total);
  if (!known && is_rough) answer.set("Content-Range", content_range(0, 0, total));
  if (known) answer.set("Content-Range", content_range(plan.offset, *known, total));
  if (known && total && *known < static_cast<std::uint64_t>(*total)) answer.status = 206;
  const bool counts_in_vain =
      request.prefer.count != CountKind::none && !request.context.partial.missing.empty();
  if (!known && counts_in_vain) answer.set("Content-Range", content_range(0, 0, std::nullopt));
  set_missing(answer, request);
  set_content_type(answer, request);
  set_preferences(answer, request, false);
  set_warning(answer, request);
  if (stream->ended()) co_return answer;
  stream->detach(stream_time(request.context.worker.settings()));
  answer.rest = std::move(stream);
  co_return answer;
}

Awaitable<Result<Answer>> answer_one(TableRequest& request, const ReadPlan& plan, JoinedRows&& rows) {
  const auto total = rows.total();
  std::string only;
  std::uint64_t count = 0;
  for (;; ++count) {
    auto row = co_await rows.next();
    if (!row) co_return row.error();
    if (!*row) break;
    if (count == 0) only = std::move((*row)->json);
  }
  request.context.stage_done(request.context.merge_us);
  request.call.record.rows = count == 1 ? 1 : 0;
  request.call.record.rows_read = rows.rows_read();
  if (count == 0 && request.is_row) co_return absent_row(request);
  if (count != 1) co_return not_one_row(count);
  Answer answer;
  if (auto added = set_row(answer, request, plan.row.header(), std::move(only)); !added)
    co_return added.error();
  set_preferences(answer, request, false);
  set_warning(answer, request);
  if (request.is_row) co_return answer;
  answer.set("Content-Range", content_range(request.query.offset, 1, total));
  if (total && *total > 1) answer.status = 206;
  co_return answer;
}

}  // namespace shardplex::router
