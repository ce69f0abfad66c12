// Views while slots move under them.
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/integration/moves.hpp"

namespace shardplex::integration {
namespace {

/// Each film with the rating that it has, counted by a view.
std::string expected_rows(int films) {
  std::string rows;
  for (int id = 1; id <= films; ++id)
    rows += (rows.empty() ? "[" : ", \n ") + ("{\"id\":" + std::to_string(id) + ",\"votes\":1}");
  return rows + ']';
}

}  // namespace

TEST_CASE("a view is the same before, while and after slots move") {
  Moves moves;
  moves.cluster().run_everywhere(
      "CREATE VIEW public.rated AS SELECT m.id, count(r.score) AS votes, m.shardplex_slot"
      " FROM movies m LEFT JOIN ratings r ON r.movie_id = m.id GROUP BY m.id");
  std::ofstream(moves.cluster().map_file(), std::ios::app)
      << "views: { rated: { group: catalog, key: id } }\n";
  Router router(moves.cluster().map_file());
  HttpClient client(router.port());
  const auto expected = expected_rows(600);
  const auto check = [&] { CHECK(client.get("/rated?select=id,votes&order=id").body == expected); };
  check();
  const auto mover = moves.run_until("before:catch_up");
  check();
  mover->signal(SIGCONT);
  CHECK(mover->wait() == 0);
  check();
  moves.expect("finish");
  check();
  // The mover has written the map anew: the view is still in it.
  CHECK(run_shardplex({"map", "show", moves.cluster().map_file()}).output.find("rated (view)") !=
        std::string::npos);
  moves.cluster().run_everywhere(
      "CREATE MATERIALIZED VIEW public.kept AS SELECT id, shardplex_slot FROM movies");
  std::ifstream in(moves.cluster().map_file());
  std::string map(std::istreambuf_iterator<char>(in), {});
  map.replace(map.find("views: {"), 8, "views: { kept: { group: catalog, key: id },");
  std::ofstream(moves.cluster().map_file()) << map;
  const auto refused = moves.run("run");
  CHECK(refused.status != 0);
  CHECK(refused.errors.find("the rows of materialized view kept do not move with their slots") !=
        std::string::npos);
}

}  // namespace shardplex::integration
