// What routers have counted, asked over HTTP.
#include <boost/json.hpp>
#include <exception>
#include <stdexcept>

#include "operations/cluster/ask_router.hpp"
#include "operations/cluster/slot_weights.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"

namespace shardplex::operations {
namespace {

namespace json = boost::json;

/// The answer to GET /load; throws std::runtime_error with the reason where there is none in time.
std::string fetch_load(const std::string& url) {
  auto reply = ask_router(url, "/load");
  if (reply.status != 200) throw std::runtime_error("GET /load: status " + std::to_string(reply.status));
  return std::move(reply.body);
}

/// The counts of a group, one per slot.
std::vector<std::uint64_t> read_counts(const json::value& answer, const Group& group) {
  const json::value* counts = nullptr;
  if (const auto* all = answer.if_object())
    if (const auto* groups = all->if_contains("groups"); groups != nullptr && groups->is_object())
      counts = groups->as_object().if_contains(group.name);
  if (counts == nullptr) throw std::runtime_error("its answer tells nothing of group " + group.name);
  const auto numbers = json::try_value_to<std::vector<std::uint64_t>>(*counts);
  if (!numbers || numbers->size() != group.slot_count)
    throw std::runtime_error("its answer has not one count for each of the " +
                             std::to_string(group.slot_count) + " slots of group " + group.name +
                             "; does it run with this map?");
  return *numbers;
}

struct RouterAnswer {
  SlotWeights counts;
  std::string problem;
};

RouterAnswer ask(const ShardMap& map, const std::string& url) try {
  const json::value answer = json::parse(fetch_load(url));
  RouterAnswer result;
  for (const Group& group : map.groups()) result.counts.push_back(read_counts(answer, group));
  return result;
} catch (const std::exception& error) {
  return {{}, "router " + url + ": " + one_line(error.what())};
}

}  // namespace

SlotWeights read_router_load(const ShardMap& map, std::span<const std::string> routers) {
  const auto answers = in_parallel(routers.size(), [&](std::size_t i) { return ask(map, routers[i]); });
  std::vector<std::string> problems;
  SlotWeights sum;
  for (const Group& group : map.groups()) sum.emplace_back(group.slot_count);
  for (const RouterAnswer& answer : answers) {
    if (!answer.problem.empty()) {
      problems.push_back(answer.problem);
      continue;
    }
    for (std::size_t g = 0; g < sum.size(); ++g)
      for (std::size_t slot = 0; slot < sum[g].size(); ++slot) sum[g][slot] += answer.counts[g][slot];
  }
  if (!problems.empty()) throw CommandFailed(std::move(problems));
  return sum;
}

}  // namespace shardplex::operations
