#include "query/grammar/parameters.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "query/grammar/grammar_errors.hpp"
#include "query/grammar/parse.hpp"
#include "query/grammar/reader.hpp"
#include "shard_map/percent.hpp"
#include "shard_map/utf8.hpp"

namespace shardplex {

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  auto decoded = percent_decoded(text, plus_is_space);
  if (!decoded || decoded->find('\0') != std::string::npos || !is_utf8(*decoded)) return std::nullopt;
  return decoded;
}

namespace grammar {
namespace {

/// True where decoding would change nothing and cannot fail.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_ascii(c) && c != '%' && c != '+' && c != '\0'; });
}

/// Decodes a key or value, into `decoded` only where that differs from `text`. nullopt as percent_decode().
std::optional<std::string_view> decode(std::string_view text, std::string& decoded) {
  if (is_plain(text)) return text;
  auto result = percent_decode(text, true);
  if (!result) return std::nullopt;
  decoded = std::move(*result);
  return decoded;
}

Error malformed_encoding(std::string_view parameter) {
  std::string shown;
  for (const char c : parameter) shown += is_ascii(c) && c >= ' ' ? c : '?';
  return grammar_error(
      quoted("failed to decode parameter (" + shown + ")"),
      "A parameter is percent-encoded UTF-8 without NUL: each % is followed by two hexadecimal "
      "digits, and a plain % is written %25");
}

}  // namespace

Result<bool> Parameters::next() {
  std::string_view parameter;
  while (parameter.empty()) {
    if (rest_.empty()) return false;
    parameter = rest_.substr(0, rest_.find('&'));
    rest_.remove_prefix(std::min(parameter.size() + 1, rest_.size()));
  }
  const std::size_t equals = std::min(parameter.find('='), parameter.size());
  const auto key = decode(parameter.substr(0, equals), key_buffer_);
  const auto value = decode(parameter.substr(std::min(equals + 1, parameter.size())), value_buffer_);
  if (!key || !value) return malformed_encoding(parameter);
  key_ = *key;
  value_ = *value;
  return true;
}

}  // namespace grammar
}  // namespace shardplex
