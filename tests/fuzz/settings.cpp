// The router's settings: arguments, a line each; behind a line "===" the text of a settings file.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "router/settings.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shardplex::fuzz {
namespace {

/// A file in memory with this text.
class SettingsFile {
 public:
  explicit SettingsFile(std::string_view text) : file_(memfd_create("settings", 0)) {
    invariant(file_ >= 0, "there is room for a file");
    while (!text.empty()) {
      const auto written = write(file_, text.data(), text.size());
      invariant(written > 0, "the file can be written");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  ~SettingsFile() { close(file_); }
  SettingsFile(const SettingsFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

/// It would have any file read, and some never end. (Short flags may stand together, such as -hc.)
bool names_a_file(std::string_view argument) {
  if (argument.starts_with("--")) return argument.starts_with("--config");
  return argument.starts_with('-') && argument.find('c') != std::string_view::npos;
}

/// What comes before the line "===", by lines; the rest is left in `text`.
std::vector<std::string> take_arguments(std::string_view& text) {
  std::vector<std::string> arguments;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line == "===") break;
    // An argument ends at its first NUL.
    std::string argument(line.substr(0, line.find('\0')));
    if (!names_a_file(argument)) arguments.push_back(std::move(argument));
  }
  return arguments;
}

}  // namespace

void take(std::string_view input) {
  const auto arguments = take_arguments(input);
  const SettingsFile file(input);
  const auto path = file.path();
  std::vector<const char*> argv{"shardplexd", "--config", path.c_str()};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  const auto outcome = router::read_settings(static_cast<int>(argv.size()), argv.data());
  if (const auto* ended = std::get_if<router::Exit>(&outcome)) {
    invariant(ended->code == 0 || ended->code == 2, "it is help or a refusal");
    invariant(!ended->text.empty() && ended->text.ends_with('\n'), "it says why");
    return;
  }
  const auto& settings = std::get<router::Settings>(outcome);
  invariant(!settings.map_file.empty(), "there is a map");
  invariant(settings.workers <= 256 && settings.request_timeout.count() > 0,
            "what is out of bounds is refused");
  for (const auto& host : settings.limits.hosts) invariant(!host.empty(), "a host has a name");
}

}  // namespace shardplex::fuzz
