#include "query/plan/cast_type.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "query/plan/sql.hpp"

namespace shardplex {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Lower case, as PostgreSQL folds what is not quoted; single spaces between words, none at the ends.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!is_space(c))
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

/// SQL's spellings that are not the name of a type in pg_type.
std::string_view type_name_of(std::string_view spelling) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 19> names{{
      {"smallint", "int2"},
      {"int", "int4"},
      {"integer", "int4"},
      {"bigint", "int8"},
      {"real", "float4"},
      {"float", "float8"},
      {"double precision", "float8"},
      {"dec", "numeric"},
      {"decimal", "numeric"},
      {"boolean", "bool"},
      {"char", "bpchar"},
      {"character", "bpchar"},
      {"character varying", "varchar"},
      {"char varying", "varchar"},
      {"bit varying", "varbit"},
      {"time without time zone", "time"},
      {"time with time zone", "timetz"},
      {"timestamp without time zone", "timestamp"},
      {"timestamp with time zone", "timestamptz"},
  }};
  const auto found =
      std::ranges::find(names, spelling, &std::pair<std::string_view, std::string_view>::first);
  return found == names.end() ? spelling : found->second;
}

/// Takes "(10)" or "(10, 2)" out of `type`, wherever it stands ("timestamp(3) with time zone"), and returns
/// it without spaces; "" where there is none, nullopt where the parentheses hold anything else.
std::optional<std::string> take_modifiers(std::string& type) {
  const auto open = type.find('(');
  if (open == std::string::npos) return "";
  const auto close = type.find(')', open);
  if (close == std::string::npos) return std::nullopt;
  std::string modifiers = type.substr(open, close + 1 - open);
  std::erase(modifiers, ' ');
  bool after_digit = false;
  for (const char c : std::string_view(modifiers).substr(1)) {
    if (!is_digit(c) && !after_digit) return std::nullopt;
    if (!is_digit(c) && c != ',' && c != ')') return std::nullopt;
    after_digit = is_digit(c);
  }
  if (std::ranges::count(modifiers, ',') > 1) return std::nullopt;
  type = folded(type.substr(0, open) + ' ' + type.substr(close + 1));
  return modifiers;
}

std::string take_array_suffix(std::string& type) {
  std::string suffix;
  while (type.ends_with("[]")) {
    type = folded(type.substr(0, type.size() - 2));
    suffix += "[]";
  }
  return suffix;
}

}  // namespace

Result<std::string> cast_type_sql(std::string_view cast) {
  const auto refusal = [&] {
    return Error{"PGRST100", "\"" + std::string(cast) + "\" is not the name of a type", std::nullopt,
                 "Cast to a type by its name, with digits as modifiers: text, int4, numeric(10,2), text[].",
                 std::nullopt};
  };
  std::string type = folded(cast);
  const std::string array_suffix = take_array_suffix(type);
  auto modifiers = take_modifiers(type);
  if (!modifiers) return refusal();
  const std::string_view name = type_name_of(type);
  if (name.empty() || name.find_first_of(" ()[]") != std::string_view::npos) return refusal();
  // SQL's bare character is character(1).
  if (name == "bpchar" && type != "bpchar" && modifiers->empty()) *modifiers = "(1)";
  return sql_text(quote_identifier(name) + *modifiers + array_suffix);
}

}  // namespace shardplex
