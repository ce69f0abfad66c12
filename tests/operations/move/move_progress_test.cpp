#include "operations/move/progress.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <sstream>

#include "operations/move/display.hpp"
#include "operations/move/metrics.hpp"
#include "operations/move/progress_text.hpp"
#include "operations/process/failure.hpp"
#include "tests/cli/command_run.hpp"
#include "tests/operations/move/move_lines.hpp"

using namespace shardplex;
using namespace shardplex::operations;
using test::copying, test::entry_of;

namespace {

/// Text that a thread writes and another waits for.
class SharedText : public std::streambuf {
 public:
  bool comes_to_have(const std::string& wanted) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, std::chrono::seconds(20),
                             [&] { return text_.find(wanted) != std::string::npos; });
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  int overflow(int c) override {
    const char one = static_cast<char>(c);
    xsputn(&one, 1);
    return c;
  }
  std::streamsize xsputn(const char* data, std::streamsize size) override {
    const std::lock_guard lock(mutex_);
    text_.append(data, static_cast<std::size_t>(size));
    written_.notify_all();
    return size;
  }

  std::mutex mutex_;
  std::condition_variable written_;
  std::string text_;
};

struct Screen {
  std::istringstream in;
  std::ostringstream out;
  SharedText text;
  std::ostream err{&text};
  Terminal terminal{in, out, err};
};

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

/// A port that was free a moment ago.
std::uint16_t free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(listener);
  return ntohs(address.sin_port);
}

std::string output_of(const std::string& command, int& status) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), n);
  status = pclose(pipe);
  return output;
}

}  // namespace

TEST_CASE("phases and desired states have names that can be read back, and ids differ") {
  for (const auto phase :
       {Phase::moving, Phase::switching, Phase::reversible, Phase::finishing, Phase::finished,
        Phase::aborting, Phase::aborted, Phase::reversing, Phase::returning, Phase::reversed})
    CHECK(parse_phase(to_string(phase)) == phase);
  for (const auto desired : {DesiredState::run, DesiredState::pause, DesiredState::abort})
    CHECK(parse_desired_state(to_string(desired)) == desired);
  CHECK(!parse_phase("dreaming"));
  CHECK(!parse_desired_state(""));
  const std::string id = new_move_id();
  CHECK(id.size() == 9);
  CHECK(id.find_first_not_of("0123456789abcdef", 1) == std::string::npos);
  CHECK(id != new_move_id());
}

