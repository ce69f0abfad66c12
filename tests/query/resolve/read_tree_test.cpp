#include "query/resolve/read_tree.hpp"

#include <doctest/doctest.h>

#include <string>

#include "query/resolve/row_shape.hpp"
#include "tests/query/grammar/tree_generator.hpp"
#include "tests/query/resolve/resolve.hpp"

using namespace shardplex;
using test::RelatedRequests;

TEST_CASE("each node of a tree has its table, and each embed its relation") {
  const RelatedRequests requests;
  const Query query =
      parse_query("films", "select=title,directors(name),cast:actors(name,roles(film:films(title)))", {})
          .value();
  const ResolvedNode tree = requests.resolved(query).value();
  CHECK(tree.table->name == "films");
  REQUIRE(tree.embeds.size() == 2);
  CHECK(tree.embeds[0].relation->constraint == "films_director_fkey");
  CHECK(tree.embeds[0].node.table->name == "directors");
  const ResolvedEmbed& cast = tree.resolved(*query.find_embed("cast"));
  CHECK(cast.relation->junction->table == "roles");
  CHECK(cast.node.embeds[0].relation->constraint == "roles_actor_fkey");
  CHECK(cast.node.embeds[0].node.embeds[0].node.table->name == "films");
  CHECK(cast.node.embeds[0].node.embeds[0].asked->name() == "film");
}

TEST_CASE("an embed that no relation or several lead to is refused at any depth") {
  const RelatedRequests requests;
  CHECK(requests.refusal("films", "select=halls(*)").code == "PGRST200");
  CHECK(requests.refusal("films", "select=actors(roles(films(people(*))))").code == "PGRST201");
  CHECK(requests.refusal("films", "select=actors(roles(films(people!writer_id(*))))").code == "");
  CHECK(requests.refusal("actors", "select=roles(halls())").message ==
        "Could not find a relationship between 'roles' and 'halls' in the schema cache");
}

TEST_CASE("an embed of a table that is not served for now is refused as the table itself") {
  RelatedRequests requests;
  requests.catalogue.tables.erase("directors");
  requests.catalogue.refused["directors"] = "directors: the table is missing on beta";
  requests.relations = Relations(requests.catalogue);
  for (const char* named : {"directors", "d:directors!inner", "director_id", "films_director_fkey"}) {
    CAPTURE(named);
    const Error error = requests.refusal("films", std::string("select=") + named + "(name)");
    CHECK(error.code == "SHARD404");
    CHECK(error.message == "Table directors is not served");
    CHECK(error.details == "directors: the table is missing on beta");
  }
  CHECK(requests.refusal("films", "select=director(name)").code == "PGRST200");
}

TEST_CASE("an order by an embed needs one row at most") {
  const RelatedRequests requests;
  CHECK(requests.refusal("films", "select=directors()&order=directors(name).desc,id").code == "");
  CHECK(requests.refusal("films", "select=s:specs()&order=s(camera)").code == "");
  const Error error = requests.refusal("films", "select=cast:actors()&order=cast(name)");
  CHECK(error.code == "PGRST118");
  CHECK(http_status(error) == 400);
  CHECK(error.message == "A related order on 'cast' is not possible");
  CHECK(error.details == "'films' and 'cast' do not form a many-to-one or one-to-one relationship");
  CHECK(requests.refusal("actors", "select=films(roles())&films.order=roles(character)").code == "PGRST118");
  CHECK(requests.refusal("actors", "select=films(directors())&films.order=directors(name)").code == "");
}

TEST_CASE("a filter on an embed is about null, unless a column has the name") {
  const RelatedRequests requests;
  const Error error = requests.refusal("films", "select=actors()&actors=eq.5");
  CHECK(error.code == "PGRST120");
  CHECK(http_status(error) == 400);
  CHECK(error.message == "Bad operator on the 'actors' embedded resource");
  CHECK(error.details == "Only is null or not is null filters are allowed on embedded resources");
  for (const char* bad : {"actors=is.true", "actors=is.not_null", "actors=not.is.not_null",
                          "actors->x=is.null", "or=(id.eq.1,not.and(actors.gt.1))"})
    CHECK(requests.refusal("films", "select=actors()&" + std::string(bad)).code == "PGRST120");
  CHECK(requests.refusal("actors", "select=films(roles())&films.roles=eq.1").code == "PGRST120");
  for (const char* good : {"actors=is.null", "actors=not.is.null", "or=(id.eq.1,actors.is.null)", "id=eq.1"})
    CHECK(requests.refusal("films", "select=actors()&" + std::string(good)).code == "");
  CHECK(requests.refusal("films", "select=director_id()&director_id=eq.5").code == "");
  CHECK(requests.refusal("films", "select=year:actors()&year=eq.5").code == "");
}

TEST_CASE("two embeds of one node have two names") {
  const RelatedRequests requests;
  const Error error = requests.refusal("films", "select=actors(name),actors(id)");
  CHECK(error.code == "42712");
  CHECK(error.message == "table name \"films_actors_1\" specified more than once");
  CHECK(requests.refusal("films", "select=a:actors(),...a:directors()").code == "42712");
  CHECK(requests.refusal("actors", "select=films(r:roles(),r:actors())").message ==
        "table name \"films_r_2\" specified more than once");
  CHECK(requests.refusal("films", "select=actors(name),more:actors(id),actors:specs()").code == "42712");
  CHECK(requests.refusal("films", "select=actors(name),more:actors(id)").code == "");
}

namespace {

/// Members of an embed or of the root, whose tables may or may not be related.
std::string random_members(test::TreeGenerator& random, std::size_t depth) {
  static constexpr const char* plain[] = {"id", "*", "count()", "id.sum()", "x:name"};
  static constexpr const char* embeds[] = {
      "actors",           "roles",  "...directors", "films",    "people!writer_id",     "cast:actors",
      "remake_of",        "specs",  "...roles",     "...films", "festivals!screenings", "shows!inner",
      "halls!first_show", "posters"};
  std::string text;
  for (std::size_t n = random.below(4); n > 0; --n) {
    text += text.empty() ? "" : ",";
    if (depth == 0 || random.chance(2))
      text += plain[random.below(std::size(plain))];
    else
      text += std::string(embeds[random.below(std::size(embeds))]) + "(" + random_members(random, depth - 1) +
              ")";
  }
  return text;
}

}  // namespace

TEST_CASE("any tree over any tables is resolved or refused with a message, and so is its shape") {
  const RelatedRequests requests;
  static constexpr const char* tables[] = {"films",  "actors", "directors", "roles",
                                           "people", "shows",  "halls"};
  std::size_t resolved = 0, refused = 0, shaped = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    test::TreeGenerator random(seed);
    const std::string text = "select=" + random_members(random, 3);
    const char* table = tables[random.below(std::size(tables))];
    CAPTURE(seed);
    CAPTURE(text);
    const auto query = parse_query(table, text, {});
    REQUIRE(query.has_value());
    const auto tree = requests.resolved(*query);
    ++(tree ? resolved : refused);
    const auto shape = tree ? row_shape(*tree) : Result<RowShape>(tree.error());
    if (shape) ++shaped;
    if (shape || !shape.error().message.empty()) continue;
    FAIL("an error without a message");
  }
  CHECK(resolved > 5'000);
  CHECK(refused > 2'000);
  CHECK(shaped > 4'000);
  CHECK(shaped < resolved);
}
