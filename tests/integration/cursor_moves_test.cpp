// Pages are visited by cursor while rows come and go, and slots change hands.
#include <doctest/doctest.h>

#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/cluster.hpp"
#include "tests/integration/http_client.hpp"
#include "tests/integration/slot_mover.hpp"
#include "tests/sanitized.hpp"

namespace shardplex::integration {
namespace {

using Ids = std::vector<std::int64_t>;

constexpr int steady_rows = 300;
constexpr auto visits = static_cast<int>(tests::fewer_if_sanitized(45));
constexpr auto longest = std::chrono::seconds(200);
const std::string steady = "steady";

std::optional<std::string> link_to(const HttpResponse& answer, const std::string& relation) {
  const auto links = answer.header("Link").value_or("");
  const auto end = links.find(">; rel=\"" + relation + '"');
  if (end == std::string::npos) return std::nullopt;
  const auto begin = links.rfind('<', end) + 1;
  return links.substr(begin, end - begin);
}

/// Films that nobody changes, with many ties and nulls in what they are ordered by.
std::string steady_films() {
  std::mt19937_64 random(7);
  std::string rows;
  const auto or_null = [&](const std::string& value) { return random() % 4 == 0 ? "null" : value; };
  for (int id = 1; id <= steady_rows; ++id)
    rows += "{\"id\":" + std::to_string(id * 7) + ",\"director\":\"" + steady +
            "\",\"name\":" + or_null("\"n" + std::to_string(random() % 9) + '"') +
            ",\"imdb_score\":" + or_null(std::to_string(random() % 10) + ".5") +
            ",\"running_time_min\":" + or_null(std::to_string(60 + random() % 5)) + "}\n";
  return rows;
}

std::string random_film(std::mt19937_64& random) {
  const auto or_null = [&](const std::string& value) { return random() % 4 == 0 ? "null" : value; };
  return "{\"director\":\"passing\",\"name\":" + or_null("\"n" + std::to_string(random() % 9) + '"') +
         ",\"imdb_score\":" + or_null(std::to_string(random() % 10) + ".5") +
         ",\"running_time_min\":" + or_null(std::to_string(60 + random() % 5)) + '}';
}

/// Inserts films and deletes them again, until told to stop.
class Passers {
 public:
  explicit Passers(std::uint16_t port) : thread_([this, port] { run(port); }) {}
  /// Throws what they have met.
  void stop() {
    done_ = true;
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }
  std::uint64_t written() const { return written_; }

 private:
  void run(std::uint16_t port) try {
    HttpClient client(port);
    std::mt19937_64 random(11);
    std::vector<std::int64_t> there;
    while (!done_) {
      if (there.size() < 20 || (there.size() < 60 && random() % 2 == 0)) {
        const auto answer = client.request(
            "POST", "/movies?select=id",
            {{"Content-Type", "application/json"}, {"Prefer", "return=representation"}}, random_film(random));
        if (answer.status != 201) throw std::runtime_error("POST: " + answer.body);
        there.push_back(boost::json::parse(answer.body).at(0).at("id").to_number<std::int64_t>());
      } else {
        const auto which = random() % there.size();
        const auto answer = client.request("DELETE", "/movies/" + std::to_string(there[which]));
        if (answer.status != 204) throw std::runtime_error("DELETE: " + answer.body);
        there.erase(there.begin() + static_cast<std::ptrdiff_t>(which));
      }
      ++written_;
    }
    for (const auto id : there) client.request("DELETE", "/movies/" + std::to_string(id));
  } catch (...) {
    failure_ = std::current_exception();
  }

  std::atomic<bool> done_ = false;
  std::atomic<std::uint64_t> written_ = 0;
  std::exception_ptr failure_;
  std::thread thread_;
};

/// Moves slots until told to stop, again whenever there has been an answer meanwhile.
class Movers {
 public:
  explicit Movers(SlotMover& mover) : thread_([this, &mover] { run(mover); }) {}
  void answered() {
    ++answers_;
    answers_.notify_one();
  }
  void stop() {
    done_ = true;
    answered();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }
  std::uint64_t moves() const { return moves_; }

