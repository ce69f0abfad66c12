// Random trees of select=, and the text of their requests.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/grammar/query.hpp"

namespace shardplex::test {

class TreeGenerator {
 public:
  explicit TreeGenerator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  bool chance(std::size_t in) { return below(in) == 0; }

  Query query() {
    Query query;
    query.table = "films";
    embeds_left_ = 12;
    fill(query, 3);
    return query;
  }

  /// The parameters in random order.
  std::string text(const Query& query) {
    parameters_.clear();
    if (!query.select.empty() || !query.embeds.empty()) add("", "select", members(query));
    add_parameters("", query);
    std::ranges::shuffle(parameters_, random_);
    std::string text;
    for (const auto& parameter : parameters_) text += (text.empty() ? "" : "&") + parameter;
    return text;
  }

  /// The text with some bytes taken out, put in or changed.
  std::string mutated(std::string text) {
    static constexpr std::string_view grammar =
        "().,:*\"\\->!{}%&=+ \t\n\0\xff"
        "aeor0";
    for (std::size_t n = 1 + below(3); n > 0; --n) {
      const std::size_t at = below(text.size() + 1);
      const char byte = chance(5) ? static_cast<char>(below(256)) : grammar[below(grammar.size())];
      switch (below(4)) {
        case 0:
          text.insert(at, 1, byte);
          break;
        case 1:
          text.erase(at, 1 + below(3));
          break;
        case 2:
          text.insert(at, text.substr(below(text.size() + 1), below(12)));
          break;
        default:
          if (at < text.size()) text[at] = byte;
      }
    }
    return text;
  }

 private:
  static constexpr std::array names_ = {"id",     "name",  "actors", "roles", "films", "a-b",  "the cast",
                                        "99c",    "é",     "a.b",    "a,b",   "(a)",   "a\"b", "a\\b",
                                        " pad ",  "a:b",   "a!b",    "*",     "inner", "left", "count",
                                        "select", "limit", "order",  "or",    "not",   "and",  "offset",
                                        "after",  "...a",  "a->b",   "sum()", "🎬",     "null", "is"};

  std::string name() { return names_[below(names_.size())]; }

  // ---- Values.

  void fill(ReadNode& node, std::size_t depth) {
    for (std::size_t n = below(4); n > 0; --n) node.select.push_back(item());
    while (depth > 0 && embeds_left_ > 0 && !chance(2)) {
      --embeds_left_;
      Embed below = embed();
      if (node.find_embed(below.name())) continue;
      fill(below.rows, depth - 1);
      node.embeds.push_back(std::move(below));
    }
    for (std::size_t n = below(3); n > 0; --n) node.filters.push_back(filter(node, 2));
    for (std::size_t n = below(3); n > 0; --n) node.order.push_back(order_term(node));
    if (chance(3)) node.limit = below(100);
    if (chance(3)) node.offset = below(100);
  }

  Embed embed() {
    Embed made;
    made.relation = name();
    if (chance(3)) made.alias = name();
    if (chance(3)) made.hint = name();
    made.inner = chance(3);
    made.spread = chance(4);
    return made;
  }

  Field field() {
    Field made{name(), {}};
    while (chance(4)) {
      JsonStep& step = made.path.emplace_back();
      step.as_text = chance(2);
      if (chance(2))
        step.to = static_cast<std::int32_t>(below(5)) - 2;
      else
        step.to = name();
    }
    return made;
  }

  SelectItem item() {
    SelectItem made;
    made.star = chance(4);
    if (made.star && chance(2)) return made;
    if (made.star)
      made.aggregate.emplace();
    else
      made.field = field();
    if (chance(3)) made.alias = name();
    if (!made.star && chance(3)) made.cast = "timestamp with time zone";
    if (!made.star && chance(3)) made.aggregate.emplace().function = static_cast<AggregateFunction>(below(5));
    if (made.aggregate && chance(2)) made.aggregate->cast = "text";
    return made;
  }

  OrderTerm order_term(const ReadNode& node) {
    OrderTerm made;
    made.field = field();
    made.descending = chance(2);
    if (chance(2)) made.nulls_first = chance(2);
    if (!node.embeds.empty() && chance(2)) made.embed = node.embeds[below(node.embeds.size())].name();
    return made;
  }

  Filter filter(const ReadNode& node, std::size_t depth) {
    if (depth > 0 && chance(3)) {
      Logic tree{chance(2), chance(3), {}};
      for (std::size_t n = 1 + below(2); n > 0; --n) tree.children.push_back(filter(node, depth - 1));
      return {std::make_shared<const Logic>(std::move(tree))};
    }
    Condition condition;
    condition.field = field();
    condition.negated = chance(3);
    if (chance(3)) {
      condition.op = Operator::is;
      if (!node.embeds.empty() && chance(2))
        condition.field = {node.embeds[below(node.embeds.size())].name(), {}};
    } else if (chance(3)) {
      condition.op = Operator::in;
      condition.list = {name(), name()};
    } else {
      condition.value = name();
    }
    return {condition};
  }

  // ---- Text.

