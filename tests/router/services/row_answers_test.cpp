#include "router/services/movies/row_answers.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "query/engine/operator.hpp"
#include "tests/router/execution/worker_fixture.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace shardplex::router::fixtures;

namespace {

using Texts = std::vector<std::string>;

/// Gives rows of its own, then the end or an error. One of them may take more than a second.
class GivenRows final : public RowOperator {
 public:
  GivenRows(Texts rows, bool breaks, std::optional<std::size_t> slow_row)
      : rows_(std::move(rows)), breaks_(breaks), slow_row_(slow_row) {}

  Step next() override {
    if (next_ == slow_row_) std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    if (next_ < rows_.size()) return Row{rows_[next_++], {}};
    if (breaks_) return Error{"SHARD503", "gone", std::nullopt, std::nullopt, std::nullopt};
    return Done{};
  }
  void push(std::size_t, Row) override {}
  void finish(std::size_t) override {}
  void fail(std::size_t, Error) override {}
  std::size_t key_count(std::size_t) const override { return 0; }

 private:
  Texts rows_;
  bool breaks_;
  std::optional<std::size_t> slow_row_;
  std::size_t next_ = 0;
};

/// A read whose rows are at hand.
struct Read {
  Texts rows;
  std::optional<std::int64_t> total = std::nullopt;  ///< where it is counted
  std::optional<std::uint64_t> limit = std::nullopt;
  std::uint64_t offset = 0;
  bool breaks = false;                                 ///< after these rows
  std::optional<std::size_t> slow_row = std::nullopt;  ///< takes more than a second
};

/// A request for movies, and its answers to reads.
struct Asked {
  WorkerFixture fixture;
  RequestContext context{fixture.worker, Clock::now() + std::chrono::seconds(10)};
  Call call{Request()};
  PathParameters path;
  Table table;
  TableRequest request{call, context, "/{table}", path};
  RowText row;

  Asked() {
    table.name = "movies";
    request.table = &table;
  }

  Result<Answer> array(const Read& read) {
    ReadPlan plan;
    plan.row = row;
    plan.limit = read.limit;
    plan.offset = read.offset;
    JoinedRows rows(gathered(read));
    return fixture.result_of(answer_all(request, plan, std::move(rows)));
  }
  Result<Answer> object(const Read& read) {
    ReadPlan plan;
    plan.row = row;
    request.query.offset = read.offset;
    JoinedRows rows(gathered(read));
    return fixture.result_of(answer_one(request, plan, std::move(rows)));
  }
  /// The next part of a stream.
  Result<std::string> next(Answer& answer) {
    std::string part;
    if (const auto pulled = fixture.result_of(answer.rest->next(part)); !pulled) return pulled.error();
    return {boost::system::in_place_value, std::move(part)};
  }

  static GatheredRows gathered(const Read& read) {
    return {ReadPlan(),
            std::make_unique<GivenRows>(read.rows, read.breaks, read.slow_row),
            {},
            read.total,
            Clock::time_point::max()};
  }
};

std::string range_of(const Answer& answer) {
  return std::string(answer.fields["Content-Range"]);
}

Texts rows_of_1000_bytes(std::size_t count) {
  return Texts(count, '"' + std::string(998, 'x') + '"');
}

std::string as_array(const Texts& rows) {
  std::string text = "[";
  for (const auto& row : rows) text += (text.size() == 1 ? "" : ", \n ") + row;
  return text + ']';
}

constexpr std::size_t chunk = 64 * 1024;

}  // namespace

TEST_CASE("an array has the rows in their order, and says which they are") {
  Asked asked;
  const auto two = asked.array({.rows = {R"({"id":1})", R"({"id":2})"}}).value();
  CHECK(two.status == 200);
  CHECK(two.body == "[{\"id\":1}, \n {\"id\":2}]");
  CHECK(two.rest == nullptr);
  CHECK(range_of(two) == "0-1/*");
  const auto page = asked.array({.rows = {"{}", "{}"}, .limit = 2, .offset = 5}).value();
  CHECK(range_of(page) == "5-6/*");
  const auto none = asked.array({.rows = {}}).value();
  CHECK(none.status == 200);
  CHECK(none.body == "[]");
  CHECK(range_of(none) == "*/*");
}

TEST_CASE("a counted array is 206 where more rows match than it has") {
  Asked asked;
  const auto all = asked.array({.rows = {"{}", "{}"}, .total = 2}).value();
  CHECK(all.status == 200);
  CHECK(range_of(all) == "0-1/2");
  const auto page = asked.array({.rows = {"{}", "{}"}, .total = 9, .limit = 2, .offset = 3}).value();
  CHECK(page.status == 206);
  CHECK(range_of(page) == "3-4/9");
  const auto none = asked.array({.rows = {}, .total = 0}).value();
  CHECK(none.status == 200);
  CHECK(range_of(none) == "*/0");
}

