// Where tests keep what they make.
#pragma once

#include <cstdlib>
#include <string>

namespace shardplex::tests {

/// A pattern for mkdtemp() in the folder that TMPDIR names, else in /tmp; scripts/test names one in memory.
inline std::string temporary_path(const std::string& name) {
  const char* folder = std::getenv("TMPDIR");
  return std::string(folder != nullptr && *folder != '\0' ? folder : "/tmp") + '/' + name + "-XXXXXX";
}

}  // namespace shardplex::tests
