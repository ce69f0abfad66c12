#include "query/grammar/read_select.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "query/grammar/read_field.hpp"

namespace shardplex::grammar {
namespace {

struct AggregateRow {
  std::string_view name;
  AggregateFunction function;
};

constexpr AggregateRow aggregate_rows[] = {
    {"count", AggregateFunction::count}, {"sum", AggregateFunction::sum}, {"avg", AggregateFunction::avg},
    {"max", AggregateFunction::max},     {"min", AggregateFunction::min},
};

bool read_cast(Reader& in, std::optional<std::string>& cast) {
  if (!in.take("::")) return true;
  const std::string_view type = trimmed(in.take_while(is_name));
  if (type.empty()) return in.fail("type name");
  cast = type;
  return true;
}

/// .sum()[::cast], which may be nothing.
bool read_aggregate(Reader& in, std::optional<Aggregate>& aggregate) {
  const std::size_t start = in.position();
  if (!in.take('.')) return true;
  const AggregateRow* row = find_row(aggregate_rows, in.take_while(is_lower));
  if (!row || !in.take("()"))
    return in.fail_at(start, "an aggregate function (.count(), .sum(), .avg(), .max(), .min()) or \",\"");
  aggregate.emplace().function = row->function;
  in.skip_blanks();
  return read_cast(in, aggregate->cast);
}

/// count(), after its name and alias.
bool read_count_of_rows(Reader& in, std::optional<std::string> alias, ReadNode& node) {
  SelectItem& item = node.select.emplace_back();
  item.star = true;
  item.alias = std::move(alias);
  in.skip_blanks();
  return read_cast(in, item.aggregate.emplace().cast);
}

/// What follows a column's name: [path][::cast][.aggregate()[::cast]]
bool read_column(Reader& in, std::string name, std::optional<std::string> alias, ReadNode& node) {
  SelectItem& item = node.select.emplace_back();
  item.field.column = std::move(name);
  item.alias = std::move(alias);
  return read_json_path(in, item.field.path) && read_cast(in, item.cast) &&
         read_aggregate(in, item.aggregate);
}

/// A name, and whether it stands in quotes, where it is no word of the grammar.
struct Word {
  std::string text;
  bool quoted = false;
  bool is(std::string_view word) const { return !quoted && text == word; }
};

bool read_word(Reader& in, Word& word) {
  in.skip_blanks();
  word.quoted = in.peek() == '"';
  return read_name(in, word.text);
}

/// The name of a member, after its alias where it has one.
bool read_named(Reader& in, std::optional<std::string>& alias, Word& name) {
  if (!read_word(in, name)) return false;
  if (in.peek() != ':' || in.peek(1) == ':') return true;
  in.advance(1);
  alias = std::move(name.text);
  return read_word(in, name);
}

/// [!hint][!inner|!left] in any order. Of two hints or two joins the first counts, as in PostgREST.
bool read_embed_modifiers(Reader& in, Embed& embed) {
  std::optional<bool> inner;
  for (int n = 0; n < 2 && in.take('!'); ++n) {
    Word word;
    if (!read_word(in, word)) return false;
    if (word.is("inner") || word.is("left"))
      inner = inner.value_or(word.is("inner"));
    else if (!embed.hint)
      embed.hint = std::move(word.text);
  }
  embed.inner = inner.value_or(false);
  return true;
}

}  // namespace

bool SelectReader::read_members(Reader& in, std::size_t depth, ReadNode& node) {
  in.skip_blanks();
  if (depth > 0 && in.take(')')) return true;
  do {
    if (!read_member(in, depth, node)) return false;
    in.skip_blanks();
  } while (in.take(','));
  if (depth > 0) return in.expect(')', "\",\" or \")\"");
  return in.expect_end("\",\" or end of input");
}

bool SelectReader::read_member(Reader& in, std::size_t depth, ReadNode& node) {
  in.skip_blanks();
  if (in.take('*')) return node.select.emplace_back().star = true;
  const bool spread = in.take("...");
  std::optional<std::string> alias;
  Word name;
  if (!read_named(in, alias, name)) return false;
  if (!spread && name.is("count") && in.take("()")) return read_count_of_rows(in, std::move(alias), node);
  if (spread || in.peek() == '(' || in.peek() == '!') {
    Embed embed;
    embed.relation = std::move(name.text);
    embed.alias = std::move(alias);
    embed.spread = spread;
    return read_embed(in, depth + 1, std::move(embed), node);
  }
  return read_column(in, std::move(name.text), std::move(alias), node);
}

bool SelectReader::read_embed(Reader& in, std::size_t depth, Embed embed, ReadNode& node) {
  if (depth > limits_.embed_depth)
    return in.refuse(over_limit("Embeds nest at most " + std::to_string(limits_.embed_depth) + " deep"));
  if (++embeds_ > limits_.embeds)
    return in.refuse(over_limit("A request holds at most " + std::to_string(limits_.embeds) + " embeds"));
  if (!read_embed_modifiers(in, embed) || !in.expect('(', "\"!\" or \"(\"") ||
      !read_members(in, depth, embed.rows))
    return false;
  node.embeds.push_back(std::move(embed));
  return true;
}

}  // namespace shardplex::grammar
