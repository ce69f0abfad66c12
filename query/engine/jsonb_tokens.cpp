#include "query/engine/jsonb_tokens.hpp"

#include <algorithm>
#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

bool is_one_of(char c, std::string_view all) {
  return all.find(c) != std::string_view::npos;
}

/// What follows the number of jsonb_send()'s format.
std::string_view text_of_jsonb(std::string_view bytes) {
  return bytes.starts_with('\1') ? bytes.substr(1) : std::string_view();
}

/// Where the quote is that ends the string; the text's size or more where there is none.
std::size_t end_of_string(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  return end;
}

/// Every escape is one that escape_json() writes.
bool is_escaped(std::string_view text) {
  for (std::size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
    const std::string_view escape = text.substr(at + 1);
    const bool is_control = escape.size() >= 5 && escape.starts_with("u00") &&
                            (escape[3] == '0' || escape[3] == '1') &&
                            is_one_of(escape[4], "0123456789abcdef");
    if (!is_control && (escape.empty() || !is_one_of(escape.front(), "bfnrt\"\\"))) return false;
    at += is_control ? 6 : 2;
  }
  return true;
}

/// Checks a jsonb's text, and counts the members of its containers. Keeps its own stack: values may be nested
/// deeply.
class JsonbReader {
 public:
  explicit JsonbReader(std::string_view text) : rest_(text) {}

  /// Of each container, in the order in which they begin: how many members it has. That takes about as much
  /// memory as the text at most. nullopt: it is no jsonb.
  std::optional<std::vector<std::uint32_t>> read() {
    if (!value()) return std::nullopt;
    while (!open_.empty())
      if (!close() && !member()) return std::nullopt;
    if (!rest_.empty()) return std::nullopt;
    return std::move(members_);
  }

 private:
  struct Open {
    std::size_t number;  // among members_
    bool is_object;
  };

  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool open(bool is_object) {
    rest_.remove_prefix(1);
    open_.push_back({members_.size(), is_object});
    members_.push_back(0);
    return true;
  }

  /// The end of the container that is read.
  bool close() {
    if (!take(open_.back().is_object ? "}" : "]")) return false;
    open_.pop_back();
    return true;
  }

  bool member() {
    const Open container = open_.back();
    if (members_[container.number]++ > 0 && !take(", ")) return false;
    return (!container.is_object || (string() && take(": "))) && value();
  }

  bool value() {
    if (rest_.empty()) return false;
    switch (rest_.front()) {
      case '[':
        return open(false);
      case '{':
        return open(true);
      case '"':
        return string();
      case 'n':
        return take("null");
      case 't':
        return take("true");
      case 'f':
        return take("false");
      default:
        return number();
    }
  }

  bool string() {
    if (!take("\"")) return false;
    const auto end = end_of_string(rest_);
    if (end >= rest_.size() || !is_escaped(rest_.substr(0, end))) return false;
    rest_.remove_prefix(end + 1);
    return true;
  }

  bool number() {
    take("-");
    return digits() && (!take(".") || digits());
  }

  bool digits() {
    const auto end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    rest_.remove_prefix(end);
    return end > 0;
  }

  std::string_view rest_;
  std::vector<std::uint32_t> members_;
  std::vector<Open> open_;
};

}  // namespace

bool is_jsonb(std::string_view bytes) {
  return JsonbReader(text_of_jsonb(bytes)).read().has_value();
}

JsonbTokens::JsonbTokens(std::string_view bytes) : rest_(text_of_jsonb(bytes)) {
  auto members = JsonbReader(rest_).read();
  invariant(members.has_value(), "only values of jsonb are compared as such");
  members_ = *std::move(members);
}

std::optional<JsonbToken> JsonbTokens::next() {
  rest_.remove_prefix(std::min(rest_.find_first_not_of(" ,:]}"), rest_.size()));
  if (rest_.empty()) return std::nullopt;
  switch (rest_.front()) {
    case '[':
      return JsonbToken{JsonbToken::array, taken(1), members_[container_++]};
    case '{':
      return JsonbToken{JsonbToken::object, taken(1), members_[container_++]};
    case '"': {
      taken(1);
      const auto text = taken(end_of_string(rest_));
      taken(1);
      return JsonbToken{JsonbToken::string, text};
    }
    default:
      break;
  }
  const auto text = taken(std::min(rest_.find_first_of(" ,:]}"), rest_.size()));
  if (text == "null") return JsonbToken{JsonbToken::null, text};
  return JsonbToken{text == "true" || text == "false" ? JsonbToken::boolean : JsonbToken::number, text};
}

std::string_view JsonbTokens::taken(std::size_t length) {
  const auto text = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return text;
}

}  // namespace shardplex
