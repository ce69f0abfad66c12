#include "operations/shard/map_file.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "operations/process/failure.hpp"
#include "shard_map/yaml_map.hpp"

using namespace shardplex;
using namespace shardplex::operations;
namespace fs = std::filesystem;

namespace {

const std::string yaml = R"(# ours
version: 1
cluster: movies
shards:
  alpha: { primary: host=a }
  beta: { primary: host=b }
groups:
  catalog: { slots: 4, strategy: { hash: {} }, placement: { alpha: [0-1], beta: [2-3] } }  # two each
tables:
  movies: { group: catalog, key: id }
)";

ShardMap map_of(const std::string& text) {
  return std::get<ShardMap>(read_shard_map(text));
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

const std::string moved = replaced(yaml, "alpha: [0-1], beta: [2-3]", "alpha: [0], beta: [1-3]");

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// A folder with a map in it, gone when this goes.
class Folder {
 public:
  explicit Folder(const std::string& text = yaml) {
    REQUIRE(mkdtemp(path_.data()) != nullptr);
    write(text);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;

  void write(const std::string& text) const { std::ofstream(map()) << text; }
  const std::string& path() const { return path_; }
  std::string map() const { return path_ + "/map.yaml"; }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

 private:
  std::string path_ = "/tmp/shardplex-map-XXXXXX";
};

using Files = std::vector<std::string>;

std::string failure_of(const std::string& path, const std::string& wanted) {
  try {
    rewrite_map_file(path, map_of(wanted));
    return "";
  } catch (const CommandFailed& failure) {
    return failure.what();
  }
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Root may do everything; who is checked for permissions may not.
class AsNobody {
 public:
  AsNobody() {
    if (geteuid() == 0) REQUIRE(seteuid(65534) == 0);
  }
  ~AsNobody() {
    if (getuid() == 0 && seteuid(0) != 0) std::abort();
  }
  AsNobody(const AsNobody&) = delete;
};

}  // namespace

TEST_CASE("a map file is rewritten with its mode and owner, and the text before is kept beside it") {
  const Folder folder;
  REQUIRE(chmod(folder.map().c_str(), 0640) == 0);
  if (geteuid() == 0) REQUIRE(chown(folder.map().c_str(), 65534, 65534) == 0);
  struct stat before {};
  REQUIRE(stat(folder.map().c_str(), &before) == 0);
  rewrite_map_file(folder.map(), map_of(moved));
  CHECK(text_of(folder.map()) == moved);
  CHECK(text_of(folder.map() + ".bak") == yaml);
  CHECK(folder.files() == Files{"map.yaml", "map.yaml.bak"});
  for (const std::string& path : {folder.map(), folder.map() + ".bak"}) {
    struct stat after {};
    REQUIRE(stat(path.c_str(), &after) == 0);
    CHECK(after.st_mode == before.st_mode);
    CHECK(after.st_uid == before.st_uid);
    CHECK(after.st_gid == before.st_gid);
  }
  rewrite_map_file(folder.map(), map_of(yaml));
  CHECK(text_of(folder.map()) == yaml);
  CHECK(text_of(folder.map() + ".bak") == moved);
}

TEST_CASE("a map file that reads as wanted is not touched") {
  const Folder folder;
  const auto before = fs::last_write_time(folder.map());
  rewrite_map_file(folder.map(), map_of(replaced(yaml, "  # two each", "")));
  CHECK(fs::last_write_time(folder.map()) == before);
  CHECK(folder.files() == Files{"map.yaml"});
}

TEST_CASE("a symbolic link to a map stays one") {
  const Folder folder, elsewhere("");
  fs::remove(elsewhere.map());
  fs::create_symlink(folder.map(), elsewhere.map());
  rewrite_map_file(elsewhere.map(), map_of(moved));
  CHECK(fs::is_symlink(elsewhere.map()));
  CHECK(text_of(folder.map()) == moved);
  CHECK(folder.files() == Files{"map.yaml", "map.yaml.bak"});
  CHECK(elsewhere.files() == Files{"map.yaml"});
}

TEST_CASE("a map file that cannot be rewritten stays as it is, with nothing beside it") {
  const Folder folder;
  SUBCASE("no such file") {
    CHECK(contains(failure_of(folder.path() + "/other.yaml", moved), "other.yaml: No such file"));
  }
  SUBCASE("a folder that may not be written") {
    REQUIRE(chmod(folder.path().c_str(), 0555) == 0);
    const AsNobody nobody;
    CHECK(contains(failure_of(folder.map(), moved),
                   "map.yaml.bak: no file can be made beside it: Permission denied"));
  }
  SUBCASE("a folder that may not be read") {
    REQUIRE(chmod(folder.path().c_str(), 0333) == 0);
    const AsNobody nobody;
    CHECK(contains(failure_of(folder.map(), moved), folder.path() + ": cannot be opened: Permission denied"));
  }
  SUBCASE("a map that may not be read") {
    REQUIRE(chmod(folder.path().c_str(), 0777) == 0);
    REQUIRE(chmod(folder.map().c_str(), 0) == 0);
    const AsNobody nobody;
    CHECK(contains(failure_of(folder.map(), moved), "map.yaml: cannot be read: Permission denied"));
  }
  SUBCASE("no space") {
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit little{100, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &little) == 0);
    const std::string failure = failure_of(folder.map(), moved);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, ignored);
    CHECK(contains(failure, "cannot be written: File too large"));
  }
  chmod(folder.path().c_str(), 0755);
  chmod(folder.map().c_str(), 0644);
  CHECK(text_of(folder.map()) == yaml);
  CHECK(folder.files() == Files{"map.yaml"});
}