TEST_CASE("an array of more than 64 KiB streams, in parts of about that, and comes whole") {
  Asked asked;
  const auto rows = rows_of_1000_bytes(200);
  auto answer = asked.array({.rows = rows}).value();
  REQUIRE(answer.rest != nullptr);
  CHECK(range_of(answer) == "");
  std::string body = answer.body;
  CHECK(body.size() >= chunk);
  CHECK(body.size() < chunk + 1'004);
  for (auto part = asked.next(answer).value(); !part.empty(); part = asked.next(answer).value()) {
    CHECK(part.size() < chunk + 1'004);
    body += part;
  }
  CHECK(body == as_array(rows));
  CHECK(asked.next(answer).value() == "");
}

TEST_CASE("an array of less than 64 KiB does not stream") {
  Asked asked;
  const auto rows = rows_of_1000_bytes(60);
  const auto answer = asked.array({.rows = rows}).value();
  CHECK(answer.rest == nullptr);
  CHECK(answer.body == as_array(rows));
}

TEST_CASE("a stream of counted rows says before its end which they are") {
  Asked asked;
  const auto rows = rows_of_1000_bytes(200);
  const auto all = asked.array({.rows = rows, .total = 200}).value();
  REQUIRE(all.rest != nullptr);
  CHECK(all.status == 200);
  CHECK(range_of(all) == "0-199/200");
  const auto page = asked.array({.rows = rows, .total = 900, .limit = 200, .offset = 100}).value();
  CHECK(page.status == 206);
  CHECK(range_of(page) == "100-299/900");
  const auto last = asked.array({.rows = rows, .total = 300, .limit = 500, .offset = 100}).value();
  CHECK(last.status == 206);
  CHECK(range_of(last) == "100-299/300");
}

TEST_CASE("CSV streams as an array does: its names come once, and no line break at its end") {
  Asked asked;
  asked.request.shape = Shape::csv;
  asked.row = RowText(RowFormat::csv);
  asked.row.add("name", {JsonKind::text, false});
  const Texts rows(200, std::string(1'000, 'x'));
  auto answer = asked.array({.rows = rows, .total = 200}).value();
  REQUIRE(answer.rest != nullptr);
  CHECK(answer.content_type == "text/csv; charset=utf-8");
  CHECK(range_of(answer) == "0-199/200");
  std::string body = answer.body, whole = "name";
  for (auto part = asked.next(answer).value(); !part.empty(); part = asked.next(answer).value()) {
    CHECK(part.size() < chunk + 1'004);
    body += part;
  }
  for (const auto& row : rows) whole += '\n' + row;
  CHECK(body == whole);
  CHECK(asked.array({.rows = {}}).value().body == "\n");
}

TEST_CASE("lines of NDJSON and arrays without nulls say what they are") {
  Asked asked;
  asked.request.shape = Shape::ndjson;
  const auto lines = asked.array({.rows = {"{}", "{}"}}).value();
  CHECK(lines.body == "{}\n{}\n");
  CHECK(lines.content_type == "application/x-ndjson; charset=utf-8");
  asked.request.shape = Shape::stripped_array;
  const auto stripped = asked.array({.rows = {R"({"a":null})", R"({"a":1})"}}).value();
  CHECK(stripped.body == R"([{},{"a":1}])");
  CHECK(stripped.content_type == "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8");
  const auto refused = asked.array({.rows = {R"({"a":"\u0000"})"}});
  REQUIRE(refused.has_error());
  CHECK(to_answer(refused.error()).status == 400);
}

TEST_CASE("an array that breaks is an error before it streams, and a broken stream after") {
  Asked asked;
  const auto early = asked.array({.rows = {"{}"}, .breaks = true});
  REQUIRE(early.has_error());
  CHECK(early.error().code == "SHARD503");
  auto late = asked.array({.rows = rows_of_1000_bytes(100), .breaks = true}).value();
  REQUIRE(late.rest != nullptr);
  const auto part = asked.next(late);
  REQUIRE(part.has_error());
  CHECK(part.error().code == "SHARD503");
}

TEST_CASE(
    "an array without the rows of some shards is 206 and names them, and nobody says how many rows match") {
  Asked asked;
  auto& context = asked.context;
  context.partial.allowed = true;
  context.partial.missing = {"gamma", "beta"};
  asked.request.prefer = *parse_prefer("count=exact, partial=allow");
  const auto page = asked.array({.rows = {"{}", "{}"}, .offset = 3}).value();
  CHECK(page.status == 206);
  CHECK(page.body == "[{}, \n {}]");
  CHECK(range_of(page) == "3-4/*");
  CHECK(std::string(page.fields["Shardplex-Missing-Shards"]) == "beta,gamma");
  CHECK(std::string(page.fields["Preference-Applied"]) == "partial=allow");
  CHECK(std::string(page.fields["Cache-Control"]) == "no-store");
  CHECK(range_of(asked.array({.rows = {}}).value()) == "*/*");
  const auto stream = asked.array({.rows = rows_of_1000_bytes(200)}).value();
  REQUIRE(stream.rest != nullptr);
  CHECK(stream.status == 206);
  CHECK(range_of(stream) == "*/*");
  CHECK(asked.fixture.metrics.partial_answers.get() == 3);

  context.partial.missing.clear();
  const auto whole = asked.array({.rows = {"{}", "{}"}, .total = 2}).value();
  CHECK(whole.status == 200);
  CHECK(range_of(whole) == "0-1/2");
  CHECK(std::string(whole.fields["Preference-Applied"]) == "count=exact, partial=allow");
  CHECK(whole.fields.count("Shardplex-Missing-Shards") == 0);
  CHECK(whole.fields.count("Cache-Control") == 0);
  CHECK(asked.fixture.metrics.partial_answers.get() == 3);
}

TEST_CASE("rows that come slowly are sent before they make a large part, once an answer is being sent") {
  Asked asked;
  const auto rows = rows_of_1000_bytes(200);
  auto beginning = asked.array({.rows = rows, .slow_row = 10}).value();
  CHECK(beginning.body.size() >= chunk);  // it is not known yet whether it streams
  auto answer = asked.array({.rows = rows, .slow_row = 70}).value();
  REQUIRE(answer.rest != nullptr);
  std::string text = answer.body;
  const auto part = asked.next(answer).value();
  CHECK_FALSE(part.empty());
  CHECK(part.size() < chunk);
  text += part;
  for (auto next = asked.next(answer).value(); !next.empty(); next = asked.next(answer).value()) text += next;
  CHECK(text == as_array(rows));
}

TEST_CASE("a stream has a time of its own, and is an error when that is over") {
  Asked asked;
  const auto& settings = asked.fixture.settings;
  const auto began = Clock::now();
  auto answer = asked.array({.rows = rows_of_1000_bytes(200)}).value();
  REQUIRE(answer.rest != nullptr);
  CHECK(answer.rest->deadline() >= began + settings.stream_timeout);
  CHECK(answer.rest->deadline() <= Clock::now() + settings.stream_timeout);
  CHECK(answer.rest->patience() == settings.request_timeout);
  CHECK(asked.next(answer).has_value());
  asked.fixture.settings.stream_timeout = std::chrono::milliseconds(0);
  auto late = asked.array({.rows = rows_of_1000_bytes(200)}).value();
  const auto part = asked.next(late);
  REQUIRE(part.has_error());
  CHECK(part.error().code == "SHARD504");
}

TEST_CASE("an object is the one row there is, as the type that was asked for") {
  Asked asked;
  asked.request.shape = Shape::object;
  const auto only = asked.object({.rows = {R"({"id":1})"}}).value();
  CHECK(only.status == 200);
  CHECK(only.body == R"({"id":1})");
  CHECK(only.content_type == "application/vnd.pgrst.object+json; charset=utf-8");
  CHECK(range_of(only) == "0-0/*");
  const auto one_of_three = asked.object({.rows = {"{}"}, .total = 3, .offset = 2}).value();
  CHECK(one_of_three.status == 206);
  CHECK(range_of(one_of_three) == "2-2/3");
  asked.request.shape = Shape::stripped_object;
  const auto stripped = asked.object({.rows = {R"({"id":1,"x":null})"}}).value();
  CHECK(stripped.body == R"({"id":1})");
  CHECK(stripped.content_type == "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8");
  for (const auto& rows : {Texts{}, Texts{"{}", "{}"}}) {
    const auto refused = asked.object({.rows = rows});
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == "PGRST116");
    CHECK(to_answer(refused.error()).status == 406);
  }
}

TEST_CASE("a row route answers with the row, without a range, or 404") {
  Asked asked;
  asked.request.is_row = true;
  const auto there = asked.object({.rows = {R"({"id":1})"}}).value();
  CHECK(there.status == 200);
  CHECK(there.body == R"({"id":1})");
  CHECK(there.content_type == "application/json; charset=utf-8");
  CHECK(range_of(there) == "");
  const auto absent = asked.object({.rows = {}});
  REQUIRE(absent.has_error());
  CHECK(to_answer(absent.error()).status == 404);
}
