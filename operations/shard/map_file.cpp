#include "operations/shard/map_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "operations/process/failure.hpp"
#include "shard_map/definitions.hpp"
#include "shard_map/map_text.hpp"
#include "shard_map/suggestion.hpp"
#include "shard_map/yaml_map.hpp"

namespace shardplex::operations {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw CommandFailed(path.string() + ": " + what + ": " + std::generic_category().message(errno));
}

void check(int result, const fs::path& path, const char* what) {
  if (result < 0) fail(path, what);
}

/// A file beside another, to take its place; gone with this where it has not.
class Successor {
 public:
  explicit Successor(fs::path target)
      : target_(std::move(target)),
        name_(target_.string() + ".XXXXXX"),
        file_(mkostemp(name_.data(), O_CLOEXEC)) {
    check(file_.number(), target_, "no file can be made beside it");
  }
  ~Successor() {
    if (!in_place_) unlink(name_.c_str());
  }

  /// With the owner, where this process may give files away, and the mode of `before`.
  void write(std::string_view text, const struct stat& before) {
    [[maybe_unused]] const int may_fail = fchown(file_.number(), before.st_uid, before.st_gid);
    check(fchmod(file_.number(), before.st_mode & 07777), name_, "cannot be given the mode of the map");
    while (!text.empty()) {
      const auto written = ::write(file_.number(), text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      check(static_cast<int>(written), name_, "cannot be written");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    check(fsync(file_.number()), name_, "cannot be written");
  }

  void take_place() {
    check(rename(name_.c_str(), target_.c_str()), target_, "cannot be replaced");
    in_place_ = true;
  }

 private:
  fs::path target_;
  std::string name_;
  Descriptor file_;
  bool in_place_ = false;
};

ShardMap read_map(const fs::path& path, std::string_view text) {
  auto read = read_shard_map(text);
  if (auto* map = std::get_if<ShardMap>(&read)) return std::move(*map);
  std::vector<std::string> problems;
  for (const auto& problem : std::get<std::vector<MapProblem>>(read))
    problems.push_back(path.string() + ": " + problem.to_string());
  throw CommandFailed(std::move(problems));
}

}  // namespace

void rewrite_map_file(const std::string& path, const ShardMap& wanted) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) throw CommandFailed(path + ": " + error.message());
  struct stat before {};
  check(stat(real.c_str(), &before), real, "cannot be read");
  errno = 0;
  std::ifstream file(real, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) fail(real, "cannot be read");

  const ShardMap current = read_map(real, text);
  if (current.cluster() != wanted.cluster() || definitions_of(current) != definitions_of(wanted) ||
      current.relations() != wanted.relations() || current.views() != wanted.views() ||
      current.functions() != wanted.functions())
    throw CommandFailed(real.string() +
                        ": its cluster, groups, tables, relations, views or functions have been changed "
                        "meanwhile; it is left as it is");
  const std::string edited = edit_shard_map(text, wanted);
  if (edited == text) return;
  read_map(real, edited);

  const fs::path folder = real.parent_path();
  const Descriptor names(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check(names.number(), folder, "cannot be opened");
  Successor backup(real.string() + ".bak"), successor(real);
  backup.write(text, before);
  successor.write(edited, before);
  backup.take_place();
  successor.take_place();
  // Only now do the new names outlive a power cut. Some file systems have nothing to do here, and say so.
  if (fsync(names.number()) < 0 && errno != EINVAL) fail(real, "was rewritten, but a power cut may undo it");
}

ShardMap load_shard_map(const std::string& file) {
  auto read = read_shard_map_file(file);
  if (auto* map = std::get_if<ShardMap>(&read)) return std::move(*map);
  std::vector<std::string> texts;
  for (const auto& problem : std::get<std::vector<MapProblem>>(read))
    texts.push_back(file + ": " + problem.to_string());
  throw CommandFailed(std::move(texts));
}

const TablePlacement& table_of_map(const ShardMap& map, std::string_view name) {
  if (const TablePlacement* table = map.find_table(name)) return *table;
  std::vector<std::string> names;
  for (const auto& table : map.tables()) names.push_back(table.name);
  throw CommandFailed("the map has no table " + std::string(name) + did_you_mean(name, names));
}

}  // namespace shardplex::operations