  static bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }
  static bool is_plain(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return is_plain(c); });
  }
  static bool is_word(std::string_view text) {
    for (const std::string_view word :
         {"inner", "left", "count", "select", "limit", "order", "or", "not", "and", "offset", "after"})
      if (text == word) return true;
    return false;
  }
  std::string in_quotes(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    return quoted + '"';
  }
  std::string word(std::string_view text) {
    return is_plain(text) && !is_word(text) && chance(2) ? std::string(text) : in_quotes(text);
  }
  std::string blanks() { return chance(6) ? " " : ""; }

  std::string text_of(const Field& field) {
    std::string text = word(field.column);
    for (const auto& step : field.path) {
      text += step.as_text ? "->>" : "->";
      if (const auto* index = std::get_if<std::int32_t>(&step.to))
        text += std::to_string(*index);
      else
        text += in_quotes(std::get<std::string>(step.to));
    }
    return text;
  }

  std::string text_of(const SelectItem& item) {
    static constexpr std::array functions = {"count", "sum", "avg", "max", "min"};
    if (item.star && !item.aggregate) return "*";
    std::string text = item.alias ? word(*item.alias) + ":" + blanks() : "";
    text += item.star ? "count()" : text_of(item.field);
    if (item.cast) text += "::" + *item.cast;
    if (item.aggregate && !item.star)
      text += std::string(".") + functions.at(static_cast<std::size_t>(item.aggregate->function)) + "()";
    if (item.aggregate && item.aggregate->cast) text += "::" + *item.aggregate->cast;
    return text;
  }

  std::string text_of(const Embed& embed) {
    std::string text = embed.spread ? "..." : "";
    if (embed.alias) text += word(*embed.alias) + ":";
    text += word(embed.relation) + blanks();
    const std::string join = embed.inner ? "!inner" : chance(4) ? "!left" : "";
    const std::string hint = embed.hint ? "!" + word(*embed.hint) : "";
    text += chance(2) ? hint + join : join + hint;
    return text + "(" + members(embed.rows) + ")";
  }

  /// The items and the embeds, each in their order, and otherwise mixed.
  std::string members(const ReadNode& node) {
    std::string text;
    auto item = node.select.begin();
    auto embed = node.embeds.begin();
    while (item != node.select.end() || embed != node.embeds.end()) {
      if (!text.empty()) text += ",";
      const bool takes_item = embed == node.embeds.end() || (item != node.select.end() && chance(2));
      text += blanks() + (takes_item ? text_of(*item++) : text_of(*embed++)) + blanks();
    }
    return text;
  }

  std::string text_of(const OrderTerm& term) {
    std::string text = term.embed ? word(*term.embed) + "(" + text_of(term.field) + ")" : text_of(term.field);
    text += term.descending ? ".desc" : chance(2) ? ".asc" : "";
    if (term.nulls_first) text += *term.nulls_first ? ".nullsfirst" : ".nullslast";
    return text;
  }

  std::string comparison(const Condition& condition, bool in_tree) {
    std::string text = condition.negated ? "not." : "";
    if (condition.op == Operator::is) return text + "is.null";
    if (condition.op == Operator::in)
      return text + "in.(" + in_quotes(condition.list[0]) + "," + in_quotes(condition.list[1]) + ")";
    return text + "eq." + (in_tree ? in_quotes(condition.value) : condition.value);
  }

  static std::string operator_of(const Logic& tree) {
    return std::string(tree.negated ? "not." : "") + (tree.disjunction ? "or" : "and");
  }

  std::string children(const Logic& tree) {
    std::string text;
    for (const auto& child : tree.children) {
      text += text.empty() ? "" : ",";
      if (const auto* condition = std::get_if<Condition>(&child.node)) {
        text += text_of(condition->field) + "." + comparison(*condition, true);
      } else {
        const Logic& nested = *std::get<std::shared_ptr<const Logic>>(child.node);
        text += operator_of(nested) + children(nested);
      }
    }
    return "(" + text + ")";
  }

  void add_parameters(const std::string& prefix, const ReadNode& node) {
    // Their order is that of the filters, so they are one parameter of the shuffle.
    std::string filters;
    for (const auto& filter : node.filters) {
      const auto* condition = std::get_if<Condition>(&filter.node);
      const Logic* tree = condition ? nullptr : std::get<std::shared_ptr<const Logic>>(filter.node).get();
      filters += filters.empty() ? "" : "&";
      filters += condition ? encoded(prefix + text_of(condition->field)) + "=" +
                                 encoded(comparison(*condition, false))
                           : encoded(prefix + operator_of(*tree)) + "=" + encoded(children(*tree));
    }
    if (!filters.empty()) parameters_.push_back(filters);
    std::string order;
    for (const auto& term : node.order) order += (order.empty() ? "" : ",") + text_of(term);
    if (!order.empty()) add(prefix, "order", order);
    if (node.limit) add(prefix, "limit", std::to_string(*node.limit));
    if (node.offset != 0 || chance(5)) add(prefix, "offset", std::to_string(node.offset));
    for (const auto& embed : node.embeds) add_parameters(prefix + word(embed.name()) + ".", embed.rows);
  }

  void add(const std::string& prefix, const std::string& key, const std::string& value) {
    parameters_.push_back(encoded(prefix + key) + "=" + encoded(value));
  }

  static std::string encoded(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
      if (std::string_view("%&=+#").find(c) == std::string_view::npos) {
        out += c;
      } else {
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', digits[byte >> 4], digits[byte & 15u]};
      }
    }
    return out;
  }

  std::mt19937_64 random_;
  std::size_t embeds_left_ = 0;
  std::vector<std::string> parameters_;
};

}  // namespace shardplex::test
