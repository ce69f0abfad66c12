#include "router/services/movies/cursor_pages.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "query/grammar/parse.hpp"
#include "router/execution/attempt.hpp"
#include "router/services/movies/rendering.hpp"
#include "router/services/movies/rows_body.hpp"

namespace shardplex::router {
namespace {

constexpr std::size_t part_of_page_bytes = 64 * 1024;

/// The body of a page whose rows are all here, in parts of about part_of_page_bytes.
class PageBody final : public BodyStream {
 public:
  PageBody(std::deque<Row> rows, RowsBody body, Reservation memory, StreamTime time)
      : rows_(std::move(rows)), body_(std::move(body)), memory_(std::move(memory)), time_(time) {}

  Awaitable<Result<void>> next(std::string& part) override {
    if (!ended_ && Clock::now() >= time_.end)
      co_return deadline_exceeded("The client has not taken the whole answer until then.");
    while (!ended_ && part.size() < part_of_page_bytes) {
      ended_ = rows_.empty();
      if (ended_) {
        body_.end(part);
      } else {
        auto added = body_.add(part, rows_.front().json);
        if (!added) co_return added;
        rows_.pop_front();
      }
    }
    co_return Result<void>{};
  }

  Clock::time_point deadline() const override { return time_.end; }
  Clock::duration patience() const override { return time_.each; }
  bool ended() const { return ended_; }

 private:
  std::deque<Row> rows_;
  RowsBody body_;
  Reservation memory_;
  StreamTime time_;
  bool ended_ = false;
};

bool may_stand_in_link(char c) {
  constexpr std::string_view marks = "-._~!$&'()*+,;=:@/?%[]";
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return is_letter || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
}

/// What is encoded already stays as it is.
std::string encoded_for_link(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (may_stand_in_link(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte / 16];
    out += digits[byte % 16];
  }
  return out;
}

bool is_cursor_parameter(std::string_view parameter) {
  return percent_decode(parameter.substr(0, parameter.find('=')), true) == "after";
}

Error too_long_for_cursor() {
  return cursor_refused(
      "The values that a row of this page sorts by are too long for a link to the page beside it",
      "Order by shorter values, or use limit and offset.");
}

/// `</movies?…>; rel="next"`; nothing where the rows' values are too long.
std::optional<std::string> link(const TableRequest& request, const Cursor& cursor,
                                std::string_view relation) {
  const auto text = encode_cursor(cursor);
  if (text.size() > longest_cursor) return std::nullopt;
  const auto target = target_at(request.call.target(), text);
  if (target.size() > request.context.worker.settings().limits.url_bytes) return std::nullopt;
  return '<' + target + ">; rel=\"" + std::string(relation) + '"';
}

Result<void> set_links(Answer& answer, const TableRequest& request, const RowsRead& read,
                       const std::deque<Row>& rows) {
  if (rows.empty()) return {};
  const CursorPlan& page = *read.page;
  const bool is_full = rows.size() == read.scan.limit;
  std::string links;
  const auto add = [&](const Row& row, bool before, std::string_view relation) {
    const auto made = link(request, page.cursor_of(row, before), relation);
    if (made) links += (links.empty() ? "" : ", ") + *made;
    return made.has_value();
  };
  if (page.turned || is_full)
    if (!add(rows.back(), false, "next")) return too_long_for_cursor();
  if (page.turned ? is_full : !page.is_first)
    if (!add(rows.front(), true, "prev")) return too_long_for_cursor();
  if (!links.empty()) answer.set("Link", links);
  return {};
}

}  // namespace

std::string target_at(std::string_view target, std::string_view cursor) {
  const auto [path, query] = split_target(target);
  std::string out = encoded_for_link(path) + '?';
  for (auto rest = query; !rest.empty();) {
    const auto parameter = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(parameter.size() + 1, rest.size()));
    if (parameter.empty() || is_cursor_parameter(parameter)) continue;
    out += encoded_for_link(parameter) + '&';
  }
  return out + "after=" + std::string(cursor);
}

Result<void> check_page_request(const TableRequest& request) {
  if (is_object(request.shape))
    return cursor_refused("One object was asked for, and a page is of any number of rows",
                          "Ask for application/json, or leave out after=.");
  if (request.call.request.method() == http::verb::get && request.call.request.count(http::field::range) > 0)
    return cursor_refused("after= says where a page begins, and so does the Range header",
                          "Leave out one of them: the cursor is behind the row that it was given for.");
  return {};
}

Awaitable<Result<Answer>> answer_page(TableRequest& request, const RowsRead& read, JoinedRows&& rows) {
  Reservation memory(request.context.worker.memory());
  std::deque<Row> page;
  for (;;) {
    auto row = co_await rows.next();
    if (!row) co_return row.error();
    if (!*row) break;
    if (!memory.resize(memory.bytes() + weight(**row))) co_return postgres::out_of_memory();
    page.push_back(std::move(**row));
  }
  request.call.record.rows = page.size();
  request.call.record.rows_read = rows.rows_read();
  if (read.page->turned) std::ranges::reverse(page);
  Answer answer;
  if (auto linked = set_links(answer, request, read, page); !linked) co_return linked.error();
  RowsBody shape(body_shape(request), read.scan.row.header());
  auto body = std::make_unique<PageBody>(std::move(page), std::move(shape), std::move(memory),
                                         stream_time(request.context.worker.settings()));
  const auto begun = co_await body->next(answer.body);
  if (!begun) co_return begun.error();
  request.context.stage_done(request.context.merge_us);
  set_missing(answer, request);
  set_content_type(answer, request);
  set_preferences(answer, request, false);
  set_warning(answer, request);
  if (!body->ended()) answer.rest = std::move(body);
  co_return answer;
}

}  // namespace shardplex::router
