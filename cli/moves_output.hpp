// Moves as the commands print them.
#pragma once

#include <boost/json/array.hpp>
#include <vector>

#include "operations/move/board.hpp"
#include "operations/move/pool.hpp"
#include "operations/process/terminal.hpp"

namespace shardplex::cli {

using namespace operations;  // the commands are about nothing else

/// A row per move: where it goes, how far it is.
void print_moves(const std::vector<MoveBoard::Line>& moves, const Terminal& terminal);

/// An object per move, with every member of entry and progress.
boost::json::array moves_json(const std::vector<MoveBoard::Line>& moves);

/// What became of moves, as a table or as JSON. Throws CommandFailed where not all came to their end.
void print_outcome(const MovesOutcome& outcome, bool as_json, const Terminal& terminal);

}  // namespace shardplex::cli