TEST_CASE("progress comes out of its JSON as it went in") {
  MoveProgress progress = copying().progress;
  progress.paused = true;
  progress.trouble = "beta: no primary was found";
  progress.gives_up_in_seconds = 48.5;
  progress.compared_rows = 7;
  progress.deleted_rows = 1ULL << 40;
  progress.lag_bytes = 0;
  progress.lag_seconds = 0.25;
  progress.write_pause_ms = 31.5;
  progress.cutover_attempts = 2;
  progress.start_overs = 1;
  progress.seconds = 12.75;
  const MoveProgress read = parse_progress(to_json(progress));
  CHECK(read.step == Step::copy);
  CHECK(read.paused);
  CHECK(read.trouble == "beta: no primary was found");
  CHECK(read.gives_up_in_seconds == 48.5);
  CHECK(read.rows == 1'000);
  CHECK(read.bytes == 500'000);
  CHECK(read.total_rows == 4'000);
  CHECK(read.bytes_per_second == 100'000);
  CHECK(read.compared_rows == 7);
  CHECK(read.deleted_rows == 1ULL << 40);
  CHECK(read.lag_bytes == 0);
  CHECK(read.lag_seconds == 0.25);
  CHECK(read.write_pause_ms == 31.5);
  CHECK(read.cutover_attempts == 2);
  CHECK(read.start_overs == 1);
  CHECK(read.seconds == 12.75);
}

TEST_CASE("progress that is unknown, damaged or of another version is read as far as it is understood") {
  for (const auto* text : {"", "{", "[]", "7", "{}", R"({"rows":"many","step":"nap","paused":1,"rows2":7})",
                           R"({"rows":-1,"total_rows":null})"}) {
    CAPTURE(text);
    const MoveProgress read = parse_progress(text);
    CHECK(read.step == Step::record_on_target);
    CHECK(!read.paused);
    CHECK(read.rows == 0);
    CHECK(!read.total_rows);
  }
  CHECK(parse_progress(R"({"rows":3,"colour":"red"})").rows == 3);
}

TEST_CASE("an activity is told by phase, and on the way to the hand-over by step") {
  CHECK(activity(Phase::moving, Step::receive) == "preparing");
  CHECK(activity(Phase::moving, Step::copy) == "copying");
  CHECK(activity(Phase::moving, Step::catch_up) == "catching up");
  CHECK(activity(Phase::moving, Step::verify) == "verifying");
  CHECK(activity(Phase::moving, Step::drain) == "cutting over");
  CHECK(activity(Phase::moving, Step::start_over) == "starting over");
  CHECK(activity(Phase::switching, Step::own) == "switching");
  CHECK(activity(Phase::reversible, Step::rest) == "reversible");
  CHECK(activity(Phase::finishing, Step::delete_source_rows) == "deleting rows");
  CHECK(activity(Phase::finishing, Step::erase) == "finishing");
  CHECK(activity(Phase::finished, Step::delete_source_rows) == "finished");
}

TEST_CASE("a move is told on a line, with what holds it up") {
  MoveBoard::Line line = copying();
  CHECK(line_text(line) == "m1 alpha -> beta  copying  1,000 of ~4,000 rows  0.1 MB/s  ETA 0:15");
  CHECK(copied_fraction(line) == 0.25);
  line.progress.paused = true;
  CHECK(line_text(line) == "m1 alpha -> beta  copying, paused  1,000 of ~4,000 rows  0.1 MB/s");
  line.entry.problem = "a row differs";
  CHECK(state_text(line) == "copying, stopped");
  CHECK(line_text(line).ends_with("  a row differs"));

  MoveBoard::Line trying = copying();
  trying.progress.trouble = "beta: no primary was found";
  trying.progress.gives_up_in_seconds = 48;
  CHECK(state_text(trying) == "copying, held up");
  CHECK(line_text(trying).ends_with("  beta: no primary was found (gives up in 48 s)"));
  trying.running = false;  // what was last heard of a mover that is gone
  CHECK(state_text(trying) == "copying, waiting");
  CHECK(line_text(trying).find("gives up") == std::string::npos);

  MoveBoard::Line idle{entry_of("m2"), {}, false};
  CHECK(line_text(idle) == "m2 alpha -> beta  preparing, waiting");
  CHECK(!copied_fraction(idle));

  MoveBoard::Line later = copying();
  later.progress.step = Step::verify;
  later.progress.compared_rows = 12'345;
  later.progress.lag_bytes = 2048;
  later.progress.lag_seconds = 0.013;
  CHECK(details_text(later) == "1,000 rows  12,345 compared  lag 2.0 KiB / 0.01 s");
  later.entry.phase = Phase::reversible;
  later.progress.write_pause_ms = 31.4;
  later.progress.start_overs = 1;
  later.progress.cutover_attempts = 3;
  CHECK(state_text(later) == "reversible");
  CHECK(details_text(later) ==
        "1,000 rows  lag 2.0 KiB / 0.01 s  write pause 31 ms  started over: 1  cutovers tried: 3");
}

TEST_CASE("a board holds a line per move, in the order in which they were asked for") {
  MoveBoard board;
  board.put(entry_of("m2", 2));
  board.put(entry_of("m1", 1));
  MoveEntry taken_up = entry_of("m3", 3);
  taken_up.progress = R"({"rows":9})";
  board.put(taken_up);
  board.update("m2", [](MoveBoard::Line& line) { line.progress.rows = 5; });
  board.update("unknown", [](MoveBoard::Line&) { FAIL("there is no such move"); });
  auto lines = board.lines();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].entry.id == "m1");
  CHECK(lines[1].progress.rows == 5);
  CHECK(lines[2].progress.rows == 9);
  board.put(entry_of("m2", 2));
  lines = board.lines();
  REQUIRE(lines.size() == 3);
  CHECK(lines[1].entry.id == "m2");
  CHECK(lines[1].progress.rows == 0);
}

TEST_CASE("in a pipe, a move gets a line when it begins and whenever its state changes") {
  Screen screen;
  MoveBoard board;
  board.put(entry_of("m1", 1));
  board.put(entry_of("m2", 2));
  {
    BoardDisplay display(board, screen.terminal);
    board.update("m1", [](MoveBoard::Line& line) { line = copying(); });
    REQUIRE(screen.text.comes_to_have("m1 alpha -> beta  copying  1,000"));
    display.say("the map is written");
    board.update("m1", [](MoveBoard::Line& line) { line.progress.step = Step::verify; });
    REQUIRE(screen.text.comes_to_have("m1 alpha -> beta  verifying"));
    board.update("m1", [](MoveBoard::Line& line) {
      line.running = false;
      line.entry.phase = Phase::reversible;
    });
  }
  const std::string text = screen.text.text();
  CHECK(count_of(text, "copying") == 1);
  CHECK(count_of(text, "the map is written\n") == 1);
  CHECK(count_of(text, "m1 alpha -> beta  reversible") == 1);
  CHECK(count_of(text, "m2") == 0);
  CHECK(text.find('\033') == std::string::npos);
}

TEST_CASE("on a tty, moves are redrawn in place, what works first, no wider than the screen, and cleared") {
  Screen screen;
  screen.terminal.err_is_tty = true;
  screen.terminal.width = 80;
  MoveBoard board;
  for (int i = 1; i <= 20; ++i) board.put(entry_of("m" + std::to_string(100 + i), i));
  MoveBoard::Line busy = copying();
  busy.entry = entry_of("m120", 20);
  board.update("m120", [&](MoveBoard::Line& line) { line = busy; });
  {
    BoardDisplay display(board, screen.terminal);
    REQUIRE(screen.text.comes_to_have("and 4 more"));
    display.say("told in between");
  }
  const std::string text = screen.text.text();
  CHECK(text.starts_with("m120 alpha -> beta           copying              [####------------] 1,000 of "));
  const std::string first = text.substr(0, text.find("\033[K"));
  CHECK(first.size() == 79);
  CHECK(text.find("\033[17A\r\033[Jtold in between\n") != std::string::npos);
  CHECK(text.ends_with("\033[17A\r\033[J"));
}

TEST_CASE("a mover's metrics are served to Prometheus, in its format") {
  MoveBoard board;
  board.put(entry_of("m1"));
  board.update("m1", [](MoveBoard::Line& line) {
    line = copying();
    line.progress.write_pause_ms = 40;
  });
  const std::string address = "127.0.0.1:" + std::to_string(free_port());
  const MoverMetrics metrics(board, address);
  const auto refusal =
      "metrics cannot be served at " + address + ": the port is taken, or it is not an address and a port";
  CHECK_THROWS_WITH_AS(MoverMetrics(board, address), refusal.c_str(), CommandFailed);

  int status = 0;
  const std::string served = output_of("curl -sS http://" + address + "/metrics", status);
  REQUIRE(status == 0);
  const std::string labels = R"(move="m1",group="catalog",source="alpha",target="beta")";
  for (const auto& line : {"shardplex_move_phase{" + labels + ",activity=\"copying\"} 1",
                           "shardplex_move_rows_copied{" + labels + "} 1000",
                           "shardplex_move_bytes_per_second{" + labels + "} 100000",
                           "shardplex_move_write_pause_seconds{" + labels + "} 0.04"})
    CHECK_MESSAGE(served.find(line) != std::string::npos, line);
  CHECK(served.find("shardplex_move_lag_bytes{") == std::string::npos);  // not known yet
  const test::TemporaryFile file(served);
  const std::string lint = output_of("promtool check metrics < " + file.path() + " 2>&1", status);
  if (WEXITSTATUS(status) == 127)
    MESSAGE("promtool is not installed: its check is left out");
  else
    CHECK_MESSAGE(status == 0, lint);
}
