#include "tests/integration/cluster.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "shard_map/key.hpp"
#include "shard_map/yaml_map.hpp"
#include "tests/temporary_path.hpp"

namespace shardplex::integration {
namespace {

const std::string source = SHARDPLEX_SOURCE_DIR;
const std::string cluster_script = source + "/scripts/cluster";

// Waits for the end of its standard input, which is the end of the test program, then cleans up.
constexpr const char* guard_script = R"(
trap '' HUP INT TERM
cat > /dev/null
[ ! -f "$1/servers.tsv" ] || "$2" destroy --dir "$1" > /dev/null 2>&1
awk -v folder="$1/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | xargs -r umount
rm -rf "$1"
)";

ShardMap read_map(const std::string& path) {
  auto read = read_shard_map_file(path);
  if (auto* map = std::get_if<ShardMap>(&read)) return std::move(*map);
  throw std::runtime_error(std::get<std::vector<MapProblem>>(read).front().to_string());
}

}  // namespace

const std::string& shardplex_program() {
  static const std::string program = SHARDPLEX_PROGRAM;
  return program;
}

const std::string& shardplexd_program() {
  static const std::string program = SHARDPLEXD_PROGRAM;
  return program;
}

TemporaryFolder::TemporaryFolder() : path_(tests::temporary_path("shardplex-integration")) {
  if (::mkdtemp(path_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path_);
  // PostgreSQL's user has to be able to enter it.
  ::chmod(path_.c_str(), 0755);
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  std::array<const char*, 7> arguments{
      "sh", "-c", guard_script, "guard", path_.c_str(), cluster_script.c_str(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe[0], STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const int error = ::posix_spawnp(&guard_pid_, "sh", &actions, nullptr,
                                   const_cast<char* const*>(arguments.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[0]);
  guard_pipe_ = pipe[1];
  if (error != 0) throw std::system_error(error, std::generic_category(), "sh");
}

TemporaryFolder::~TemporaryFolder() {
  ::close(guard_pipe_);
  while (::waitpid(guard_pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string TemporaryFolder::write(const std::string& name, std::string_view text) const {
  const auto path = path_ + '/' + name;
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

pqxx::result Database::run(const std::string& sql) {
  pqxx::nontransaction transaction(connection_);
  return transaction.exec(sql);
}

std::optional<std::string> Database::value(const std::string& sql) {
  const auto rows = run(sql);
  if (rows.empty() || rows[0][0].is_null()) return std::nullopt;
  return rows[0][0].as<std::string>();
}

std::int64_t Database::number(const std::string& sql) {
  return std::stoll(value(sql).value());
}

std::string Database::quote(std::string_view text) {
  return connection_.quote(std::string(text));
}

Cluster::Cluster(const ClusterOptions& options) : map_file_(folder_.path() + "/map.yaml") {
  std::vector<std::string> start{"start",
                                 "--shards",
                                 std::to_string(options.shards),
                                 "--replicas",
                                 std::to_string(options.replicas),
                                 "--fsync",
                                 "off",
                                 "--map",
                                 options.map};
  for (const auto& setting : options.settings) start.insert(start.end(), {"--setting", setting});
  script(start);
  map_.emplace(read_map(map_file_));
  for (const auto& shard : map_->shards()) shards_.push_back(shard.name);
  read_ports();
}

void Cluster::read_ports() {
  const auto status = boost::json::parse(script({"status", "--json"}));
  for (const auto& server : status.as_array())
    ports_[std::string(server.at("name").as_string())] = server.at("port").to_number<std::uint16_t>();
}

std::string Cluster::script(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{cluster_script, arguments.front(), "--dir", folder_.path()};
  command.insert(command.end(), arguments.begin() + 1, arguments.end());
  return run_or_throw(command);
}

std::string Cluster::conninfo(const std::string& server) const {
  return "host=127.0.0.1 port=" + std::to_string(ports_.at(server)) + " dbname=movies user=shardplex";
}

void Cluster::use_map(const std::string& rest) {
  const auto map = read_file(map_file_);
  folder_.write("map.yaml", map.substr(0, std::min(map.find("\ngroups:"), map.find("\ntables:")) + 1) + rest);
  map_.emplace(read_map(map_file_));
}

void Cluster::initialise(const std::string& map_file) const {
  run_or_throw({shardplex_program(), "cluster", "init", "--map", map_file, "--schema",
                source + "/config/schema/movies.sql"});
}

void Cluster::load(const std::string& table, std::string_view ndjson) const {
  run_or_throw({shardplex_program(), "load", "--map", map_file_, "--table", table, "-"}, ndjson);
}

void Cluster::run_everywhere(const std::string& sql) const {
  for (const auto& shard : shards_) Database(conninfo(shard)).run(sql);
}

void Cluster::wait_for_replicas() const {
  for (const auto& shard : map_->shards()) {
    const auto written = Database(conninfo(shard.name)).value("SELECT pg_current_wal_lsn()").value();
    for (std::size_t i = 1; i <= shard.replicas.size(); ++i) {
      Database replica(conninfo(shard.name + '-' + std::to_string(i)));
      wait_until("a replica of " + shard.name + " has caught up", [&] {
        return replica.value("SELECT pg_last_wal_replay_lsn() >= '" + written + "'") == "t";
      });
    }
  }
}

void Cluster::kill(const std::string& server) const {
  script({"kill", server});
}

void Cluster::hang(const std::string& server) const {
  script({"hang", server});
}

void Cluster::wake(const std::string& server) const {
  script({"wake", server});
}

void Cluster::stop(const std::string& server) const {
  script({"stop-server", server});
}

void Cluster::crash_and_start(const std::string& server) const {
  script({"stop-server", server, "-m", "immediate"});
  script({"start-server", server});
}

std::pair<std::string, std::string> Cluster::add_shard() {
  std::set<std::string> before;
  for (const auto& [name, port] : ports_) before.insert(name);
  script({"add-shard", "--replicas", "0"});
  read_ports();
  for (const auto& [name, port] : ports_)
    if (!before.contains(name)) return {name, conninfo(name)};
  throw std::runtime_error("scripts/cluster add-shard made no server");
}

void Cluster::rejoin(const std::string& server) const {
  script({"rejoin", server});
}

void Cluster::remove_shard(const std::string& shard) {
  script({"remove-shard", shard});
  std::erase_if(ports_, [&](const auto& server) {
    return server.first == shard || server.first.starts_with(shard + '-');
  });
}

void Cluster::promote(const std::string& replica) const {
  script({"promote", replica});
}

void Cluster::start(const std::string& server) const {
  script({"start-server", server});
}

std::string Cluster::shard_of(const std::string& table, std::int64_t key,
                              std::optional<std::string_view> list_value) const {
  const auto& group = map_->group(*map_->find_table(table)->group);
  return map_->shard(group.placement[slot_of_row(group, canonical_bytes(key), list_value).value]).name;
}

Router::Router(const std::string& map_file, const Options& options)
    : process_(
          [&] {
            std::vector<std::string> command{shardplexd_program(),
                                             "--map",
                                             map_file,
                                             "--port",
                                             std::to_string(options.port),
                                             "--admin-port",
                                             std::to_string(options.admin_port)};
            command.insert(command.end(), options.arguments.begin(), options.arguments.end());
            return command;
          }(),
          options.environment) {
  const auto line = process_.wait_for_line("on which ports it listens", [](const std::string& said) {
    return said.find(R"("message":"listening")") != std::string::npos;
  });
  const auto listening = boost::json::parse(line);
  port_ = listening.at("port").to_number<std::uint16_t>();
  admin_port_ = listening.at("admin_port").to_number<std::uint16_t>();
  if (options.wait_until_ready) wait_until_ready();
}

Router::~Router() {
  if (killed_) return;
  const auto status = [this] {
    try {
      return stop();
    } catch (const std::exception&) {
      return -1;
    }
  }();
  if (status == 0) return;
  std::fprintf(stderr, "a router ended with status %d; its log:\n", status);
  for (const auto& line : process_.errors()) std::fprintf(stderr, "%s\n", line.c_str());
  std::_Exit(1);
}

HttpResponse Router::admin(std::string_view target) const {
  return HttpClient(admin_port_).get(target);
}

void Router::wait_until_ready() const {
  wait_for_ready_status(200);
}

HttpResponse Router::wait_for_ready_status(unsigned status) const {
  HttpResponse answer;
  try {
    wait_until("/ready?strict says " + std::to_string(status), [&] {
      answer = admin("/ready?strict");
      return answer.status == status;
    });
  } catch (const std::runtime_error& failure) {
    throw std::runtime_error(std::string(failure.what()) + ": " + answer.body);
  }
  return answer;
}

void Router::kill() {
  killed_ = true;
  process_.signal(SIGKILL);
  process_.wait();
}

int Router::stop() {
  if (process_.running()) process_.signal(SIGTERM);
  return process_.wait();
}

Finished run_shardplex(const std::vector<std::string>& arguments, const std::string& crash_at) {
  std::vector<std::string> command{"env", "SHARDPLEX_CRASH_AT=" + crash_at, shardplex_program()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

std::string make_movies(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{source + "/scripts/make-movies"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_or_throw(command);
}

}  // namespace shardplex::integration
