#include <string>
#include <vector>

#include "cli/run_command_line.hpp"

int main(int argc, char** argv) {
  using namespace shardplex::cli;
  std::ios::sync_with_stdio(false);
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  return run_command_line(args, Terminal::of_process());
}
