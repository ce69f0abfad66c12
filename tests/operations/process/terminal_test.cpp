#include "operations/process/terminal.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "operations/process/progress.hpp"

using namespace shardplex::operations;

namespace {

struct Screen {
  std::istringstream in;
  std::ostringstream out, err;
  Terminal terminal{in, out, err};
};

TextTable sample() {
  TextTable table({{"NAME"}, {"ROWS", TextTable::Align::right}, {"STATE"}});
  table.add({"alpha", "7", {"up", Colour::green}});
  table.add({"Amélie", "1,000", "down"});
  return table;
}

}  // namespace

TEST_CASE("a table in a pipe is tab-separated plain text") {
  Screen screen;
  screen.terminal.colour = true;
  sample().print(screen.terminal);
  CHECK(screen.out.str() == "NAME\tROWS\tSTATE\nalpha\t7\tup\nAmélie\t1,000\tdown\n");
}

TEST_CASE("a table on a tty is aligned by characters, with colour only where it is welcome") {
  Screen plain;
  plain.terminal.out_is_tty = true;
  sample().print(plain.terminal);
  CHECK(plain.out.str() == "NAME     ROWS  STATE\nalpha       7  up\nAmélie  1,000  down\n");
  Screen coloured;
  coloured.terminal.out_is_tty = coloured.terminal.colour = true;
  sample().print(coloured.terminal);
  CHECK(coloured.out.str().find("\033[32mup\033[0m") != std::string::npos);
}

TEST_CASE("control characters and what is not UTF-8 are written out") {
  CHECK(printable("Amélie 🎬\tx\n") == "Amélie 🎬\tx\n");
  CHECK(printable("\033]0;title\007\r\x7F") == "\\x1B]0;title\\x07\\x0D\\x7F");
  CHECK(printable("a\xC2\x9B"
                  "2J\xC2\xA0") ==
        "a\\xC2\\x9B"
        "2J\xC2\xA0");
  CHECK(printable("\xFF\xC2") == "\\xFF\\xC2");
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  Screen screen;
  screen.terminal.error("line 3: \033[2J");
  CHECK(screen.err.str() == "error: line 3: \\x1B[2J\n");
  TextTable table({{"NAME"}});
  table.add({"\033[2J"});
  table.print(screen.terminal);
  CHECK(screen.out.str() == "NAME\n\\x1B[2J\n");
}

TEST_CASE("numbers and sizes are written for people") {
  CHECK(with_thousands(0) == "0");
  CHECK(with_thousands(999) == "999");
  CHECK(with_thousands(1000) == "1,000");
  CHECK(with_thousands(1234567) == "1,234,567");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(5ULL << 30) == "5.0 GiB");
}

TEST_CASE("progress tells rows, rate, percent and the time left") {
  CHECK(progress_text({1'200'000, 48, 100, std::chrono::seconds(6)}) ==
        "1,200,000 rows  200,000 rows/s  48%  ETA 0:07");
  CHECK(progress_text({10, 0, 100, std::chrono::seconds(0)}) == "10 rows  0 rows/s  0%");
  CHECK(progress_text({500, 9, std::nullopt, std::chrono::seconds(100)}) == "500 rows  5 rows/s");
  CHECK(progress_bar({1, 50, 100, std::chrono::seconds(1)}, 80)
            .starts_with("[############------------] 1 rows"));
  CHECK(progress_bar({1, 50, 100, std::chrono::seconds(1)}, 10) == "1 rows  1 ");
}

TEST_CASE("progress is a redrawn line on a tty and a plain line every few seconds in a pipe") {
  const auto start = Progress::Clock::now();
  Screen pipe;
  {
    Progress progress(pipe.terminal, 100, start);
    progress.show(1, 1, start + Progress::tty_interval);
    CHECK(pipe.err.str().empty());
    progress.show(10, 50, start + Progress::pipe_interval);
    progress.show(11, 51, start + Progress::pipe_interval + Progress::tty_interval);
  }
  CHECK(pipe.err.str() == "10 rows  3 rows/s  50%  ETA 0:03\n");
  Screen tty;
  tty.terminal.err_is_tty = true;
  {
    Progress progress(tty.terminal, 100, start);
    progress.show(1, 1, start + Progress::tty_interval);
  }
  CHECK(tty.err.str().starts_with("\r["));
  CHECK(tty.err.str().ends_with("\r\033[K"));
}
