#include "operations/process/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "operations/process/failure.hpp"

namespace shardplex::operations {
namespace {

[[noreturn]] void fail(const std::string& program, int error) {
  throw CommandFailed(program + " cannot be run: " + std::strerror(error));
}

/// One end of a pipe, closed when this goes.
class End {
 public:
  End() = default;
  explicit End(int descriptor) : descriptor_(descriptor) {}
  End(End&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  End& operator=(End&& other) noexcept {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    return *this;
  }
  ~End() { close(); }

  int get() const { return descriptor_; }
  bool open() const { return descriptor_ >= 0; }
  void close() {
    if (open()) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_ = -1;
};

struct Pipe {
  End read, write;
};

Pipe make_pipe(const std::string& program) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(program, errno);
  return {End(ends[0]), End(ends[1])};
}

/// For the program's input: a program that ends before it has read all of it must not end this one by a
/// signal, which writing to a pipe would.
Pipe make_socket_pair(const std::string& program) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail(program, errno);
  return {End(ends[0]), End(ends[1])};
}

std::vector<std::string> environment_with(const MoreEnvironment& more) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const bool replaced = std::ranges::any_of(
        more, [&](const auto& variable) { return text.substr(0, text.find('=')) == variable.first; });
    if (!replaced) all.emplace_back(text);
  }
  for (const auto& [name, value] : more) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

pid_t spawn(std::vector<std::string> command, const Pipe& in, const Pipe& out, const Pipe& err,
            const MoreEnvironment& more) {
  auto environment = environment_with(more);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, command.front().c_str(), &actions, nullptr, pointers(command).data(),
                                 pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail(command.front(), error);
  return pid;
}

/// Takes what can be read; closes the end where there is nothing more to come.
void read_some(End& end, std::string& text) {
  std::array<char, 64 << 10> buffer;
  const ssize_t bytes = read(end.get(), buffer.data(), buffer.size());
  if (bytes > 0)
    text.append(buffer.data(), static_cast<std::size_t>(bytes));
  else if (bytes == 0 || errno != EINTR)
    end.close();
}

/// Puts what fits; closes the end where all is put, or the program reads no more.
void write_some(End& end, std::string_view& text) {
  const ssize_t bytes =
      text.empty() ? 0 : send(end.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (bytes > 0) text.remove_prefix(static_cast<std::size_t>(bytes));
  if (text.empty() || (bytes < 0 && errno != EINTR && errno != EAGAIN)) end.close();
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ProgramRun run_program(const std::vector<std::string>& command, std::string_view input,
                       const MoreEnvironment& environment) {
  Pipe in = make_socket_pair(command.front()), out = make_pipe(command.front()),
       err = make_pipe(command.front());
  const pid_t pid = spawn(command, in, out, err, environment);
  in.read.close();
  out.write.close();
  err.write.close();
  ProgramRun run;
  while (in.write.open() || out.read.open() || err.read.open()) {
    std::array<pollfd, 3> ends{pollfd{in.write.get(), POLLOUT, 0}, pollfd{out.read.get(), POLLIN, 0},
                               pollfd{err.read.get(), POLLIN, 0}};
    poll(ends.data(), ends.size(), -1);
    if (ends[0].revents != 0) write_some(in.write, input);
    if (ends[1].revents != 0) read_some(out.read, run.output);
    if (ends[2].revents != 0) read_some(err.read, run.errors);
  }
  run.status = wait_for(pid);
  return run;
}

std::string output_of(const std::vector<std::string>& command, std::string_view input,
                      const MoreEnvironment& environment) {
  ProgramRun run = run_program(command, input, environment);
  if (run.status == 0) return std::move(run.output);
  const auto at = run.errors.find("ERROR:");
  const std::string_view reason =
      at == std::string::npos ? run.errors : std::string_view(run.errors).substr(at);
  throw CommandFailed(command.front() + " failed (status " + std::to_string(run.status) +
                      "): " + one_line(reason.substr(0, 2000)));
}

}  // namespace shardplex::operations
