#include "query/patterns/request_shape.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "query/grammar/read_filter.hpp"
#include "shard_map/key.hpp"

namespace shardplex {
namespace {

constexpr std::string_view cut_mark = "…#";
constexpr std::string_view hex_digits = "0123456789ABCDEF";

/// Words that mean something where a name could stand.
constexpr bool is_reserved(std::string_view name) {
  for (const std::string_view word : {"select", "order", "limit", "offset", "columns", "on_conflict", "and",
                                      "or", "not", "after", "inner", "left", "count"})
    if (name == word) return true;
  return false;
}

constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// Needs no quotes in a name. Letters outside ASCII are as good as any.
constexpr bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// What would end a name where a URL, a shell or a shape is read.
constexpr bool is_encoded(char c) {
  return is_control(c) || std::string_view("%&=+#?;'").find(c) != std::string_view::npos;
}

/// Appends one request's shape to a text.
class ShapeWriter {
 public:
  explicit ShapeWriter(std::string& out) : out_(out) {}

  void write(const ShapedRequest& request) {
    put(request.method);
    put(request.is_call ? " /rpc/" : " /");
    encoded(request.query.table);
    if (request.is_row) put("/{key}");
    parameters(request);
    fields(request);
  }

 private:
  void put(std::string_view text) { out_ += text; }

  void encoded(std::string_view text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (is_encoded(c))
        out_ += {'%', hex_digits[byte >> 4U], hex_digits[byte & 15U]};
      else
        out_ += c;
    }
  }

  void name(std::string_view text) {
    const bool begins_well = !text.empty() && !(text.front() >= '0' && text.front() <= '9');
    if (begins_well && std::ranges::all_of(text, is_plain) && !is_reserved(text)) return put(text);
    out_ += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') out_ += '\\';
      encoded({&c, 1});
    }
    out_ += '"';
  }

