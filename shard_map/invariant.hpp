// Broken invariants end the process, in every build: a router that goes on would answer from the wrong slots.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace shardplex {

/// Aborts with `what` on standard error unless `holds`.
inline void invariant(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken invariant: %s\n", what);
  std::abort();
}

}  // namespace shardplex
