// What shows that a fault has happened. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shardplex::chaos {

/// Something that was counted while a fault lasted, of which there is none without the fault.
struct Evidence {
  std::string what;  ///< before its number: "processes of alpha that stand still"
  std::int64_t count = 0;
  std::int64_t least = 1;  ///< fewer show nothing
};

/// "processes of alpha that stand still: 9"
inline std::string to_string(const Evidence& evidence) {
  return evidence.what + ": " + std::to_string(evidence.count);
}

/// A sentence for each piece that shows nothing, and one where there is none at all. A round of which nothing
/// shows that its fault has happened proves nothing, however well its load went.
inline std::vector<std::string> doubts(const std::vector<Evidence>& proof) {
  std::vector<std::string> found;
  for (const auto& evidence : proof)
    if (evidence.count < evidence.least)
      found.push_back("the fault did not happen: " + to_string(evidence) + ", and not " +
                      std::to_string(evidence.least) + " or more");
  if (proof.empty()) found.emplace_back("the fault did not happen: nothing shows that it did");
  return found;
}

}  // namespace shardplex::chaos
