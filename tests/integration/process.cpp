#include "tests/integration/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace shardplex::integration {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

/// Both ends of a pipe, closed when this goes.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) fail("pipe");
  }
  ~Pipe() {
    close_reading();
    close_writing();
  }
  Pipe(const Pipe&) = delete;

  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void close_reading() { close(ends_[0]); }
  void close_writing() { close(ends_[1]); }
  int release_reading() { return std::exchange(ends_[0], -1); }

 private:
  static void close(int& end) {
    if (end >= 0) ::close(std::exchange(end, -1));
  }
  std::array<int, 2> ends_{-1, -1};
};

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Starts a program on three descriptors; what happens between fork and exec is safe beside other threads.
pid_t start(const std::vector<std::string>& command, const Process::Environment& more_environment, int input,
            int output, int errors) {
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) environment.emplace_back(*variable);
  for (const auto& [name, value] : more_environment) environment.push_back(name + '=' + value);
  const auto arguments = pointers(command), variables = pointers(environment);
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  // Asio's sockets are handed on by themselves: a connection would outlive its end in this program.
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execvpe(arguments[0], arguments.data(), variables.data());
  ::_exit(127);
}

int status_of(int waited) {
  return WIFEXITED(waited) ? WEXITSTATUS(waited) : 128 + WTERMSIG(waited);
}

int wait_for(pid_t pid) {
  int waited = 0;
  while (::waitpid(pid, &waited, 0) < 0)
    if (errno != EINTR) fail("waitpid");
  return status_of(waited);
}

/// Writes `input` into the program and takes in what it says, whichever goes.
void converse(Pipe& in, std::string_view input, Pipe& out, std::string& output, Pipe& err,
              std::string& errors) {
  bool out_open = true, err_open = true;
  if (input.empty()) in.close_writing();
  while (out_open || err_open || !input.empty()) {
    std::array<pollfd, 3> watched{{{input.empty() ? -1 : in.writing(), POLLOUT, 0},
                                   {out_open ? out.reading() : -1, POLLIN, 0},
                                   {err_open ? err.reading() : -1, POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) fail("poll");
    if (watched[0].revents != 0) {
      const auto written = ::write(in.writing(), input.data(), std::min<std::size_t>(input.size(), 4096));
      input.remove_prefix(written < 0 ? input.size() : static_cast<std::size_t>(written));
      if (input.empty()) in.close_writing();
    }
    const auto take_in = [](const pollfd& end, std::string& text, bool& open) {
      if (end.revents == 0) return;
      std::array<char, 65536> bytes;
      const auto count = ::read(end.fd, bytes.data(), bytes.size());
      if (count > 0) text.append(bytes.data(), static_cast<std::size_t>(count));
      open = count > 0;
    };
    take_in(watched[1], output, out_open);
    take_in(watched[2], errors, err_open);
  }
}

}  // namespace

void wait_until(std::string_view what, const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end)
      throw std::runtime_error("waited in vain until " + std::string(what));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Finished run(const std::vector<std::string>& command, std::string_view input) {
  std::signal(SIGPIPE, SIG_IGN);  // a program that does not read its input to the end says so by its status
  Pipe in, out, err;
  Finished finished;
  const pid_t pid = start(command, {}, in.reading(), out.writing(), err.writing());
  in.close_reading();
  out.close_writing();
  err.close_writing();
  converse(in, input, out, finished.output, err, finished.errors);
  finished.status = wait_for(pid);
  return finished;
}

std::string run_or_throw(const std::vector<std::string>& command, std::string_view input) {
  auto finished = run(command, input);
  if (finished.status != 0)
    throw std::runtime_error(joined(command) + " failed with status " + std::to_string(finished.status) +
                             "\n" + finished.output + finished.errors);
  return std::move(finished.output);
}

Process::Process(const std::vector<std::string>& command, const Environment& more_environment) {
  Pipe err;
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  pid_ = start(command, more_environment, nothing, nothing, err.writing());
  ::close(nothing);
  collector_ = std::thread([this, descriptor = err.release_reading()] { collect(descriptor); });
}

Process::~Process() {
  if (running()) {
    signal(SIGKILL);
    wait_for(pid_);
  }
  collector_.join();
}

void Process::signal(int number) const {
  if (!status_ && ::kill(pid_, number) != 0) fail("kill");
}

bool Process::running() {
  int waited = 0;
  if (!status_ && ::waitpid(pid_, &waited, WNOHANG) == pid_) status_ = status_of(waited);
  return !status_;
}

bool Process::stopped() const {
  std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
  const std::string text(std::istreambuf_iterator<char>(stat), {});
  const auto state = text.rfind(") ");
  return state != std::string::npos && text.compare(state + 2, 1, "T") == 0;
}

int Process::wait() {
  wait_until("the program ends", [this] { return !running(); });
  return *status_;
}

std::vector<std::string> Process::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

std::string Process::wait_for_line(std::string_view what,
                                   const std::function<bool(const std::string&)>& holds, std::size_t from) {
  std::unique_lock lock(mutex_);
  const auto end = std::chrono::steady_clock::now() + patience;
  for (bool timed_out = false;;) {
    for (; from < errors_.size(); ++from)
      if (holds(errors_[from])) return errors_[from];
    if (errors_ended_ || timed_out) {
      std::string log;
      for (const auto& line : errors_) log += line + '\n';
      throw std::runtime_error("the program never said " + std::string(what) + "\n" + log);
    }
    timed_out = changed_.wait_until(lock, end) == std::cv_status::timeout;
  }
}

void Process::collect(int descriptor) {
  std::string rest;
  std::array<char, 4096> bytes;
  for (;;) {
    const auto count = ::read(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    if (count <= 0) {
      if (!rest.empty()) errors_.push_back(std::move(rest));
      errors_ended_ = true;
      changed_.notify_all();
      break;
    }
    rest.append(bytes.data(), static_cast<std::size_t>(count));
    for (auto end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      errors_.push_back(rest.substr(0, end));
      rest.erase(0, end + 1);
    }
    changed_.notify_all();
  }
  ::close(descriptor);
}

}  // namespace shardplex::integration
