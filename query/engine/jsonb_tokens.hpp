// The text of a jsonb value as it is sent in binary format, part by part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace shardplex {

/// True where `bytes` are what jsonb_send() writes: the number of the format, 1, then the value's text.
bool is_jsonb(std::string_view bytes);

/// A value, or a key; those of a container follow it.
struct JsonbToken {
  enum Kind : std::uint8_t { null, string, number, boolean, array, object };  // in sort order
  Kind kind = null;
  /// As it is written; of a string what is between its quotes.
  std::string_view text = {};
  std::uint32_t members = 0;  ///< of an array or object

  bool is_container() const { return kind == array || kind == object; }
};

/// The values and keys of a jsonb, one after the other. Values may be nested deeply: nothing of it recurses.
/// Memory: about as much as the text at most. Lifetime: refers to the bytes.
class JsonbTokens {
 public:
  /// Precondition: `bytes` are a jsonb; anything else is a broken invariant.
  explicit JsonbTokens(std::string_view bytes);

  /// nullopt at the end.
  std::optional<JsonbToken> next();

 private:
  std::string_view taken(std::size_t length);

  std::string_view rest_;
  std::vector<std::uint32_t> members_;  // of each container, in the order in which they begin
  std::size_t container_ = 0;           // of members_: the next one
};

}  // namespace shardplex
