// Random reads, and PostgreSQL's plans of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/embed_generator.hpp"
#include "tests/integration/oracle.hpp"
#include "tests/integration/representations.hpp"

namespace shardplex::integration {
namespace {

namespace json = boost::json;

constexpr std::uint64_t planned_reads = 120;

/// For the plan of the answer that the read asks for.
Headers asking_for_plan(const ReadRequest& read) {
  std::string of = "application/json";
  Headers headers;
  for (const auto& header : read.headers) {
    if (header.first == "Accept")
      of = header.second.starts_with("application/x-ndjson") ? "application/x-ndjson" : header.second;
    else
      headers.push_back(header);
  }
  headers.emplace_back("Accept", "application/vnd.pgrst.plan+json; for=\"" + of + '"');
  return headers;
}

/// Some of its rows are looked up for others.
bool looks_up(const json::value& told) {
  return std::ranges::any_of(told.at("statements").as_array(), [](const json::value& statement) {
    return statement.at("does").as_string().starts_with("looks");
  });
}

/// The shards whose plans are to be told apart; one is not named.
std::vector<std::string> shards_told_of(const json::value& told) {
  std::vector<std::string> names;
  if (told.at_pointer("/route/kind").as_string() == "any") return names;
  for (const auto& shard : told.at_pointer("/route/shards").as_array())
    names.emplace_back(shard.at("shard").as_string());
  if (names.size() == 1) names.clear();
  return names;
}

std::vector<std::string> shards_planned(const json::array& plans) {
  std::vector<std::string> names;
  for (const auto& plan : plans)
    if (const auto* name = plan.as_object().if_contains("Shard")) names.emplace_back(name->as_string());
  return names;
}

struct PlanCounts {
  std::uint64_t plans = 0, of_several = 0, refused = 0;
};

/// `usual` answers reads as any router, and tells how; `planning` shows plans as well.
PlanCounts compare_plans(const Router& usual, const Router& planning, const GeneratedReads& reads) {
  HttpClient client(usual.port()), admin(usual.admin_port()), planner(planning.port());
  PlanCounts counts;
  for (std::uint64_t seed = reads.first_seed; seed < reads.first_seed + reads.count; ++seed) {
    auto read = reads.make(seed);
    ask_for_a_format(read, seed);
    if (read.method != "GET") continue;
    INFO("seed ", seed, ": ", read.describe());
    const auto told = admin.get("/plan" + read.target, read.headers),
               plan = planner.get(read.target, asking_for_plan(read));
    INFO(plan.body);
    if (told.status != 200) {
      CHECK(plan.status == told.status);
      CHECK(plan.error_code() == told.error_code());
      ++counts.refused;
      continue;
    }
    const auto how = json::parse(told.body);
    if (looks_up(how)) {
      CHECK(plan.error_code() == "SHARD400");
      ++counts.refused;
      continue;
    }
    if (client.get(read.target, read.headers).status < 300) CHECK(plan.status == 200);
    if (plan.status != 200) continue;
    const auto plans = json::parse(plan.body).as_array();
    const auto expected = shards_told_of(how);
    CHECK(plans.size() == std::max<std::size_t>(expected.size(), 1));
    CHECK(shards_planned(plans) == expected);
    for (const auto& each : plans) CHECK(each.as_object().contains("Plan"));
    ++counts.plans;
    counts.of_several += plans.size() > 1;
  }
  return counts;
}

void compare_kinds_of_plans(const Router& usual, const Cluster& cluster, bool by_genre) {
  const Router planning(
      cluster.map_file(),
      Router::Options{.arguments = {"--plans", "on"}, .environment = {}, .wait_until_ready = true});
  const auto count = case_count(planned_reads);
  std::uint64_t of_several = 0;
  const auto make_embeds = [&](std::uint64_t seed) { return make_embedding_read(seed, by_genre); };
  for (const auto& reads : std::vector<GeneratedReads>{{make_read, 8'000'000, count},
                                                       {make_group_read, 9'000'000, count},
                                                       {make_embeds, 10'000'000, count}}) {
    const auto counts = compare_plans(usual, planning, reads);
    CHECK(counts.plans + counts.refused > count / 4);
    of_several += counts.of_several;
  }
  CHECK(of_several > 0);
}

}  // namespace

TEST_CASE("every read by hash that no rows are looked up for has a plan of each shard that it asks") {
  auto& oracle = Oracle::instance();
  compare_kinds_of_plans(oracle.hash_router, oracle.hash, false);
}

TEST_CASE("every read by genre that no rows are looked up for has a plan of each shard that it asks") {
  auto& oracle = Oracle::instance();
  compare_kinds_of_plans(oracle.genre_router, oracle.genre, true);
}

}  // namespace shardplex::integration
