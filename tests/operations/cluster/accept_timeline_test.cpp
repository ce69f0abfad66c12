#include "operations/cluster/accept_timeline.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

const Shard alpha{"alpha", "host=a1 dbname=movies", {"host=a2 dbname=movies", "host=a3 dbname=movies"}};

ServerAnswer answer(bool in_recovery, std::int64_t timeline, std::optional<std::int64_t> ruling,
                    const std::string& shard = "alpha") {
  ServerStatus status;
  status.in_recovery = in_recovery;
  status.timeline = timeline;
  status.initialised = true;
  status.cluster = "movies";
  status.shard = shard;
  status.ruling = ruling;
  return {status, {}};
}
ServerAnswer primary(std::int64_t timeline, std::optional<std::int64_t> ruling) {
  return answer(false, timeline, ruling);
}
ServerAnswer replica(std::int64_t timeline, std::optional<std::int64_t> ruling) {
  return answer(true, timeline, ruling);
}
ServerAnswer silent() {
  return {std::nullopt, "connection refused"};
}

std::string refusal(const std::vector<ServerAnswer>& answers) try {
  choose_accepted("movies", alpha, answers);
  return "none";
} catch (const CommandFailed& failure) {
  return failure.what();
}

}  // namespace

TEST_CASE("the one server that takes writes is meant, whatever was ruled or noted before") {
  const auto chosen = [](const std::vector<ServerAnswer>& answers) {
    return choose_accepted("movies", alpha, answers);
  };
  CHECK(chosen({primary(1, 0), silent(), silent()}) == AcceptedServer{0, 1, 0});
  CHECK(chosen({silent(), primary(2, 1), replica(2, 1)}) == AcceptedServer{1, 2, 1});
  // Replaced: a replica of what replaced it is gone, and it is alone.
  CHECK(chosen({primary(1, std::nullopt), silent(), replica(1, std::nullopt)}) == AcceptedServer{0, 1, 0});
  // Given up before, and alone now; only a replica has the later ruling, which the new one has to outweigh.
  CHECK(chosen({primary(2, 0), silent(), replica(1, 3)}) == AcceptedServer{0, 2, 3});
  // The same database by two addresses is no rival of itself, also where it was given up.
  auto one = primary(2, 0);
  one.status->database_identity = "one";
  CHECK(chosen({one, one, replica(1, 1)}) == AcceptedServer{0, 2, 1});
  // What another shard's server says of rulings is about that one.
  CHECK(chosen({primary(2, 1), answer(true, 9, 9, "beta"), silent()}) == AcceptedServer{0, 2, 1});
}

TEST_CASE("of two servers that take writes none is accepted, though one was given up before") {
  const std::string both = "alpha: a1:5432/movies and a2:5432/movies are both primaries";
  for (const auto& answers : {
           std::vector{primary(1, 1), primary(2, 0), silent()},       // the second was given up
           std::vector{primary(2, 0), primary(1, 1), silent()},       // the first was
           std::vector{primary(2, 0), primary(2, 1), replica(2, 1)},  // on timelines as new
           std::vector{primary(1, 0), primary(2, 0), replica(1, 1)},  // both were: a replica has the ruling
           std::vector{primary(1, 0), primary(2, 0), silent()},       // an old primary and its successor
           std::vector{primary(2, 0), primary(2, 0), silent()},       // rivals
       })
    CHECK(refusal(answers).find(both) != std::string::npos);
}

TEST_CASE(
    "nothing is accepted where no server takes writes, or a replica would bring the newer timeline back") {
  CHECK(refusal({silent(), replica(2, 0), answer(false, 2, 0, "beta")}) ==
        "alpha: no server is a primary: a1:5432/movies: connection refused; a2:5432/movies: a replica; "
        "a3:5432/movies: it says it is shard beta of cluster movies");
  CHECK(refusal({primary(1, 0), silent(), replica(2, 0)}).find("a3:5432/movies is a replica on timeline 2") !=
        std::string::npos);
  CHECK(refusal({primary(1, std::nullopt), silent(), replica(2, std::nullopt)}).find("stop it") !=
        std::string::npos);
  // Also one that has the ruling by which the primary was given up.
  CHECK(refusal({primary(1, 0), silent(), replica(2, 1)}).find("stop it") != std::string::npos);
}

}  // namespace shardplex::operations
