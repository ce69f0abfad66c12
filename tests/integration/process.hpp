// Programs that tests run: to their end, or beside the test with what they log at hand.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace shardplex::integration {

/// How long anything that has to happen may take before the test gives up. Generous: sanitizers and a loaded
/// machine are slow, and a test that passes never waits for it.
inline constexpr auto patience = std::chrono::seconds(60);

/// Looks every 10 ms until `holds` is true; throws std::runtime_error naming `what` after `patience`.
void wait_until(std::string_view what, const std::function<bool()>& holds);

struct Finished {
  int status = 0;  ///< the exit status, or 128 + the signal
  std::string output, errors;
};

/// Runs a program to its end with `input` as its standard input. Throws where it cannot be started.
Finished run(const std::vector<std::string>& command, std::string_view input = {});

/// The same; throws std::runtime_error with its output where it fails.
std::string run_or_throw(const std::vector<std::string>& command, std::string_view input = {});

/// A program running beside the test. It dies with the thread that started it, however that ends.
class Process {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  explicit Process(const std::vector<std::string>& command, const Environment& more_environment = {});
  /// Kills it where it still runs.
  ~Process();
  Process(const Process&) = delete;

  void signal(int number) const;
  pid_t pid() const { return pid_; }
  bool running();
  /// Whether it has been stopped by SIGSTOP, its own included.
  bool stopped() const;
  /// Waits for its end: the exit status, or 128 + the signal. Throws after `patience`.
  int wait();

  /// The lines of its standard error so far.
  std::vector<std::string> errors() const;
  /// The first line for which `holds`, from line `from` on; throws with the whole log after `patience`, or
  /// where the program has ended without it.
  std::string wait_for_line(std::string_view what, const std::function<bool(const std::string&)>& holds,
                            std::size_t from = 0);

 private:
  void collect(int descriptor);

  pid_t pid_ = -1;
  std::optional<int> status_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> errors_;
  bool errors_ended_ = false;
  std::thread collector_;
};

}  // namespace shardplex::integration
