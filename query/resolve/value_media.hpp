// Values of functions that are of a media type, as the domain that the function returns is called.
#pragma once

#include <string>

#include "query/catalogue/catalogue.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

/// The media type (media_domain.hpp) of the one value that a call gives, which can be answered as it is
/// then; "" where there is none. A set has none, and a select= other than * asks for more than the value.
std::string value_media(const Function& function, const Query& rows);

/// True where the value is a bytea, or of a domain of it.
bool is_of_bytes(const Column& value);

}  // namespace shardplex
