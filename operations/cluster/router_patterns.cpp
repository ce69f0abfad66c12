#include "operations/cluster/router_patterns.hpp"

#include <boost/json.hpp>
#include <exception>
#include <stdexcept>
#include <utility>

#include "operations/cluster/ask_router.hpp"
#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"
#include "query/patterns/pattern_json.hpp"

namespace shardplex::operations {
namespace {

struct PatternsTold {
  PatternReport report;
  std::string problem;
};

PatternsTold ask_for_patterns(const std::string& url) try {
  const auto reply = ask_router(url, "/patterns");
  if (reply.status != 200) throw std::runtime_error("GET /patterns: status " + std::to_string(reply.status));
  auto report = read_pattern_report(boost::json::parse(reply.body));
  if (!report) throw std::runtime_error("its answer to GET /patterns cannot be understood");
  return {*std::move(report), {}};
} catch (const std::exception& error) {
  return {{}, "router " + url + ": " + one_line(error.what())};
}

}  // namespace

RouterPatterns read_router_patterns(std::span<const std::string> routers) {
  const auto told = in_parallel(routers.size(), [&](std::size_t i) { return ask_for_patterns(routers[i]); });
  RouterPatterns all;
  for (const auto& one : told) {
    if (!one.problem.empty()) all.problems.push_back(one.problem);
    all.sum.add(one.report);
  }
  if (all.problems.size() == told.size()) throw CommandFailed(std::move(all.problems));
  return all;
}

}  // namespace shardplex::operations
