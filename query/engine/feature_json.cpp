#include "query/engine/feature_json.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace shardplex {
namespace {

/// Cuts the members of a row apart, of which a server or the router has written the whole.
class RowMembers {
 public:
  explicit RowMembers(std::string_view row) : rest_(row) {}

  struct Member {
    std::string_view name;  // with its quotes
    std::string_view value;
  };

  /// True where the row begins as an object does.
  bool begin() { return take('{'); }

  /// nullopt behind the last one, and where no member follows: ended() tells which.
  std::optional<Member> next() {
    skip_space();
    if (!is_first_ && !take(',')) return std::nullopt;
    is_first_ = false;
    skip_space();
    const auto name = take_string();
    skip_space();
    const bool is_named = !name.empty() && take(':');
    skip_space();
    const auto value = is_named ? take_value() : std::string_view();
    if (!value.empty()) return Member{name, value};
    rest_ = {};  // and so it does not end as an object does
    return std::nullopt;
  }

  /// True where the object ends here, and nothing follows.
  bool ended() const { return rest_ == "}"; }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  void skip_space() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view take_first(std::size_t size) {
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  /// The size of the string that begins at `from`, with its quotes; 0 where none does, or it does not end.
  std::size_t string_size(std::size_t from) const {
    if (from >= rest_.size() || rest_[from] != '"') return 0;
    for (std::size_t i = from + 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') return i + 1 - from;
      if (rest_[i] == '\\') ++i;
    }
    return 0;
  }

  std::string_view take_string() { return take_first(string_size(0)); }

  /// Up to the comma or the brace that ends the member, without the white space before it; "" where there is
  /// none.
  std::string_view take_value() {
    std::size_t depth = 0, size = 0;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (depth == 0 && (c == ',' || c == '}')) return take_first(size);
      if (c == '"') {
        const auto length = string_size(i);
        if (length == 0) return {};
        i += length - 1;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (c == '}' || c == ']') {
        if (depth == 0) return {};
        --depth;
      }
      if (!is_blank(c)) size = i + 1;
    }
    return {};
  }

  std::string_view rest_;
  bool is_first_ = true;
};

Error no_row_of_feature() {
  return {"SHARD503", "A shard's answer cannot be understood", "A row is not the JSON that it should be.",
          "Try again shortly.", std::nullopt};
}

}  // namespace

Result<void> append_feature(std::string& out, std::string_view row) {
  RowMembers members(row);
  const auto geometry = members.begin() ? members.next() : std::nullopt;
  if (!geometry) return no_row_of_feature();
  (out += R"({"type": "Feature", "geometry": )") += geometry->value;
  out += R"(, "properties": {)";
  bool is_first = true;
  while (const auto member = members.next()) {
    if (!is_first) out += ", ";
    is_first = false;
    ((out += member->name) += ": ") += member->value;
  }
  if (!members.ended()) return no_row_of_feature();
  out += "}}";
  return {};
}

}  // namespace shardplex
