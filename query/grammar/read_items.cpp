#include "query/grammar/read_items.hpp"

#include <charconv>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "query/grammar/read_field.hpp"

namespace shardplex::grammar {
namespace {

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

Error embedded_order_not_served() {
  return not_served("order sorts by a column of an embedded table",
                    "Order by columns of this table, such as order=name.desc");
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

bool take_nulls_order(std::string_view word, OrderTerm& term) {
  if (word != "nullsfirst" && word != "nullslast") return false;
  term.nulls_first = word == "nullsfirst";
  return true;
}

}  // namespace

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

bool read_row_number(Reader& in, std::int64_t& rows) {
  in.take('-');
  const std::string_view digits = in.take_while(is_digit);
  if (digits.empty() || !in.at_end()) return in.fail("integer");
  const std::string_view text = in.since(0);
  return std::from_chars(text.data(), text.data() + text.size(), rows).ec == std::errc{} ||
         in.fail_at(0, "integer in the range of bigint");
}

}  // namespace shardplex::grammar
