// Paging by cursor, on the clusters of the oracle: all pages together are the one whole read.
#include <doctest/doctest.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/oracle.hpp"
#include "tests/integration/request_text.hpp"

namespace shardplex::integration {
namespace {

constexpr std::size_t most_pages = 2000;

/// The target of a relation in Link; nullopt where there is none.
std::optional<std::string> linked(const HttpResponse& answer, const std::string& relation) {
  const auto links = answer.header("Link").value_or("");
  const auto end = links.find(">; rel=\"" + relation + '"');
  if (end == std::string::npos) return std::nullopt;
  const auto begin = links.rfind('<', end) + 1;
  return links.substr(begin, end - begin);
}

/// The rows of an array or of lines, without what stands around them.
std::string rows_of(const std::string& body) {
  if (!body.starts_with('[')) return body;
  return body.substr(1, body.size() - 2);
}

/// The rows of pages in their order, as they stand in one answer.
std::string joined_pages(const std::vector<std::string>& pages, bool lines) {
  std::string all;
  for (const auto& page : pages) {
    if (page.empty()) continue;
    if (!lines && !all.empty()) all += ", \n ";
    all += page;
  }
  return all;
}

struct PagedRead {
  std::string target;  ///< without limit and after
  std::uint64_t limit = 0;
  Headers headers;
  bool lines = false;  ///< NDJSON

