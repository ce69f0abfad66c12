// What a call gives its function: the parameters of a GET, or the body of a POST.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"
#include "query/grammar/accept.hpp"
#include "query/grammar/body.hpp"
#include "query/grammar/query.hpp"

namespace shardplex {

struct CallArguments {
  enum class Form : std::uint8_t {
    texts,  ///< `given`
    json,   ///< `body`: an object, or an array whose first object counts
    raw,    ///< `body` is one value
  };
  Form form = Form::texts;
  std::vector<Argument> given;  ///< one that is given several times is a variadic one's
  std::string body;
  bool is_array = false;           ///< of JSON
  std::vector<std::string> names;  ///< of what is given, each once
  MediaKind content = MediaKind::json;
  std::vector<BodyValue> watched;  ///< of JSON, as asked for

  /// What is given under the name as PostgreSQL reads it, the last of several; nullptr where nothing is, or
  /// null, or a value that is no text.
  /// `watched_names` are those that the body was read with.
  const std::string* value(std::string_view name, const std::vector<std::string>& watched_names) const;
};

/// The arguments that GET /rpc/function?… has.
CallArguments arguments_of(std::vector<Argument> given);

/// The body of POST /rpc/function. `content_type` is the header's value. `columns` are those of columns=,
/// which are all that is taken of a JSON body then. PGRST102 for a body that is none of its type, and for a
/// type that no function takes; SHARD400 (413) for a form of more than 10,000 parameters.
Result<CallArguments> read_call_body(std::string_view content_type, std::string_view body,
                                     const std::optional<std::vector<std::string>>& columns,
                                     const std::vector<std::string>& watched_names);

}  // namespace shardplex
