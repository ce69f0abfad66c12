// A form as a row of JSON, in which PostgreSQL reads all bodies.
#pragma once

#include <string>
#include <string_view>

#include "query/error.hpp"

namespace shardplex {

/// An object whose values are strings. Of a parameter that is given more than once the last counts. PGRST102
/// for what is not percent-encoded UTF-8, SHARD400 (413) for more than 10,000 parameters.
Result<std::string> form_as_json(std::string_view form);

/// What is said of a form of more parameters. `works`: what to do instead, as a sentence.
Error too_many_form_parameters(std::string works);
/// A parameter of two bytes takes far more when it is read.
inline constexpr std::size_t most_form_parameters = 10'000;

}  // namespace shardplex
