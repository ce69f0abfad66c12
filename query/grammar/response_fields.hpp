// What SQL says of the head of an answer: fields and a status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/error.hpp"

namespace shardplex {

/// A field of an answer's head that SQL has set; several may have one name.
struct ResponseField {
  std::string name, value;
  bool operator==(const ResponseField&) const = default;
};

/// Why SQL cannot set these fields, as a sentence; nullopt where it can. It cannot set what is no field of
/// HTTP (RFC 9110, section 5), such as a value with a line break; what frames an answer or is of one
/// connection; what the router says of itself; and no more than 16 KiB.
std::optional<std::string> fields_refusal(const std::vector<ResponseField>& fields);

/// Whether an answer's first line can have it behind the status: one line of UTF-8, not empty.
bool is_reason(std::string_view text);

/// Whether an answer can have this status: 200 to 599. What begins with 1 is no answer yet.
inline bool is_final_status(std::int64_t status) {
  return status >= 200 && status <= 599;
}

/// response.headers as a function has set it: a JSON array of objects, each with one name and its text.
/// "" sets nothing. Errors: PGRST111, with fields_refusal() in the details.
Result<std::vector<ResponseField>> read_response_headers(std::string_view text);

/// response.status as a function has set it; nullopt for "". Errors: PGRST112.
Result<std::optional<int>> read_response_status(std::string_view text);

}  // namespace shardplex