 private:
  void run(SlotMover& mover) try {
    std::mt19937_64 random(13);
    while (!done_) {
      const auto before = answers_.load();
      mover.move_some(random);
      ++moves_;
      answers_.wait(before);
    }
  } catch (...) {
    failure_ = std::current_exception();
  }

  std::atomic<bool> done_ = false;
  std::atomic<std::uint64_t> moves_ = 0, answers_ = 0;
  std::exception_ptr failure_;
  std::thread thread_;
};

struct Visit {
  Ids steady;  ///< in the order of the pages
  Ids all;     ///< those of all films
  std::size_t pages = 0;
};

Visit visit(HttpClient& client, Movers& moving, const std::string& order, std::uint64_t limit) {
  Visit seen;
  std::optional<std::string> target =
      "/movies?select=id,director&order=" + order + "&limit=" + std::to_string(limit) + "&after=";
  while (target) {
    const auto answer = client.get(*target);
    moving.answered();
    REQUIRE_MESSAGE(answer.status == 200, answer.body);
    const auto page = boost::json::parse(answer.body);
    REQUIRE(page.as_array().size() <= limit);
    for (const auto& film : page.as_array()) {
      const auto id = film.at("id").to_number<std::int64_t>();
      seen.all.push_back(id);
      if (film.at("director") == boost::json::value(steady)) seen.steady.push_back(id);
    }
    REQUIRE(++seen.pages < 3000);
    target = link_to(answer, "next");
  }
  return seen;
}

/// In the order that the steady films have by themselves.
Ids steady_ids(HttpClient& client, const std::string& order) {
  const auto answer = client.get("/movies?select=id&director=eq." + steady + "&order=" + order);
  REQUIRE_MESSAGE(answer.status == 200, answer.body);
  const auto films = boost::json::parse(answer.body);
  Ids ids;
  for (const auto& film : films.as_array()) ids.push_back(film.at("id").to_number<std::int64_t>());
  return ids;
}

const std::vector<std::string> orders{"",
                                      "id.desc",
                                      "name,imdb_score.desc",
                                      "imdb_score.desc.nullslast",
                                      "imdb_score.nullsfirst,name.desc.nullslast",
                                      "running_time_min.desc,imdb_score.nullsfirst",
                                      "running_time_min.nullslast,name.nullsfirst,id.desc"};

}  // namespace

TEST_CASE("while rows come and go and slots move, every row that stays is on one page, in its place") {
  const Cluster cluster({.shards = 3, .replicas = 1});
  cluster.initialise();
  cluster.load("movies", steady_films());
  cluster.wait_for_replicas();
  const Router router(cluster.map_file());
  HttpClient client(router.port());
  std::vector<Ids> expected;
  for (const auto& order : orders) expected.push_back(steady_ids(client, order.empty() ? "id" : order));
  for (const auto& ids : expected) REQUIRE(ids.size() == steady_rows);

  SlotMover mover(cluster);
  Movers moving(mover);
  Passers passing(router.port());
  const auto began = std::chrono::steady_clock::now();
  const auto seed = std::random_device()();
  INFO("seed ", seed);
  std::mt19937_64 random(seed);
  int visited = 0;
  std::size_t pages = 0, passers = 0;
  while ((visited < visits || moving.moves() < 5) && std::chrono::steady_clock::now() - began < longest) {
    const auto which = random() % orders.size();
    const auto limit = 5 + random() % 60;
    INFO("order=", orders[which], " limit=", limit);
    const auto order = orders[which].empty() ? "id" : orders[which];
    const auto seen = visit(client, moving, order, limit);
    CHECK(seen.steady == expected[which]);
    CHECK(std::set<std::int64_t>(seen.all.begin(), seen.all.end()).size() == seen.all.size());
    pages += seen.pages;
    passers += seen.all.size() - seen.steady.size();
    ++visited;
  }
  passing.stop();
  moving.stop();
  mover.check();
  std::cout << visited << " visits of " << pages << " pages, " << passers << " rows that came and went seen, "
            << passing.written() << " written, " << moving.moves() << " moves\n";
  CHECK(visited >= visits);
  CHECK(moving.moves() >= 5);
  CHECK(passers > 0);
}

}  // namespace shardplex::integration
