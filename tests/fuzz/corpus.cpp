// The target as a plain program: it takes each file that is named, or is in a folder that is named, once.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

namespace {

std::vector<std::filesystem::path> files_in(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

void take_exactly(const std::string& bytes) {
  const auto input = std::make_unique<char[]>(bytes.size());
  std::ranges::copy(bytes, input.get());
  shardplex::fuzz::take({input.get(), bytes.size()});
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t taken = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& file : files_in(argv[i])) {
      std::ifstream in(file, std::ios::binary);
      if (!in) {
        std::fprintf(stderr, "%s cannot be read\n", file.c_str());
        return 1;
      }
      const std::string bytes(std::istreambuf_iterator<char>(in), {});
      // Before it is taken, since the process may end over it.
      std::fprintf(stderr, "%s: %zu bytes\n", file.c_str(), bytes.size());
      take_exactly(bytes);
      ++taken;
    }
  }
  take_exactly("");
  if (taken > 0) return 0;
  std::fprintf(stderr, "no inputs: name files or folders of them\n");
  return 1;
}
