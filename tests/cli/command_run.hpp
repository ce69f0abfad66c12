// Runs `shardplex` commands in this process and captures what they say.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/run_command_line.hpp"

namespace shardplex::test {

struct CommandRun {
  int exit = -1;
  std::string out, err;

  bool says(const std::string& text) const {
    return out.find(text) != std::string::npos || err.find(text) != std::string::npos;
  }
};

/// Prints what was said where a check on it fails.
inline std::ostream& operator<<(std::ostream& stream, const CommandRun& run) {
  return stream << "exit " << run.exit << "\nout: " << run.out << "\nerr: " << run.err;
}

inline CommandRun run_shardplex(const std::vector<std::string>& args, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out, err;
  const operations::Terminal terminal{in, out, err};
  CommandRun run;
  run.exit = cli::run_command_line(args, terminal);
  run.out = out.str();
  run.err = err.str();
  return run;
}

/// A file that is gone when this goes.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text, const std::string& suffix = "")
      : path_("/tmp/shardplex-test-XXXXXX" + suffix) {
    const int descriptor = mkstemps(path_.data(), static_cast<int>(suffix.size()));
    if (descriptor < 0) throw std::runtime_error("no temporary file");
    close(descriptor);
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace shardplex::test
