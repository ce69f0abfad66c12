#include "router/services/movies/cursor_pages.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/engine/operator.hpp"
#include "tests/router/execution/worker_fixture.hpp"

using namespace shardplex;
using namespace shardplex::router;
using namespace shardplex::router::fixtures;

namespace {

/// Gives rows of a page, then the end.
class RowsOfPage final : public RowOperator {
 public:
  explicit RowsOfPage(std::vector<Row> rows) : rows_(std::move(rows)) {}

  Step next() override {
    if (next_ < rows_.size()) return rows_[next_++];
    return Done{};
  }
  void push(std::size_t, Row) override {}
  void finish(std::size_t) override {}
  void fail(std::size_t, Error) override {}
  std::size_t key_count(std::size_t) const override { return 0; }

 private:
  std::vector<Row> rows_;
  std::size_t next_ = 0;
};

/// A request for a page of movies, whose rows are at hand.
struct AskedPage {
  WorkerFixture fixture;
  RequestContext context{fixture.worker, Clock::now() + std::chrono::seconds(10)};
  Call call;
  PathParameters path;
  Table table;
  TableRequest request{call, context, "/{table}", path};
  RowsRead read;

  explicit AskedPage(const std::string& target, std::uint64_t limit, bool is_first, bool turned = false)
      : call(Request(http::verb::get, target, 11)) {
    table.name = "movies";
    request.table = &table;
    read.scan.limit = limit;
    read.page = CursorPlan{42, is_first, turned, 1, 1};
  }

  Result<Answer> answer(const std::vector<std::string>& ids) {
    std::vector<Row> rows;
    for (const auto& id : ids) rows.push_back({"{\"id\":" + id + '}', {}, {}, {"hidden", id}});
    GatheredRows gathered(ReadPlan(), std::make_unique<RowsOfPage>(std::move(rows)), {}, std::nullopt,
                          Clock::time_point::max());
    return fixture.result_of(answer_page(request, read, JoinedRows(std::move(gathered))));
  }
  std::string links(const std::vector<std::string>& ids) {
    return std::string(answer(ids).value().fields["Link"]);
  }
};

std::string at(const std::string& id, bool before) {
  return encode_cursor({before, 42, {id}});
}
std::string next_link(const std::string& id) {
  return "</movies?limit=2&after=" + at(id, false) + ">; rel=\"next\"";
}
std::string prev_link(const std::string& id) {
  return "</movies?limit=2&after=" + at(id, true) + ">; rel=\"prev\"";
}

}  // namespace

TEST_CASE("a link is the request's own target with another cursor") {
  CHECK(target_at("/movies?limit=2", "X") == "/movies?limit=2&after=X");
  CHECK(target_at("/movies?after=&limit=2", "X") == "/movies?limit=2&after=X");
  CHECK(target_at("/movies?after=old&limit=2&after=older", "X") == "/movies?limit=2&after=X");
  CHECK(target_at("/movies?%61fter=old&&limit=2&", "X") == "/movies?limit=2&after=X");
  CHECK(target_at("http://host/movies?limit=2", "X") == "/movies?limit=2&after=X");
  // Other parameters stay as they are written, whatever they are called.
  CHECK(target_at("/movies?%22after%22=eq.5&aftermath=gt.1&name=eq.a%26b+c&limit=2", "X") ==
        "/movies?%22after%22=eq.5&aftermath=gt.1&name=eq.a%26b+c&limit=2&after=X");
}

TEST_CASE("what may not stand in a link is encoded") {
  CHECK(target_at("/movies?name=eq.<a>\"b\"\\&limit=2", "X") ==
        "/movies?name=eq.%3Ca%3E%22b%22%5C&limit=2&after=X");
  CHECK(target_at("/\xc3\xa9t\xc3\xa9?a=eq.\xe6\x97\xa5", "X") == "/%C3%A9t%C3%A9?a=eq.%E6%97%A5&after=X");
}

TEST_CASE("a full page has a next one, and one that is not the first has one before it") {
  const std::string target = "/movies?limit=2&after=";
  CHECK(AskedPage(target, 2, true).links({"1", "2"}) == next_link("2"));
  CHECK(AskedPage(target, 2, true).links({"1"}) == "");
  CHECK(AskedPage(target, 2, false).links({"1", "2"}) == next_link("2") + ", " + prev_link("1"));
  CHECK(AskedPage(target, 2, false).links({"1"}) == prev_link("1"));
  CHECK(AskedPage(target, 2, false).links({}) == "");
}

TEST_CASE("a page in front of a row is turned round, and the row is on the next page") {
  AskedPage asked("/movies?limit=2&after=", 2, false, true);
  const auto answer = asked.answer({"5", "4"}).value();
  CHECK(answer.body == "[{\"id\":4}, \n {\"id\":5}]");
  CHECK(std::string(answer.fields["Link"]) == next_link("5") + ", " + prev_link("4"));
  CHECK(AskedPage("/movies?limit=2&after=", 2, false, true).links({"5"}) == next_link("5"));
  CHECK(AskedPage("/movies?limit=2&after=", 2, false, true).links({}) == "");
}

TEST_CASE("a page has no Content-Range, since nobody has counted the rows before it") {
  const auto answer = AskedPage("/movies?limit=2&after=", 2, true).answer({"1", "2"}).value();
  CHECK(answer.status == 200);
  CHECK(answer.fields.count("Content-Range") == 0);
  CHECK(answer.body == "[{\"id\":1}, \n {\"id\":2}]");
  CHECK(AskedPage("/movies?limit=2&after=", 2, true).answer({}).value().body == "[]");
}

TEST_CASE("a page that is long goes out in parts, with its links in front") {
  AskedPage asked("/movies?limit=3&after=", 3, true);
  const std::string wide = '"' + std::string(100'000, 'x') + '"';
  auto answer = asked.answer({wide, wide, "3"}).value();
  CHECK(answer.fields.count("Link") == 1);
  REQUIRE(answer.rest);
  std::string body = answer.body;
  for (std::string part = "x"; !part.empty(); body += part) {
    part.clear();
    REQUIRE(asked.fixture.result_of(answer.rest->next(part)).has_value());
  }
  CHECK(body == "[{\"id\":" + wide + "}, \n {\"id\":" + wide + "}, \n {\"id\":3}]");
}

TEST_CASE("a row that cannot be told in a link is refused, since the rows behind it would be lost") {
  const std::string long_value(2000, '1');
  const auto refused = AskedPage("/movies?limit=1&after=", 1, true).answer({long_value});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "SHARD400");
  // No link is made of it where the page is not full.
  CHECK(AskedPage("/movies?limit=2&after=", 2, true).answer({long_value}).has_value());
  const auto long_url = "/movies?limit=1&name=neq." + std::string(8 * 1024 - 40, 'x') + "&after=";
  CHECK_FALSE(AskedPage(long_url, 1, true).answer({"1"}).has_value());
}

TEST_CASE("pages are of any number of rows, and begin where the cursor says") {
  AskedPage object("/movies?limit=1&after=", 1, true);
  object.request.shape = Shape::object;
  CHECK(check_page_request(object.request).error().code == "SHARD400");
  AskedPage ranged("/movies?limit=1&after=", 1, true);
  CHECK(check_page_request(ranged.request).has_value());
  ranged.call.request.set(http::field::range, "0-9");
  CHECK(check_page_request(ranged.request).error().code == "SHARD400");
}
