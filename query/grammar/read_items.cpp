#include "query/grammar/read_items.hpp"

#include <charconv>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "query/grammar/read_field.hpp"

namespace shardplex::grammar {
namespace {

bool take_nulls_order(std::string_view word, OrderTerm& term) {
  if (word != "nullsfirst" && word != "nullslast") return false;
  term.nulls_first = word == "nullsfirst";
  return true;
}

}  // namespace

bool read_order_term(Reader& in, OrderTerm& term) {
  if (!read_field(in, term.field)) return false;
  if (term.field.path.empty() && in.take('(')) {
    term.embed = std::move(term.field.column);
    if (!read_field(in, term.field) || !in.expect(')', "json path or \")\"")) return false;
    in.skip_blanks();
  }
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