TEST_CASE("a folder in the place of the backup leaves the map as it is") {
  const Folder folder;
  fs::create_directory(folder.map() + ".bak");
  CHECK(contains(failure_of(folder.map(), moved), "map.yaml.bak: cannot be replaced: Is a directory"));
  CHECK(text_of(folder.map()) == yaml);
  CHECK(folder.files() == Files{"map.yaml", "map.yaml.bak"});
}

TEST_CASE("a file that has become another map, or none, is left to its owner") {
  struct Row {
    std::string what, with, says;
  };
  const std::vector<Row> rows{
      {"key: id }\n", "key: id }\n  genres: { reference: true }\n", "have been changed meanwhile"},
      {"key: id", "key: other", "have been changed meanwhile"},
      {"tables:\n",
       "relations:\n  r: { table: movies, columns: [id], foreign_table: movies, foreign_columns: [id] "
       "}\ntables:\n",
       "have been changed meanwhile"},
      {"tables:\n", "views:\n  v: { group: catalog, key: id }\ntables:\n", "have been changed meanwhile"},
      {"tables:\n", "functions:\n  f: any\ntables:\n", "have been changed meanwhile"},
      {"cluster: movies", "cluster: films", "have been changed meanwhile"},
      {"placement", "placed", "map.yaml: groups.catalog.placed: unknown key"},
  };
  for (const auto& row : rows) {
    const Folder folder(replaced(yaml, row.what, row.with));
    const std::string failure = failure_of(folder.map(), moved);
    CAPTURE(failure);
    CHECK(contains(failure, row.says));
    CHECK(text_of(folder.map()) == replaced(yaml, row.what, row.with));
    CHECK(folder.files() == Files{"map.yaml"});
  }
}

TEST_CASE("a map that could not be read again is not written") {
  const Folder folder;
  const ShardMap map = map_of(yaml);
  auto shards = map.shards();
  shards.push_back({"Not a name", "host=c", {}});
  CHECK_THROWS_AS(rewrite_map_file(folder.map(), ShardMap("movies", shards, map.groups(), map.tables(),
                                                          map.relations(), map.views(), map.functions())),
                  CommandFailed);
  CHECK(text_of(folder.map()) == yaml);
  CHECK(folder.files() == Files{"map.yaml"});
}

TEST_CASE("while two processes rewrite a map file, every reader finds a whole one") {
  const Folder folder;
  std::vector<pid_t> writers;
  for (int writer = 0; writer < 2; ++writer) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      bool failed = false;
      for (int i = 0; i < 200; ++i)
        failed |= !failure_of(folder.map(), i % 2 == writer ? moved : yaml).empty();
      _exit(failed ? 1 : 0);
    }
    writers.push_back(child);
  }
  bool torn = false;
  int status = 0, ended = 0, reads = 0;
  for (; ended < 2; ++reads) {
    const std::string text = text_of(folder.map());
    torn |= text != yaml && text != moved;
    if (waitpid(-1, &status, WNOHANG) > 0) {
      ++ended;
      CHECK(status == 0);
    }
  }
  CHECK_FALSE(torn);
  CHECK(reads > 10);
  CHECK(folder.files() == Files{"map.yaml", "map.yaml.bak"});
  const std::string backup = text_of(folder.map() + ".bak");
  CHECK((backup == yaml || backup == moved));
}
