// What came of the requests so far.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/oracle/judge.hpp"
#include "tests/oracle/options.hpp"

namespace shardplex::oracle {

struct Tally {
  std::uint64_t schemas = 0, requests = 0, refused = 0, wrong = 0;
  std::uint64_t errors = 0, streams = 0, empty = 0;  ///< of the answers over shards, refusals aside
  std::uint64_t writes = 0;
  std::uint64_t moves = 0;                        ///< of slots
  std::uint64_t under_moves = 0;                  ///< requests for which a slot was under way meanwhile
  std::map<std::string, std::uint64_t> refusals;  ///< by reason
  std::chrono::nanoseconds asking{0};             ///< without what tables, rows and shrinking took
  std::chrono::nanoseconds whole{0};              ///< with it
  std::vector<std::string> cases;                 ///< folders

  void add(const Judgement& judgement, const integration::HttpResponse& over_shards);
  /// How many were answered rightly, with rows or with what else a write is answered with.
  std::uint64_t told() const { return requests - wrong - refused - errors - empty; }
};

/// For a line of progress; `of`: how many requests there will be.
std::string line_of(const Tally& tally, std::uint64_t of);
/// Why requests were refused, the twenty reasons that came most often: a line each, "" where there was none.
std::string refusals_of(const Tally& tally);
/// What a whole run came to, in a few lines for people and for docs/evidence.md.
std::string result_of(const Tally& tally, const Options& options);
/// Why so many requests, without a wrong one, prove too little: nearly all of them were refused, say, or no
/// slot moved. "" where that is not so, and of few requests.
std::string shortfall_of(const Tally& tally, const Options& options);
boost::json::object json_of(const Tally& tally, const Options& options);

}  // namespace shardplex::oracle
