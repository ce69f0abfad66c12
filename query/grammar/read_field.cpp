#include "query/grammar/read_field.hpp"

#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

namespace shardplex::grammar {
namespace {

constexpr std::string_view field_name = "field name ([a..z0..9_$] or a quoted name)";

bool read_quoted(Reader& in, std::string& text) {
  auto inside = take_quoted(in);
  if (!inside) return in.fail_at(in.position() + in.rest().size(), "closing quote (\")");
  text = std::move(*inside);
  return true;
}

/// Runs of `belongs` joined by dashes, trimmed. A dash that begins an arrow (->) ends the name.
template <class Predicate>
bool read_dashed(Reader& in, Predicate belongs, std::string_view expecting, std::string& name) {
  const std::size_t start = in.position();
  do {
    if (in.take_while(belongs).empty()) return in.fail(expecting);
  } while (in.peek(1) != '>' && in.take('-'));
  name = trimmed(in.since(start));
  return !name.empty() || in.fail_at(start, expecting);
}

/// The digits of an array index, where one stands here and nothing but the end of the operand follows; "1st"
/// is a key.
std::string_view take_index(Reader& in) {
  const std::string_view rest = in.rest();
  std::size_t length = rest.starts_with('-') ? 1 : 0;
  if (!is_digit(in.peek(length))) return {};
  while (is_digit(in.peek(length))) ++length;
  const std::string_view after = trimmed(rest.substr(length));
  const bool ends = after.empty() || after.starts_with("->") || after.starts_with("::") ||
                    after.starts_with('.') || after.starts_with(',') || after.starts_with(')');
  if (!ends) return {};
  in.advance(length);
  return rest.substr(0, length);
}

bool read_json_operand(Reader& in, JsonStep& step) {
  const std::size_t start = in.position();
  if (const std::string_view digits = take_index(in); !digits.empty()) {
    auto& index = step.to.emplace<std::int32_t>();
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    return parsed.ec == std::errc{} || in.fail_at(start, "array index in the range of integer");
  }
  auto& key = step.to.emplace<std::string>();
  if (in.peek() == '"') return read_quoted(in, key);
  return read_dashed(in, is_json_key, "array index or json key (any character but .,:>()-)", key);
}

}  // namespace

std::optional<std::string> take_quoted(Reader& in) {
  const std::string_view rest = in.rest();
  std::string text;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      in.advance(i + 1);
      return text;
    }
    if (rest[i] == '\\' && ++i == rest.size()) break;
    text.push_back(rest[i]);
  }
  return std::nullopt;
}

bool read_name(Reader& in, std::string& name) {
  in.skip_blanks();
  if (in.peek() != '"') return read_dashed(in, is_name, field_name, name);
  const std::size_t start = in.position();
  if (!read_quoted(in, name)) return false;
  if (name.empty()) return in.fail_at(start, field_name);
  in.skip_blanks();
  return true;
}

bool read_json_path(Reader& in, std::vector<JsonStep>& path) {
  while (in.take("->")) {
    JsonStep& step = path.emplace_back();
    step.as_text = in.take('>');
    if (!read_json_operand(in, step)) return false;
  }
  in.skip_blanks();
  return true;
}

bool read_field(Reader& in, Field& field) {
  return read_name(in, field.column) && read_json_path(in, field.path);
}

}  // namespace shardplex::grammar
