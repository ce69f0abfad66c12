#include "tests/postgres/server_fixture.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tests/temporary_path.hpp"

namespace shardplex::test {
namespace {

const std::string programs = SHARDPLEX_POSTGRES_PROGRAMS;

// Waits for the end of its standard input, which is the end of the test program, then removes the server.
constexpr const char* guard_script = R"(
trap '' HUP INT TERM
cat > /dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
if [ -n "$pid" ] && kill -QUIT "$pid" 2> /dev/null; then
  for attempt in $(seq 500); do
    [ -e "$1/data/postmaster.pid" ] || break
    sleep 0.02
  done
fi
rm -rf "$1"
)";

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

pid_t spawn(const std::vector<std::string>& arguments, int standard_input, short flags = 0) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, standard_input, STDIN_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, flags);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), arguments.front());
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail("waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// PostgreSQL refuses to run as root.
std::vector<std::string> unprivileged(std::vector<std::string> command) {
  if (geteuid() != 0) return command;
  std::vector<std::string> switched{"runuser", "-u", "postgres", "--"};
  switched.insert(switched.end(), command.begin(), command.end());
  return switched;
}

bool succeeds(std::vector<std::string> command) {
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t pid = spawn(unprivileged(std::move(command)), nothing);
  ::close(nothing);
  return wait_for(pid) == 0;
}

void run(const std::vector<std::string>& command) {
  if (!succeeds(command)) throw std::runtime_error("failed: " + command.front());
}

std::uint16_t free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0) fail("bind");
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) fail("getsockname");
  ::close(listener);
  return ntohs(address.sin_port);
}

std::string make_folder() {
  std::string path = tests::temporary_path("shardplex-test");
  if (!::mkdtemp(path.data())) fail("mkdtemp");
  if (geteuid() == 0 && !(wait_for(spawn({"chown", "postgres", path}, STDIN_FILENO)) == 0)) fail("chown");
  return path;
}

void write_lines(const std::string& path, const std::vector<std::string>& lines, std::ios::openmode mode) {
  std::ofstream file(path, mode);
  for (const std::string& line : lines) file << line << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace

Server::Server(const ServerOptions& options) : folder_(make_folder()) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) fail("pipe");
  // In a session of its own: what ends the test program's process group must not end the guard.
  guard_pid_ = spawn({"sh", "-c", guard_script, "guard", folder_}, pipe[0], POSIX_SPAWN_SETSID);
  ::close(pipe[0]);
  guard_pipe_ = pipe[1];

  std::vector<std::string> initdb{programs + "/initdb", "-D", folder_ + "/data", "-U",
                                  "postgres",           "-A", "trust",           "--no-sync",
                                  "--encoding=UTF8"};
  initdb.insert(initdb.end(), options.initdb.begin(), options.initdb.end());
  run(initdb);
  std::vector<std::string> access = options.host_based_access;
  access.emplace_back("host all all 127.0.0.1/32 trust");
  write_lines(folder_ + "/data/pg_hba.conf", access, std::ios::trunc);
  write_lines(folder_ + "/data/postgresql.conf",
              {"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''", "fsync = off",
               "shared_buffers = 32MB", "max_connections = 50", "max_prepared_transactions = 10"},
              std::ios::app);
  write_lines(folder_ + "/data/postgresql.conf", options.configuration, std::ios::app);

  // Somebody else may take the port between finding and using it.
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = free_port();
    if (try_start()) return;
  }
  throw std::runtime_error("PostgreSQL does not start, see " + folder_ + "/log");
}

Server::~Server() {
  ::close(guard_pipe_);
  wait_for(guard_pid_);
}

std::string Server::conninfo(const std::string& database) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " dbname=" + database + " user=postgres";
}

bool Server::try_start() {
  return succeeds({programs + "/pg_ctl", "-D", folder_ + "/data", "-w", "-s", "-l", folder_ + "/log", "-o",
                   "-p " + std::to_string(port_), "start"});
}

void Server::start() {
  if (!try_start()) throw std::runtime_error("PostgreSQL does not start again");
}

void Server::control(std::vector<std::string> arguments) const {
  std::vector<std::string> command{programs + "/pg_ctl", "-D", folder_ + "/data", "-w", "-s"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  run(command);
}

void Server::stop() {
  control({"-m", "fast", "stop"});
}
void Server::kill() {
  control({"-m", "immediate", "stop"});
}

void Server::become_standby() {
  stop();
  write_lines(folder_ + "/data/standby.signal", {}, std::ios::trunc);
  start();
}

void Server::run_sql(const std::string& sql, const std::string& database) const {
  run({programs + "/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfo(database), "-c", sql});
}

void Server::run_sql_file(const std::string& path, const std::string& database) const {
  run({programs + "/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", conninfo(database), "-f", path});
}

}  // namespace shardplex::test
