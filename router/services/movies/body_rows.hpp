// How many rows a body has, before it is parsed.
#pragma once

#include <cstddef>

#include "query/grammar/body_text.hpp"

namespace shardplex::router {

/// The rows of a body, as far as `enough`: counting ends there. Of JSON the elements of the array that it is,
/// 1 for anything that is no array; of a text that is no JSON, or no CSV, some number. Pure, and much faster
/// than parsing.
std::size_t rows_in(const BodyText& body, std::size_t enough);

}  // namespace shardplex::router
