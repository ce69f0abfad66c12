// Moves to show.
#pragma once

#include <string>

#include "operations/move/board.hpp"

namespace shardplex::test {

using namespace operations;

inline MoveEntry entry_of(const std::string& id, int number = 1) {
  MoveEntry entry;
  entry.id = id;
  entry.number = number;
  entry.group = "catalog";
  entry.slots = SlotSet::none(1024);
  for (std::uint32_t slot = 0; slot < 64; ++slot) entry.slots.insert(Slot{slot});
  entry.source = "alpha";
  entry.target = "beta";
  entry.created_at = "2026-03-01 12:00:00.500000+00";
  return entry;
}

inline MoveBoard::Line copying() {
  MoveBoard::Line line{entry_of("m1"), {}, true};
  line.progress.step = Step::copy;
  line.progress.rows = 1'000;
  line.progress.bytes = 500'000;
  line.progress.total_rows = 4'000;
  line.progress.bytes_per_second = 100'000;
  return line;
}

}  // namespace shardplex::test
