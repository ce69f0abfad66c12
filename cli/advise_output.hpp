// Advice on a cluster, as text and as JSON.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "operations/advice/advise.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::cli {

struct AdviceShown {
  operations::AdviceReport report;
  std::string cluster;
  std::string map_file;              ///< for the commands that are told
  std::vector<std::string> routers;  ///< the same
};

/// {"cluster","advice":[{"kind","subject","what","evidence":[{"source","says","since"}],"costs",
/// "steps":[{"shards","text"}]}],"not_judged":[…],"away":[…],"servers":[{"server","since","days"}],
/// "routers":[…]}. "since" is null where the evidence is of now.
boost::json::object to_json(const AdviceShown& shown);

/// Advice on standard output: in paragraphs on a terminal; in a pipe a line for each part of it, which begins
/// with advice, evidence, costs or do, with tabs between its cells. What is away is a warning, and what is
/// not judged a note.
void print_advice(const AdviceShown& shown, const operations::Terminal& terminal);

}  // namespace shardplex::cli
