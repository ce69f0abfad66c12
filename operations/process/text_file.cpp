#include "operations/process/text_file.hpp"

#include <fstream>
#include <sstream>

#include "operations/process/failure.hpp"

namespace shardplex::operations {

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  file.peek();  // nothing at all is not a failure, and would be to operator<<
  if (!file.is_open() || file.bad() || (!file.eof() && !(text << file.rdbuf())))
    throw CommandFailed(path + ": cannot be read");
  return text.str();
}

}  // namespace shardplex::operations
