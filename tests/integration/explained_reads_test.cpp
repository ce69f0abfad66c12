// Random reads, against what the router says beforehand that they would do.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "shard_map/joined.hpp"
#include "tests/integration/embed_generator.hpp"
#include "tests/integration/oracle.hpp"
#include "tests/integration/representations.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

constexpr std::uint64_t explained_reads = 250;

/// "alpha" of "alpha-1", its replica.
std::string shard_of_server(std::string_view server) {
  return std::string(server.substr(0, server.find('-')));
}

std::set<std::string> shards_asked(const HttpResponse& answer) {
  std::set<std::string> shards;
  const auto header = answer.header("Shardplex-Shards").value_or("");
  for (std::size_t at = 0; at < header.size();) {
    const auto end = std::min(header.find(',', at), header.size());
    shards.insert(shard_of_server(std::string_view(header).substr(at, end - at)));
    at = end + 1;
  }
  return shards;
}

std::set<std::string> shards_told(const json::value& plan) {
  std::set<std::string> shards;
  for (const auto& shard : plan.at_pointer("/route/shards").as_array())
    shards.emplace(shard.at("shard").as_string());
  return shards;
}

bool has_statement(const json::value& plan, std::string_view that_begins) {
  return std::ranges::any_of(plan.at("statements").as_array(), [&](const json::value& statement) {
    return statement.at("does").as_string().starts_with(that_begins);
  });
}

std::string names_of(const std::set<std::string>& shards) {
  return joined(std::vector(shards.begin(), shards.end()), ",");
}

void check_shards(const json::value& plan, const HttpResponse& answer) {
  const auto asked = shards_asked(answer), told = shards_told(plan);
  if (plan.at_pointer("/route/kind").as_string() == "any")
    CHECK(std::ranges::includes(told, asked));
  else if (plan.at_pointer("/route/kind").as_string() == "none")
    CHECK(asked.size() == 1);
  else if (has_statement(plan, "finds keys"))
    CHECK_FALSE(asked.empty());  // and of those that are told the ones that the keys are on
  else if (has_statement(plan, "looks") || has_statement(plan, "makes"))
    CHECK(std::ranges::includes(asked, told));  // rows tell of more
  else
    CHECK(names_of(asked) == names_of(told));
}

/// PostgreSQL takes each statement, and finds as many parameters in it as are told.
void check_statements(const json::value& plan, Database& database) {
  for (const auto& statement : plan.at("statements").as_array()) {
    const auto sql = std::string(statement.at("sql").as_string());
    CAPTURE(sql);
    CHECK_NOTHROW(database.run("PREPARE told AS " + sql));
    CHECK(database.number(
              "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'told'") ==
          static_cast<std::int64_t>(statement.at("parameters").as_array().size()));
    database.run("DEALLOCATE told");
  }
}

void compare_with_explanations(const Router& router, const Cluster& cluster, const GeneratedReads& reads) {
  HttpClient client(router.port()), admin(router.admin_port());
  Database database(cluster.conninfo("alpha"));
  std::uint64_t compared = 0;
  for (std::uint64_t seed = reads.first_seed; seed < reads.first_seed + reads.count; ++seed) {
    auto read = reads.make(seed);
    ask_for_a_format(read, seed);
    INFO("seed ", seed, ": ", read.describe());
    const auto answer = client.request(read.method, read.target, read.headers),
               told = admin.request(read.method, "/plan" + read.target, read.headers);
    if (told.status != 200) {
      CHECK(told.status == answer.status);
      CHECK(told.body == answer.body);
      continue;
    }
    if (answer.status >= 300 || read.method == "HEAD") continue;
    INFO(told.body);
    const auto plan = json::parse(told.body);
    check_shards(plan, answer);
    check_statements(plan, database);
    ++compared;
  }
  CHECK(compared > reads.count / 4);
}

void compare_kinds(const Router& router, const Cluster& cluster, bool by_genre) {
  const auto count = case_count(explained_reads);
  compare_with_explanations(router, cluster, {make_read, 5'000'000, count});
  compare_with_explanations(router, cluster, {make_group_read, 6'000'000, count});
  const auto make_embeds = [&](std::uint64_t seed) { return make_embedding_read(seed, by_genre); };
  compare_with_explanations(router, cluster, {make_embeds, 7'000'000, count});
}

}  // namespace

TEST_CASE("every read by hash asks the shards, and is refused for the reasons, that its explanation tells") {
  auto& oracle = Oracle::instance();
  compare_kinds(oracle.hash_router, oracle.hash, false);
}

TEST_CASE("every read by genre asks the shards, and is refused for the reasons, that its explanation tells") {
  auto& oracle = Oracle::instance();
  compare_kinds(oracle.genre_router, oracle.genre, true);
}

}  // namespace shardplex::integration