  void number(std::int64_t value) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out_.append(digits.data(), end);
  }

  void field(const Field& field) {
    name(field.column);
    for (const auto& step : field.path) {
      put(step.as_text ? "->>" : "->");
      if (const auto* index = std::get_if<std::int32_t>(&step.to))
        number(*index);
      else
        name(std::get<std::string>(step.to));
    }
  }

  void cast(const std::optional<std::string>& type) {
    if (!type) return;
    put("::");
    encoded(*type);
  }

  // ---- select=

  void item(const SelectItem& item) {
    if (item.star && !item.aggregate) return put("*");
    alias(item.alias);
    if (item.star)
      put("count()");
    else
      field(item.field);
    cast(item.cast);
    if (!item.aggregate) return;
    if (!item.star) {
      out_ += '.';
      put(to_string(item.aggregate->function));
      put("()");
    }
    cast(item.aggregate->cast);
  }

  void alias(const std::optional<std::string>& alias) {
    if (!alias) return;
    name(*alias);
    out_ += ':';
  }

  void embed(const Embed& embed) {
    if (embed.spread) put("...");
    alias(embed.alias);
    name(embed.relation);
    if (embed.hint) {
      out_ += '!';
      name(*embed.hint);
    }
    if (embed.inner) put("!inner");
    out_ += '(';
    members(embed.rows);
    out_ += ')';
  }

  void members(const ReadNode& node) {
    bool is_first = true;
    const auto separate = [&] {
      if (!std::exchange(is_first, false)) out_ += ',';
    };
    for (const auto& one : node.select) separate(), item(one);
    for (const auto& one : node.embeds) separate(), embed(one);
  }

  // ---- Filters.

  void comparison(const Condition& condition) {
    if (condition.negated) put("not.");
    put(grammar::word_of(condition.op));
    if (condition.quantifier != Quantifier::none)
      put(condition.quantifier == Quantifier::any ? "(any)" : "(all)");
    if (condition.language) {
      out_ += '(';
      encoded(*condition.language);
      out_ += ')';
    }
    out_ += '.';
    if (condition.op == Operator::is)
      put(grammar::word_of(condition.is_value));
    else
      put(condition.op == Operator::in ? "(?)" : "?");
  }

  void operator_of(const Logic& logic) {
    if (logic.negated) put("not.");
    put(logic.disjunction ? "or" : "and");
  }

  void children(const Logic& logic) {
    out_ += '(';
    for (std::size_t i = 0; i < logic.children.size(); ++i) {
      if (i > 0) out_ += ',';
      if (const auto* condition = std::get_if<Condition>(&logic.children[i].node)) {
        field(condition->field);
        out_ += '.';
        comparison(*condition);
      } else {
        const auto& nested = *std::get<std::shared_ptr<const Logic>>(logic.children[i].node);
        operator_of(nested);
        children(nested);
      }
    }
    out_ += ')';
  }

  void filter(const Filter& filter) {
    begin_parameter();
    if (const auto* condition = std::get_if<Condition>(&filter.node)) {
      field(condition->field);
      out_ += '=';
      comparison(*condition);
    } else {
      const auto& logic = *std::get<std::shared_ptr<const Logic>>(filter.node);
      operator_of(logic);
      out_ += '=';
      children(logic);
    }
  }

  // ---- Parameters.

  /// With the path to the node that the parameter is about.
  void begin_parameter() {
    out_ += std::exchange(has_parameters_, true) ? '&' : '?';
    for (const auto* embed : path_) {
      name(embed->name());
      out_ += '.';
    }
  }

  void order(const std::vector<OrderTerm>& terms) {
    if (terms.empty()) return;
    begin_parameter();
    put("order=");
    for (std::size_t i = 0; i < terms.size(); ++i) {
      const auto& term = terms[i];
      if (i > 0) out_ += ',';
      if (term.embed) {
        name(*term.embed);
        out_ += '(';
      }
      field(term.field);
      if (term.embed) out_ += ')';
      if (term.descending) put(".desc");
      if (term.nulls_first) put(*term.nulls_first ? ".nullsfirst" : ".nullslast");
    }
  }

  void names(std::string_view parameter, const std::optional<std::vector<std::string>>& columns) {
    if (!columns) return;
    begin_parameter();
    put(parameter);
    for (std::size_t i = 0; i < columns->size(); ++i) {
      if (i > 0) out_ += ',';
      name((*columns)[i]);
    }
  }

  /// `filters`: how many of the node's are told.
  void node(const ReadNode& node, std::size_t filters) {
    for (std::size_t i = 0; i < filters; ++i) filter(node.filters[i]);
    order(node.order);
    if (node.limit) {
      begin_parameter();
      put("limit=?");
    }
    for (const auto& embed : node.embeds) {
      path_.push_back(&embed);
      this->node(embed.rows, embed.rows.filters.size());
      path_.pop_back();
    }
  }

  void parameters(const ShapedRequest& request) {
    const auto& query = request.query;
    for (const auto& argument : request.arguments) {
      begin_parameter();
      name(argument);
      put("=?");
    }
    if (!query.select.empty() || !query.embeds.empty()) {
      begin_parameter();
      put("select=");
      members(query);
    }
    names("columns=", query.columns);
    names("on_conflict=", query.on_conflict);
    const bool ends_in_key = request.is_row && !query.filters.empty();
    node(query, query.filters.size() - (ends_in_key ? 1 : 0));
    if (query.page) {
      begin_parameter();
      put("after=?");
    }
  }

  // ---- Fields.

  void preference(std::string_view text) {
    put(std::exchange(has_preferences_, true) ? "," : "; Prefer: ");
    put(text);
  }

  void fields(const ShapedRequest& request) {
    const auto& prefer = request.prefer;
    if (prefer.count != CountKind::none) preference(text_of(prefer.count));
    if (prefer.returning != ReturnKind::minimal) preference(text_of(prefer.returning));
    if (prefer.timezone) preference("timezone=?");
    if (prefer.max_affected && prefer.strict) preference("handling=strict,max-affected=?");
    if (prefer.partial) preference("partial=allow");
    if (request.format != Shape::array) {
      const auto type = content_type(request.format);
      put("; Accept: ");
      put(type.substr(0, type.find("; charset")));
    }
    if (request.strong) put("; Shardplex-Consistency: strong");
    if (request.schema.empty()) return;
    const bool is_read = request.method == "GET" || request.method == "HEAD";
    put(is_read ? "; Accept-Profile: " : "; Content-Profile: ");
    encoded(request.schema);
  }

  std::string& out_;
  std::vector<const Embed*> path_;
  bool has_parameters_ = false, has_preferences_ = false;
};

/// Cuts what was appended from `begin` on to longest_shape bytes; requests of different shapes stay
/// different.
void cut_shape(std::string& out, std::size_t begin) {
  constexpr std::size_t hash_digits = 16;
  if (out.size() - begin <= longest_shape) return;
  const auto hash = hash_bytes(std::string_view(out).substr(begin));
  auto end = begin + longest_shape - cut_mark.size() - hash_digits;
  while (end > begin && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
  out.resize(end);
  out += cut_mark;
  for (unsigned shift = 64; shift > 0;) {
    shift -= 4;
    out += hex_digits[(hash >> shift) & 15U];
  }
}

}  // namespace

void append_shape(std::string& out, const ShapedRequest& request) {
  const auto begin = out.size();
  ShapeWriter(out).write(request);
  cut_shape(out, begin);
}

std::string explain_command(std::string_view shape) {
  const bool is_read = shape.starts_with("GET /") || shape.starts_with("HEAD /");
  const bool is_call = shape.starts_with("GET /rpc/") || shape.starts_with("HEAD /rpc/");
  if (!is_read || is_call || shape.find(cut_mark) != shape.npos) return "";
  std::string command = "shardplex explain";
  const auto request = shape.substr(0, shape.find("; "));
  for (auto rest = shape.substr(request.size()); rest.starts_with("; ");) {
    rest.remove_prefix(2);
    const auto field = rest.substr(0, rest.find("; "));
    command.append(" --header '").append(field) += '\'';
    rest.remove_prefix(field.size());
  }
  return command.append(" '").append(request) += '\'';
}

}  // namespace shardplex
