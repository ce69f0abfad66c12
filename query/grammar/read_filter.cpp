#include "query/grammar/read_filter.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "query/grammar/read_field.hpp"

namespace shardplex::grammar {
namespace {

constexpr std::string_view operator_name = "operator (eq, gt, ...)";

enum class Takes { value, value_or_any_all, list, is_value, language };

struct OperatorRow {
  std::string_view name;
  Operator op;
  Takes takes;
};

constexpr OperatorRow operator_rows[] = {
    {"eq", Operator::eq, Takes::value_or_any_all},
    {"neq", Operator::neq, Takes::value},
    {"gt", Operator::gt, Takes::value_or_any_all},
    {"gte", Operator::gte, Takes::value_or_any_all},
    {"lt", Operator::lt, Takes::value_or_any_all},
    {"lte", Operator::lte, Takes::value_or_any_all},
    {"like", Operator::like, Takes::value_or_any_all},
    {"ilike", Operator::ilike, Takes::value_or_any_all},
    {"match", Operator::match, Takes::value_or_any_all},
    {"imatch", Operator::imatch, Takes::value_or_any_all},
    {"in", Operator::in, Takes::list},
    {"is", Operator::is, Takes::is_value},
    {"isdistinct", Operator::isdistinct, Takes::value},
    {"cs", Operator::cs, Takes::value},
    {"cd", Operator::cd, Takes::value},
    {"ov", Operator::ov, Takes::value},
    {"sl", Operator::sl, Takes::value},
    {"sr", Operator::sr, Takes::value},
    {"nxr", Operator::nxr, Takes::value},
    {"nxl", Operator::nxl, Takes::value},
    {"adj", Operator::adj, Takes::value},
    {"fts", Operator::fts, Takes::language},
    {"plfts", Operator::plfts, Takes::language},
    {"phfts", Operator::phfts, Takes::language},
    {"wfts", Operator::wfts, Takes::language},
};

struct IsValueRow {
  std::string_view name;
  IsValue value;
};

constexpr IsValueRow is_value_rows[] = {
    {"null", IsValue::null},    {"not_null", IsValue::not_null}, {"true", IsValue::true_},
    {"false", IsValue::false_}, {"unknown", IsValue::unknown},
};

/// The (any), (all) or (language) between an operator and its dot.
bool read_modifier(Reader& in, Takes takes, Condition& condition) {
  const std::size_t start = in.position();
  if (takes == Takes::language) {
    const std::string_view language = trimmed(in.take_while(is_name));
    if (language.empty()) return in.fail("text search configuration (such as english)");
    condition.language = language;
  } else {
    const std::string_view word = in.take_while(is_lower);
    if (word != "any" && word != "all") return in.fail_at(start, "\"any\" or \"all\"");
    condition.quantifier = word == "any" ? Quantifier::any : Quantifier::all;
  }
  return in.expect(')', "\")\"");
}

/// A quoted text that is a whole item of a list or tree. nullopt, with nothing consumed, where more follows
/// the closing quote: then the quotes are part of a plain value.
std::optional<std::string> take_quoted_item(Reader& in) {
  if (in.peek() != '"') return std::nullopt;
  const std::size_t start = in.position();
  auto text = take_quoted(in);
  if (text && (in.at_end() || ends_item(in.peek()))) return text;
  in.rewind(start);
  return std::nullopt;
}

/// An array literal without nested braces, whose commas belong to it.
std::string_view take_array_literal(Reader& in) {
  const std::string_view rest = in.rest();
  if (!rest.starts_with('{')) return {};
  const std::size_t end = rest.find_first_of("{}", 1);
  if (end == std::string_view::npos || rest[end] == '{') return {};
  in.advance(end + 1);
  return rest.substr(0, end + 1);
}

/// An item of in.(…): quoted, or everything up to the next , or ).
std::string take_list_item(Reader& in) {
  if (auto text = take_quoted_item(in)) return std::move(*text);
  return std::string(in.take_while([](char c) { return !ends_item(c); }));
}

/// A value inside and(…) or or(…): as a list item, and an array literal is one value.
std::string take_tree_value(Reader& in) {
  if (const std::string_view literal = take_array_literal(in); !literal.empty()) return std::string(literal);
  return take_list_item(in);
}

std::string take_rest(Reader& in) {
  std::string value(in.rest());
  in.advance(value.size());
  return value;
}

bool read_list(Reader& in, std::size_t at_most, std::vector<std::string>& list) {
  in.skip_blanks();
  if (!in.expect('(', "\"(\"")) return false;
  in.skip_blanks();
  if (in.peek() != ')') {
    do {
      if (list.size() == at_most)
        return in.refuse(over_limit("A list holds at most " + std::to_string(at_most) + " items"));
      list.push_back(take_list_item(in));
    } while (in.take(','));
  }
  if (!in.expect(')', "\",\" or \")\"")) return false;
  in.skip_blanks();
  return true;
}

bool read_is_value(Reader& in, IsValue& value) {
  const std::size_t start = in.position();
  std::string word(in.take_while(is_word));
  for (char& c : word)
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  const IsValueRow* row = find_row(is_value_rows, word);
  if (!row) return in.fail_at(start, "null, not_null, true, false or unknown");
  value = row->value;
  return true;
}

enum class Place { parameter, tree };

/// What follows the column: [not.]operator[(modifier)].value
bool read_comparison(Reader& in, Place place, const ParseLimits& limits, Condition& condition) {
  condition.negated = in.take("not.");
  const std::size_t start = in.position();
  const OperatorRow* row = find_row(operator_rows, in.take_while(is_lower));
  if (!row)
    return in.fail_at(
        start, condition.negated ? std::string(operator_name) : "\"not\" or " + std::string(operator_name));
  condition.op = row->op;
  const bool may_be_modified = row->takes == Takes::value_or_any_all || row->takes == Takes::language;
  if (may_be_modified && in.take('(') && !read_modifier(in, row->takes, condition)) return false;
  if (!in.expect('.', "delimiter (.)")) return false;
  if (row->takes == Takes::list) return read_list(in, limits.list_items, condition.list);
  if (row->takes == Takes::is_value) return read_is_value(in, condition.is_value);
  condition.value = place == Place::tree ? take_tree_value(in) : take_rest(in);
  if (row->op == Operator::like || row->op == Operator::ilike)
    std::replace(condition.value.begin(), condition.value.end(), '*', '%');
  return true;
}

/// The "and" or "or", negated or not, of a nested tree; nothing consumed where a condition stands here.
bool take_logic_operator(Reader& in, Logic& logic) {
  const std::size_t start = in.position();
  logic.negated = in.take("not.");
  logic.disjunction = in.take("or");
  if (logic.disjunction || in.take("and")) {
    in.skip_blanks();
    if (in.peek() == '(') return true;
  }
  in.rewind(start);
  return false;
}

}  // namespace

std::string_view word_of(Operator op) {
  return std::ranges::find(operator_rows, op, &OperatorRow::op)->name;
}

std::string_view word_of(IsValue value) {
  return std::ranges::find(is_value_rows, value, &IsValueRow::value)->name;
}

bool FilterReader::read_parameter(Reader& in, Condition& condition) {
  return count(in) && read_comparison(in, Place::parameter, limits_, condition) &&
         in.expect_end("end of input");
}

bool FilterReader::read_children(Reader& in, std::size_t depth, std::vector<Filter>& children) {
  if (depth > limits_.nesting)
    return in.refuse(over_limit("and() and or() nest at most " + std::to_string(limits_.nesting) + " deep"));
  in.skip_blanks();
  if (!in.expect('(', "\"(\"")) return false;
  do {
    in.skip_blanks();
    if (!read_child(in, depth, children.emplace_back())) return false;
    in.skip_blanks();
  } while (in.take(','));
  if (!in.expect(')', "\",\" or \")\"")) return false;
  in.skip_blanks();
  return true;
}

bool FilterReader::read_child(Reader& in, std::size_t depth, Filter& child) {
  Logic logic;
  if (take_logic_operator(in, logic)) {
    if (!read_children(in, depth + 1, logic.children)) return false;
    child.node = std::make_shared<const Logic>(std::move(logic));
    return true;
  }
  auto& condition = std::get<Condition>(child.node);
  return count(in) && read_field(in, condition.field) && in.expect('.', "json path or delimiter (.)") &&
         read_comparison(in, Place::tree, limits_, condition);
}

bool FilterReader::count(Reader& in) {
  return ++conditions_ <= limits_.filters ||
         in.refuse(over_limit("A request holds at most " + std::to_string(limits_.filters) + " conditions"));
}

}  // namespace shardplex::grammar
