#include "query/grammar/parse.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>
#include <system_error>

#include "shard_map/utf8.hpp"

namespace shardplex {
namespace {

constexpr std::string_view field_name = "field name ([a..z0..9_$] or a quoted name)";
constexpr std::string_view operator_name = "operator (eq, gt, ...)";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_word(char c) {
  return is_lower(c) || is_upper(c) || c == '_';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}
bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// Letters outside ASCII all count as parts of a name, so that every alphabet works unquoted.
bool is_name(char c) {
  return is_word(c) || is_digit(c) || c == '$' || c == ' ' || !is_ascii(c);
}
bool is_json_key(char c) {
  return std::string_view("(-:.,>)").find(c) == std::string_view::npos;
}
bool ends_item(char c) {
  return c == ',' || c == ')';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

Error grammar_error(std::string message, std::string details) {
  return {.code = "PGRST100",
          .message = std::move(message),
          .details = std::move(details),
          .hint = std::nullopt,
          .status = std::nullopt};
}

Error over_limit(std::string details) {
  return grammar_error("The query string asks for too much", std::move(details));
}

Error not_served(std::string details, std::string hint) {
  return {.code = "SHARD400",
          .message = "This request is not served by this release",
          .details = std::move(details),
          .hint = std::move(hint),
          .status = std::nullopt};
}

Error embed_not_served() {
  return not_served("select asks for rows of another table inside these rows (an embed)",
                    "Select columns of this table only, and read the other table with a request of its own, "
                    "such as GET /ratings?movie_id=in.(1,2,3)");
}

Error aggregate_not_served() {
  return not_served(
      "select asks for an aggregate (count, sum, avg, min, max)",
      "Prefer: count=exact tells the number of rows; order and limit=1 find a minimum or maximum");
}

Error embedded_parameter_not_served(std::string_view key) {
  return not_served(
      "The parameter " + std::string(key) + " is about an embedded table",
      "Put a column name that has dots in double quotes; read the other table with a request of "
      "its own");
}

Error embedded_order_not_served() {
  return not_served("order sorts by a column of an embedded table",
                    "Order by columns of this table, such as order=name.desc");
}

Error cursor_not_served() {
  return not_served(
      "Paging by cursor (after=) is not available",
      "Use limit and offset, or filter on the last key seen, such as order=id&id=gt.42&limit=20; a "
      "column named after is written \"after\"");
}

Error negative_range(std::string_view parameter) {
  return {.code = "PGRST103",
          .message = "Requested range not satisfiable",
          .details = std::string(parameter) + " should be greater than or equal to zero.",
          .hint = std::nullopt,
          .status = std::nullopt};
}

/// Reads one decoded text from left to right. Every read_… function below consumes one thing of the grammar
/// and returns true, or records why it could not and returns false; take_… functions consume only what is
/// there.
class Reader {
 public:
  /// `what` names the text in messages, such as "filter". Both must outlive the reader.
  Reader(std::string_view what, std::string_view text) : what_(what), text_(text) {}

  std::string_view rest() const { return text_.substr(at_); }
  std::size_t position() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  /// NUL, which no text holds, past the end.
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void advance(std::size_t bytes) { at_ += bytes; }
  void rewind(std::size_t position) { at_ = position; }
  void skip_blanks() {
    while (is_blank(peek())) ++at_;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!rest().starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  template <class Predicate>
  std::string_view take_while(Predicate belongs) {
    const std::size_t start = at_;
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  std::string_view since(std::size_t start) const { return text_.substr(start, at_ - start); }

  bool expect(char c, std::string_view expecting) { return take(c) || fail(expecting); }
  bool expect_end(std::string_view expecting) { return at_end() || fail(expecting); }

  bool fail(std::string_view expecting) { return fail_at(at_, expecting); }
  bool fail_at(std::size_t position, std::string_view expecting) {
    at_ = position;
    std::string where = " (line 1, column " + std::to_string(column()) + ")";
    return refuse(grammar_error(
        quoted("failed to parse " + std::string(what_) + " (" + std::string(text_) + ")") + where,
        "unexpected " + unexpected() + " expecting " + std::string(expecting)));
  }
  bool refuse(Error error) {
    error_ = std::move(error);
    return false;
  }
  Error take_error() { return std::move(error_); }

 private:
  // Columns count characters, as an editor does.
  std::size_t column() const {
    const std::string_view before = text_.substr(0, at_);
    const auto inside = std::count_if(before.begin(), before.end(), is_continuation);
    return before.size() - static_cast<std::size_t>(inside) + 1;
  }
  std::string unexpected() const {
    if (at_end()) return "end of input";
    std::size_t bytes = 1;
    while (is_continuation(peek(bytes))) ++bytes;
    return quoted(text_.substr(at_, bytes));
  }

  std::string_view what_;
  std::string_view text_;
  std::size_t at_ = 0;
  Error error_;
};

// ---- names, json paths

/// The text of "…", in which a backslash makes the next character stand for itself. nullopt, with nothing
/// consumed, where the closing quote is missing.
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

bool read_name(Reader& in, std::string& name) {
  in.skip_blanks();
  if (in.peek() != '"') return read_dashed(in, is_name, field_name, name);
  const std::size_t start = in.position();
  if (!read_quoted(in, name)) return false;
  if (name.empty()) return in.fail_at(start, field_name);
  in.skip_blanks();
  return true;
}

/// The digits of an array index, where one stands here and nothing but the end of the operand follows; "1st"
/// is a key.
std::string_view take_index(Reader& in) {
  const std::string_view rest = in.rest();
  std::size_t length = rest.starts_with('-') ? 1 : 0;
  if (!is_digit(in.peek(length))) return {};
  while (is_digit(in.peek(length))) ++length;
  const std::string_view after = rest.substr(length);
  const bool ends = after.empty() || after.starts_with("->") || after.starts_with("::") ||
                    after.starts_with('.') || after.starts_with(',');
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

// ---- operators and values

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

template <class Row, std::size_t size>
const Row* find_row(const Row (&rows)[size], std::string_view name) {
  const auto* found =
      std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.name == name; });
  return found == std::end(rows) ? nullptr : found;
}

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

/// Reads conditions and holds their number and nesting to the limits.
class FilterReader {
 public:
  explicit FilterReader(const ParseLimits& limits) : limits_(limits) {}

  /// A parameter's value, after its key has been read into condition.field.
  bool read_parameter(Reader& in, Condition& condition) {
    return count(in) && read_comparison(in, Place::parameter, limits_, condition) &&
           in.expect_end("end of input");
  }

  /// (item,item,…) at the given depth of and() and or(), counted from 1.
  bool read_children(Reader& in, std::size_t depth, std::vector<Filter>& children) {
    if (depth > limits_.nesting)
      return in.refuse(
          over_limit("and() and or() nest at most " + std::to_string(limits_.nesting) + " deep"));
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

 private:
  bool read_child(Reader& in, std::size_t depth, Filter& child) {
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

  bool count(Reader& in) {
    return ++conditions_ <= limits_.filters ||
           in.refuse(
               over_limit("A request holds at most " + std::to_string(limits_.filters) + " conditions"));
  }

  const ParseLimits& limits_;
  std::size_t conditions_ = 0;
};

// ---- select, order, columns

/// item,item,… up to the end of the text.
template <class Item>
bool read_items(Reader& in, bool (*read_item)(Reader&, Item&), std::vector<Item>& items) {
  do {
    if (!read_item(in, items.emplace_back())) return false;
    in.skip_blanks();
  } while (in.take(','));
  return in.expect_end("\",\" or end of input");
}

bool read_cast(Reader& in, std::optional<std::string>& cast) {
  if (!in.take("::")) return true;
  const std::string_view type = trimmed(in.take_while(is_name));
  if (type.empty()) return in.fail("type name");
  cast = type;
  return true;
}

bool is_aggregate_call(std::string_view text) {
  for (const std::string_view call : {"count()", "sum()", "avg()", "min()", "max()"})
    if (text.starts_with(call)) return true;
  return false;
}

bool read_select_item(Reader& in, SelectItem& item) {
  in.skip_blanks();
  if (in.take('*')) return item.star = true;
  if (in.take("...")) return in.refuse(embed_not_served());
  if (!read_name(in, item.field.column)) return false;
  if (in.peek() == ':' && in.peek(1) != ':') {
    in.advance(1);
    item.alias = std::move(item.field.column);
    if (!read_name(in, item.field.column)) return false;
  }
  if (item.field.column == "count" && in.rest().starts_with("()")) return in.refuse(aggregate_not_served());
  if (in.peek() == '(' || in.peek() == '!') return in.refuse(embed_not_served());
  if (!read_json_path(in, item.field.path) || !read_cast(in, item.cast)) return false;
  if (in.peek() == '.' && is_aggregate_call(in.rest().substr(1))) return in.refuse(aggregate_not_served());
  return true;
}

bool take_nulls_order(std::string_view word, OrderTerm& term) {
  if (word != "nullsfirst" && word != "nullslast") return false;
  term.nulls_first = word == "nullsfirst";
  return true;
}

/// column[.asc|.desc][.nullsfirst|.nullslast]
bool read_order_term(Reader& in, OrderTerm& term) {
  if (!read_field(in, term.field)) return false;
  if (in.peek() == '(') return in.refuse(embedded_order_not_served());
  if (!in.take('.')) return true;
  std::size_t start = in.position();
  std::string_view word = in.take_while(is_lower);
  if (take_nulls_order(word, term)) return true;
  if (word != "asc" && word != "desc")
    return in.fail_at(start, "\"asc\", \"desc\", \"nullsfirst\" or \"nullslast\"");
  term.descending = word == "desc";
  if (!in.take('.')) return true;
  start = in.position();
  return take_nulls_order(in.take_while(is_lower), term) ||
         in.fail_at(start, "\"nullsfirst\" or \"nullslast\"");
}

/// A number that PostgreSQL's LIMIT and OFFSET take: 0 to the greatest bigint.
bool read_row_count(Reader& in, std::string_view parameter, std::uint64_t& rows) {
  const bool negative = in.take('-');
  const std::string_view digits = in.take_while(is_digit);
  if (digits.empty() || !in.at_end()) return in.fail("non-negative integer");
  if (negative) return in.refuse(negative_range(parameter));
  std::int64_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{})
    return in.fail_at(0, "integer in the range of bigint");
  rows = static_cast<std::uint64_t>(value);
  return true;
}

void drop_repetitions(std::vector<std::string>& names) {
  std::set<std::string> seen;
  std::erase_if(names, [&](const std::string& name) { return !seen.insert(name).second; });
}

// ---- the query string

/// Takes the parameters one after the other. Of a repeated select, order, columns or on_conflict the first
/// counts, of a repeated limit or offset the last, as in PostgREST; filters add up.
class QueryParser {
 public:
  QueryParser(std::string_view table, const ParseLimits& limits) : filters_(limits) { query_.table = table; }

  /// Key and value are decoded. nullopt where all is well.
  std::optional<Error> read_parameter(std::string_view key, std::string_view value) {
    const ReservedRow* reserved = find_row(reserved_rows, key);
    if (!reserved) return read_filter(key, value);
    Reader in(reserved->what, value);
    if ((this->*reserved->read)(in)) return std::nullopt;
    return in.take_error();
  }

  Query take_query() { return std::move(query_); }

 private:
  std::optional<Error> read_filter(std::string_view key, std::string_view value) {
    auto& condition = std::get<Condition>(query_.filters.emplace_back().node);
    Reader path("tree path", key);
    if (!read_field(path, condition.field)) return path.take_error();
    if (path.peek() == '.') return embedded_parameter_not_served(key);
    if (!path.expect_end("json path, delimiter (.) or end of input")) return path.take_error();
    Reader in("filter", value);
    if (!filters_.read_parameter(in, condition)) return in.take_error();
    return std::nullopt;
  }

  template <bool disjunction, bool negated>
  bool read_logic(Reader& in) {
    Logic logic{.disjunction = disjunction, .negated = negated, .children = {}};
    if (!filters_.read_children(in, 1, logic.children) || !in.expect_end("end of input")) return false;
    query_.filters.push_back({std::make_shared<const Logic>(std::move(logic))});
    return true;
  }

  bool read_select(Reader& in) {
    std::vector<SelectItem> items;
    if (!read_items(in, read_select_item, items)) return false;
    if (query_.select.empty()) query_.select = std::move(items);
    return true;
  }

  bool read_order(Reader& in) {
    std::vector<OrderTerm> terms;
    if (!read_items(in, read_order_term, terms)) return false;
    if (query_.order.empty()) query_.order = std::move(terms);
    return true;
  }

  bool read_names(Reader& in, std::optional<std::vector<std::string>>& names) {
    std::vector<std::string> read;
    if (!read_items(in, read_name, read)) return false;
    drop_repetitions(read);
    if (!names) names = std::move(read);
    return true;
  }
  bool read_columns(Reader& in) { return read_names(in, query_.columns); }
  bool read_on_conflict(Reader& in) { return read_names(in, query_.on_conflict); }

  bool read_limit(Reader& in) { return read_row_count(in, "Limit", query_.limit.emplace()); }
  bool read_offset(Reader& in) { return read_row_count(in, "Offset", query_.offset); }

  bool refuse_cursor(Reader& in) { return in.refuse(cursor_not_served()); }

  struct ReservedRow {
    std::string_view name;
    std::string_view what;
    bool (QueryParser::*read)(Reader&);
  };
  static const ReservedRow reserved_rows[11];

  Query query_;
  FilterReader filters_;
};

constexpr QueryParser::ReservedRow QueryParser::reserved_rows[] = {
    {"select", "select parameter", &QueryParser::read_select},
    {"order", "order", &QueryParser::read_order},
    {"limit", "limit", &QueryParser::read_limit},
    {"offset", "offset", &QueryParser::read_offset},
    {"columns", "columns parameter", &QueryParser::read_columns},
    {"on_conflict", "on_conflict parameter", &QueryParser::read_on_conflict},
    {"and", "logic tree", &QueryParser::read_logic<false, false>},
    {"or", "logic tree", &QueryParser::read_logic<true, false>},
    {"not.and", "logic tree", &QueryParser::read_logic<false, true>},
    {"not.or", "logic tree", &QueryParser::read_logic<true, true>},
    {"after", "cursor", &QueryParser::refuse_cursor},
};

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

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

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const auto high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (!high || !low) return std::nullopt;
      c = static_cast<char>(*high << 4 | *low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    decoded.push_back(c);
  }
  if (!is_utf8(decoded)) return std::nullopt;
  return decoded;
}

Result<Query> parse_query(std::string_view table, std::string_view query_string, const ParseLimits& limits) {
  QueryParser parser(table, limits);
  std::string key_buffer, value_buffer;
  while (!query_string.empty()) {
    const std::string_view parameter = query_string.substr(0, query_string.find('&'));
    query_string.remove_prefix(std::min(parameter.size() + 1, query_string.size()));
    if (parameter.empty()) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const auto key = decode(parameter.substr(0, equals), key_buffer);
    const auto value = decode(parameter.substr(std::min(equals + 1, parameter.size())), value_buffer);
    if (!key || !value) return malformed_encoding(parameter);
    if (auto error = parser.read_parameter(*key, *value)) return *std::move(error);
  }
  return parser.take_query();
}

}  // namespace shardplex
