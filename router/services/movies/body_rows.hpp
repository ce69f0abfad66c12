// How many rows a body has, before it is parsed.
#pragma once

#include <cstddef>
#include <string_view>

namespace shardplex::router {

/// The elements of the array that a JSON text is, as far as `enough`: counting ends there. 1 for anything
/// that is no array. Of a text that is no JSON it is some number. Pure, and much faster than parsing.
std::size_t rows_in(std::string_view json, std::size_t enough);

}  // namespace shardplex::router
