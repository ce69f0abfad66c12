// RAISE SQLSTATE 'PGRST': an error by which SQL says the whole answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/response_fields.hpp"

namespace shardplex {

/// The SQLSTATE of such an error.
inline constexpr std::string_view sqlstate_raised = "PGRST";

/// What is answered to one.
struct RaisedAnswer {
  Error error;              ///< with its status
  std::string reason = {};  ///< the text of the status; "": the usual one
  std::vector<ResponseField> fields = {};
};

/// Reads the JSON of `raised`: the message has code, message, details and hint, the details have status,
/// status_text and headers. Where they cannot be read, or the headers cannot be sent (fields_refusal()), the
/// error is PGRST121. Source: "Add HTTP Headers with RAISE" in PostgREST's reference of errors.
/// Precondition: raised.code is sqlstate_raised.
RaisedAnswer raised_answer(const Error& raised);

}  // namespace shardplex
