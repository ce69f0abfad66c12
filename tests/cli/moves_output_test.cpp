#include "cli/moves_output.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <sstream>

#include "tests/operations/move/move_lines.hpp"

using namespace shardplex;
using namespace shardplex::cli;
using test::copying, test::entry_of;

TEST_CASE("moves are a table, and JSON with all that is known") {
  std::istringstream in;
  std::ostringstream out, err;
  MoveBoard::Line done{entry_of("m2", 2), {}, false};
  done.entry.phase = Phase::finished;
  done.progress.lag_bytes = 4096;
  done.progress.write_pause_ms = 12;
  print_moves({copying(), done}, {in, out, err});
  CHECK(out.str() ==
        "MOVE\tGROUP\tSLOTS\tFROM\tTO\tPHASE\tROWS\tMB/s\tLAG\tETA\tPAUSE\tSINCE\n"
        "m1\tcatalog\t0-63\talpha\tbeta\tcopying\t1,000 of ~4,000\t0.1\t-\t0:15\t-\t2026-03-01 12:00:00\n"
        "m2\tcatalog\t0-63\talpha\tbeta\tfinished\t0\t-\t-\t-\t12 ms\t2026-03-01 12:00:00\n");
  const auto json = moves_json({copying(), done});
  CHECK(json[0].at("id") == "m1");
  CHECK(json[0].at("slots") == "0-63");
  CHECK(json[0].at("activity") == "copying");
  CHECK(json[0].at("problem").is_null());
  CHECK(json[0].at("rows") == 1'000);
  CHECK(json[0].at("running") == true);
  CHECK(json[1].at("phase") == "finished");
  CHECK(json[1].at("write_pause_ms").as_double() == 12);
  CHECK(json[1].at("total_rows").is_null());
}

TEST_CASE("many ranges of slots are cut short on a tty, and whole in a pipe") {
  MoveBoard::Line line = copying();
  line.entry.slots = SlotSet::none(1024);
  for (std::uint32_t slot = 0; slot < 40; slot += 2) line.entry.slots.insert(Slot{slot});
  std::istringstream in;
  std::ostringstream pipe, tty, err;
  print_moves({line}, {in, pipe, err});
  CHECK(pipe.str().find("34, 36, 38\t") != std::string::npos);
  print_moves({line}, {in, tty, err, true});
  CHECK(tty.str().find("0, 2, 4, 6, 8, 10, 12, … (20)  ") != std::string::npos);
}
