#include "query/resolve/ordered_item.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/query/resolve/resolve.hpp"

using namespace shardplex;
using test::RelatedRequests;

namespace {

/// The column and path that films are ordered by, with its cast; or the code of the refusal.
std::string ordered(const std::string& select, const std::string& by) {
  static const RelatedRequests requests;
  const auto query = parse_query("films", "select=title," + select + "&order=" + by, {});
  if (!query) return query.error().code;
  const auto tree = requests.resolved(*query);
  if (!tree) return tree.error().code;
  const auto item = ordered_item(tree->embeds.front(), query->order.front().field);
  if (!item) return item.error().code;
  CHECK_FALSE(item->alias);
  std::string text = item->field.column;
  for (const auto& step : item->field.path)
    text += (step.as_text ? "->>" : "->") + std::get<std::string>(step.to);
  return text + (item->cast ? "::" + *item->cast : "");
}

}  // namespace

TEST_CASE("an order by an embed is by what it shows, under the name that it has there") {
  CHECK(ordered("directors(name)", "directors(name)") == "name");
  CHECK(ordered("directors(label:name)", "directors(label)") == "name");
  CHECK(ordered("directors(id:name,name:id)", "directors(name)") == "id");
  CHECK(ordered("directors(name::text)", "directors(name)") == "name::text");
  CHECK(ordered("...directors(label:name)", "directors(label)") == "name");
  for (const auto* all : {"directors()", "directors(*)"}) CHECK(ordered(all, "directors(name)") == "name");
}

TEST_CASE("the path of an order goes on where the member's ends") {
  CHECK(ordered("directors(name)", "directors(name->>a)") == "name->>a");
  CHECK(ordered("directors(a:name->b)", "directors(a->>c)") == "name->b->>c");
  CHECK(ordered("directors(name->b)", "directors(b)") == "name->b");
  CHECK(ordered("directors(name->>b)", "directors(b->c)") == "SHARD400");
  CHECK(ordered("directors(name::text)", "directors(name->c)") == "SHARD400");
}

TEST_CASE("nothing can be ordered by that the embed does not show, or shows twice") {
  CHECK(ordered("directors(id)", "directors(name)") == "42703");
  CHECK(ordered("directors(label:name)", "directors(name)") == "42703");
  CHECK(ordered("directors(films())", "directors(name)") == "42703");
  CHECK(ordered("directors(*,name)", "directors(name)") == "42702");
  CHECK(ordered("directors(name,other:name,name:id)", "directors(name)") == "42702");
}

TEST_CASE("an order by rows of the embed's own embeds is refused") {
  CHECK(ordered("specs(films(title))", "specs(films)") == "SHARD400");
  CHECK(ordered("specs(...films(title))", "specs(title)") == "SHARD400");
  CHECK(ordered("directors(...films(title))", "directors(title)") == "SHARD400");
}