  std::string page(const std::string& after) const {
    return target + "&limit=" + std::to_string(limit) + "&after=" + after;
  }
};

/// Follows `relation` from `first` to the end; what is not 200 fails the test. Gives the rows of each page.
std::vector<std::string> visited(HttpClient& client, const PagedRead& read, HttpResponse first,
                                 const std::string& relation, HttpResponse* last = nullptr) {
  std::vector<std::string> pages;
  for (auto answer = std::move(first);;) {
    REQUIRE_MESSAGE(answer.status == 200, answer.body);
    pages.push_back(rows_of(answer.body));
    REQUIRE(pages.size() < most_pages);
    const auto next = linked(answer, relation);
    if (last && !pages.back().empty()) *last = answer;
    if (!next) return pages;
    answer = client.get(*next, read.headers);
  }
}

/// All pages from the first to the last, and back again, are the whole.
void check_pages(HttpClient& client, const PagedRead& read) {
  INFO(read.page(""));
  const auto whole = client.get(read.target, read.headers);
  REQUIRE_MESSAGE(whole.status == 200, whole.body);
  HttpResponse last;
  const auto pages = visited(client, read, client.get(read.page(""), read.headers), "next", &last);
  CHECK(joined_pages(pages, read.lines) == rows_of(whole.body));
  const auto before = linked(last, "prev");
  if (!before) return;
  auto back = visited(client, read, client.get(*before, read.headers), "prev");
  std::ranges::reverse(back);
  back.push_back(rows_of(last.body));
  CHECK(joined_pages(back, read.lines) == rows_of(whole.body));
}

std::string random_term(Random& random) {
  const auto& columns = sample_movies().columns;
  std::string term;
  if (chance(random, 10)) {
    term = chance(random, 50) ? "extra->>a" : "extra->b->>c";
  } else {
    const SampleColumn* column = nullptr;
    do {
      column = &pick(random, columns);
    } while (!column->sortable());
    term = url_name(column->name);
  }
  static const std::vector<std::string> directions{"", ".asc", ".desc", ".desc"},
      nulls{"", "", ".nullsfirst", ".nullslast"};
  return term + pick(random, directions) + pick(random, nulls);
}

PagedRead random_read(std::uint64_t seed) {
  Random random(seed);
  PagedRead read;
  std::string order;
  for (auto terms = random() % 4; terms > 0; --terms)
    order += (order.empty() ? "" : ",") + random_term(random);
  static const std::vector<std::string> selects{"id", "*", "name,price", "id,mood,seen_at,code",
                                                "director,ratio::text"};
  read.target = "/movies?select=" + encoded(pick(random, selects), random);
  if (!order.empty()) read.target += "&order=" + encoded(order, random);
  static const std::vector<std::string> filters{"id=gt.100",    "primary_genre=eq.Drama",
                                                "name=is.null", "or=(id.lt.50,mood.eq.zero)",
                                                "id=eq.7",      "id=in.(1,2,3,4,99)"};
  if (chance(random, 40)) read.target += '&' + pick(random, filters);
  read.limit = chance(random, 20) ? 1 + random() % 1000 : 20 + random() % 100;
  read.lines = chance(random, 15);
  if (read.lines) read.headers.emplace_back("Accept", "application/x-ndjson");
  return read;
}

void check_random_pages(const Router& router, std::uint64_t seed, std::uint64_t count) {
  HttpClient client(router.port());
  for (std::uint64_t i = 0; i < count; ++i) {
    INFO("seed ", seed + i);
    check_pages(client, random_read(seed + i));
  }
}

}  // namespace

TEST_CASE("all pages by cursor, from the first to the last and back, are the whole read") {
  auto& oracle = Oracle::instance();
  const auto count = case_count(60);
  for (const auto* router : {&oracle.hash_router, &oracle.genre_router, &oracle.single_router})
    check_random_pages(*router, 1, count);
}

TEST_CASE("pages in an order that nobody has tried are the whole read as well") {
  check_random_pages(Oracle::instance().hash_router, fresh_seed(), case_count(30));
}

TEST_CASE("pages of one row each, by every column that can be ordered by, are the whole read") {
  HttpClient client(Oracle::instance().hash_router.port());
  for (const auto& column : sample_movies().columns) {
    if (!column.sortable()) continue;
    for (const auto* direction : {".asc.nullsfirst", ".desc.nullslast"})
      check_pages(client, {"/movies?select=id&id=in.(" + std::string("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15)") +
                               "&order=" + percent_encode(url_name(column.name) + direction),
                           1,
                           {}});
  }
}

TEST_CASE("pages of a table whose key has several columns, and of a reference table, are the whole read") {
  HttpClient client(Oracle::instance().hash_router.port());
  for (const auto* order : {"", "&order=score", "&order=rated_at.desc,score", "&order=user_id.desc"})
    check_pages(client, {std::string("/ratings?select=*") + order, 60, {}});
  for (const auto* order : {"", "&order=description.desc", "&order=name.desc"})
    check_pages(client, {std::string("/genres?select=*") + order, 3, {}});
}

TEST_CASE("pages have embeds, those that a shard makes and those that are looked up") {
  auto& oracle = Oracle::instance();
  for (const auto* router : {&oracle.hash_router, &oracle.genre_router}) {
    HttpClient client(router->port());
    for (const auto* target :
         {"/movies?select=id,ratings(score,user_id)&order=name.desc",
          "/movies?select=id,ratings!inner(score)&ratings.score=gt.5&order=price",
          "/movies?select=id,ratings()&ratings=is.null&order=mood.desc.nullslast",
          "/movies?select=id,ratings(score)&or=(ratings.not.is.null,id.gt.200)&order=token",
          "/ratings?select=score,movies(name)&order=score.desc", "/ratings?select=score,...movies(name)"})
      check_pages(client, {target, 70, {}});
  }
}

TEST_CASE("a page in CSV has the page's rows, and the first line of every answer") {
  HttpClient client(Oracle::instance().hash_router.port());
  const Headers csv{{"Accept", "text/csv"}};
  const std::string target = "/movies?select=id,name,lasts&order=lasts.desc&limit=200";
  const auto first = client.get(target + "&after=", csv);
  CHECK(first.body == client.get(target, csv).body);
  const auto next = linked(first, "next");
  REQUIRE(next);
  CHECK(client.get(*next, csv).body == client.get(target + "&offset=200", csv).body);
}

TEST_CASE("a page has the same head for HEAD, and is asked for with any other limit") {
  HttpClient client(Oracle::instance().hash_router.port());
  const std::string target = "/movies?select=id&order=name&limit=10&after=";
  const auto got = client.get(target), head = client.request("HEAD", target);
  CHECK(head.body.empty());
  CHECK(head.header("Link") == got.header("Link"));
  CHECK_FALSE(got.header("Content-Range"));
  auto next = linked(got, "next").value_or("");
  next.replace(next.find("limit=10"), 8, "limit=1000");
  const auto rest = client.get(next);
  CHECK(rest.body == client.get("/movies?select=id&order=name&offset=10").body);
  CHECK_FALSE(linked(rest, "next"));
  CHECK(linked(rest, "prev"));
}

TEST_CASE("a cursor goes on behind its row, whether the row is still there or not") {
  HttpClient client(Oracle::instance().hash_router.port());
  const std::string target = "/movies?select=id&order=director.desc.nullslast&limit=5";
  const auto first = client.get(target + "&after=");
  const auto next = linked(first, "next").value_or("");
  const auto second = client.get(next);
  // The row that the cursor was made of, and all of its page, are not asked for any more.
  const auto ids = first.body.substr(first.body.rfind("\"id\":") + 5);
  const auto last_id = ids.substr(0, ids.find('}'));
  CHECK(client.get(next + "&id=neq." + last_id).body == second.body);
}

TEST_CASE("what cannot be paged by cursor is refused") {
  auto& oracle = Oracle::instance();
  HttpClient client(oracle.hash_router.port());
  const auto other = linked(client.get("/movies?order=name&limit=1&after="), "next").value_or("");
  const auto cursor = other.substr(other.find("after=") + 6);
  CHECK(client.get("/movies?order=name&limit=1&after=" + cursor).status == 200);
  auto damaged = cursor;
  damaged[damaged.size() / 2] = damaged[damaged.size() / 2] == 'A' ? 'B' : 'A';
  struct Row {
    std::string method, target;
    Headers headers;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"GET", "/movies?after=", {}},
           {"GET", "/movies?limit=0&after=", {}},
           {"GET", "/movies?limit=1001&after=", {}},
           {"GET", "/movies?limit=5&offset=3&after=", {}},
           {"GET", "/movies?limit=5&after=", {{"Range", "0-3"}}},
           {"GET", "/movies?limit=5&after=", {{"Prefer", "count=exact"}}},
           {"GET", "/movies?limit=1&after=", {{"Accept", "application/vnd.pgrst.object+json"}}},
           {"GET", "/movies?limit=5&order=tags&id=eq.5&after=", {}},
           {"GET", "/movies?limit=5&order=extra&id=eq.5&after=", {}},
           {"GET", "/movies?limit=5&order=extra-%3Ea&id=eq.5&after=", {}},
           {"GET", "/movies?limit=5&select=primary_genre,count()&after=", {}},
           {"GET", "/movies?limit=5&select=count&after=", {}},
           {"GET", "/ratings?limit=5&select=score,movies(name)&order=movies(name)&after=", {}},
           {"GET", "/movies/5?limit=1&after=", {}},
           {"PATCH", "/movies?id=eq.5&after=", {{"Content-Type", "application/json"}}},
           {"DELETE", "/movies?id=eq.5&after=", {}},
           {"GET", "/movies?limit=1&order=name&after=" + damaged, {}},
           {"GET", "/movies?limit=1&order=name&after=" + cursor.substr(1), {}},
           {"GET", "/movies?limit=1&order=name&after=" + cursor.substr(0, cursor.size() - 1), {}},
           {"GET", "/movies?limit=1&order=name&after=" + cursor + "A", {}},
           {"GET", "/movies?limit=1&order=name.desc&after=" + cursor, {}},
           {"GET", "/movies?limit=1&order=director&after=" + cursor, {}},
           {"GET", "/movies?limit=1&after=" + cursor, {}},
           {"GET", "/genres?limit=1&order=name&after=" + cursor, {}},
           {"GET", "/movies?limit=1&after=eq.5", {}}}) {
    INFO(row.method, ' ', row.target);
    const auto answer =
        client.request(row.method, row.target, row.headers, row.method == "PATCH" ? "{}" : "");
    CHECK(answer.status == 400);
    CHECK_MESSAGE(answer.error_code() == "SHARD400", answer.body);
    CHECK(answer.header("Proxy-Status") == "Shardplex; error=SHARD400, PostgREST; error=SHARD400");
  }
  // A column of that name is asked about in quotes.
  CHECK(client.get("/movies?limit=1&%22after%22=eq.5").error_code() == "42703");
}

}  // namespace shardplex::integration
