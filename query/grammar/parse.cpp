#include "query/grammar/parse.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "query/grammar/node_parameters.hpp"
#include "query/grammar/parameter_key.hpp"
#include "query/grammar/parameters.hpp"
#include "query/grammar/read_field.hpp"
#include "query/grammar/read_filter.hpp"
#include "query/grammar/read_items.hpp"
#include "query/grammar/read_select.hpp"
#include "query/grammar/reader.hpp"
#include "shard_map/suggestion.hpp"

namespace shardplex {
namespace {

using namespace grammar;

constexpr const char* column_named_after = "a column named after is written \"after\"";

Error cursor_not_served() {
  return cursor_refused("after= pages the rows of GET /table, and of nothing else",
                        std::string("Leave it out; ") + column_named_after);
}

Error not_a_cursor() {
  return cursor_refused("The value of after= is damaged, or no cursor of this release",
                        std::string("Take cursors as they stand in the Link field of an answer, and begin "
                                    "with an empty after=; ") +
                            column_named_after);
}

void drop_repetitions(std::vector<std::string>& names) {
  std::set<std::string> seen;
  std::erase_if(names, [&](const std::string& name) { return !seen.insert(name).second; });
}

/// What is no filter may be a parameter whose name is misspelt, or lack its operator.
Error with_hint(Error error, std::string_view key, std::string_view value) {
  if (error.code != "PGRST100" || error.hint) return error;
  const std::vector<std::string> names(reserved_names.begin(), reserved_names.end());
  if (const auto name = nearest(key, names))
    error.hint = "Perhaps you meant the parameter '" + *name + "'";
  else if (value.find('.') == std::string_view::npos)
    error.hint =
        "A filter is column=operator.value, such as " + std::string(key) + "=eq." + std::string(value);
  return error;
}

/// Whether a value can only have been meant as a filter. Of "not", "in" and "is" the dot decides; any other
/// operator has to be there with all that belongs to it, as in PostgREST.
bool has_to_be_filter(std::string_view value) {
  return value.starts_with("not.") || value.starts_with("in.") || value.starts_with("is.") ||
         value.starts_with("isdistinct.");
}

/// Takes the parameters one after the other. Of a repeated select, order, columns or on_conflict the first
/// counts, of a repeated limit or offset the last, as in PostgREST; filters add up.
class QueryParser {
 public:
  /// `arguments`: of a function, or nullptr where the request is about a table.
  QueryParser(std::string_view table, const ParseLimits& limits, std::vector<Argument>* arguments,
              Cursors cursors = Cursors::refused)
      : limits_(limits), filters_(limits), arguments_(arguments), cursors_(cursors) {
    query_.table = table;
  }

  /// Key and value are decoded. nullopt where all is well.
  std::optional<Error> read_parameter(std::string_view key, std::string_view value) {
    Reader path("tree path", key);
    ParameterKey named;
    if (!read_parameter_key(path, named)) return path.take_error();
    NodeParameters* node = node_at(std::move(named.path));
    if (!node) return over_limit("A request is about at most " + std::to_string(limits_.embeds) + " embeds");
    if (named.parameter == Parameter::filter) return read_filter(key, value, std::move(named.field), *node);
    Reader in(what(named.parameter), value);
    if (read_reserved(in, named.parameter, *node)) return std::nullopt;
    return in.take_error();
  }

  /// Call once, after all parameters.
  Result<Query> take_query() {
    if (auto given = give_to_node(std::move(root_), query_); !given) return given.error();
    for (auto& said : embeds_)
      if (auto given = give_to_node(std::move(said), query_); !given) return given.error();
    return std::move(query_);
  }

 private:
  /// nullptr where there are more than there can be embeds.
  NodeParameters* node_at(std::vector<std::string> path) {
    if (path.empty()) return &root_;
    const auto found = std::ranges::find(embeds_, path, &NodeParameters::path);
    if (found != embeds_.end()) return &*found;
    if (embeds_.size() == limits_.embeds) return nullptr;
    NodeParameters& added = embeds_.emplace_back();
    added.path = std::move(path);
    return &added;
  }

  std::optional<Error> read_filter(std::string_view key, std::string_view value, Field field,
                                   NodeParameters& node) {
    Condition condition;
    condition.field = std::move(field);
    Reader in("filter", value);
    if (filters_.read_parameter(in, condition)) {
      node.filters.push_back({std::move(condition)});
      return std::nullopt;
    }
    const bool can_be_argument =
        arguments_ && !in.is_readable() && &node == &root_ && condition.field.path.empty();
    if (!can_be_argument || has_to_be_filter(value)) return with_hint(in.take_error(), key, value);
    arguments_->push_back({std::move(condition.field.column), std::string(value)});
    return std::nullopt;
  }

  /// What messages call the value.
  static std::string_view what(Parameter parameter) {
    switch (parameter) {
      case Parameter::filter:
        return "filter";
      case Parameter::select:
        return "select parameter";
      case Parameter::order:
        return "order";
      case Parameter::limit:
        return "limit";
      case Parameter::offset:
        return "offset";
      case Parameter::columns:
        return "columns parameter";
      case Parameter::on_conflict:
        return "on_conflict parameter";
      case Parameter::and_:
      case Parameter::or_:
      case Parameter::not_and:
      case Parameter::not_or:
        return "logic tree";
      case Parameter::after:
        return "cursor";
    }
    return "";
  }

  bool read_reserved(Reader& in, Parameter parameter, NodeParameters& node) {
    switch (parameter) {
      case Parameter::filter:
        break;
      case Parameter::select:
        return read_select(in);
      case Parameter::order:
        return read_order(in, node);
      case Parameter::limit:
        return read_row_number(in, node.limit.emplace());
      case Parameter::offset:
        return read_row_number(in, node.offset.emplace());
      case Parameter::columns:
        return read_names(in, query_.columns);
      case Parameter::on_conflict:
        return read_names(in, query_.on_conflict);
      case Parameter::and_:
        return read_logic(in, {.disjunction = false, .negated = false, .children = {}}, node);
      case Parameter::or_:
        return read_logic(in, {.disjunction = true, .negated = false, .children = {}}, node);
      case Parameter::not_and:
        return read_logic(in, {.disjunction = false, .negated = true, .children = {}}, node);
      case Parameter::not_or:
        return read_logic(in, {.disjunction = true, .negated = true, .children = {}}, node);
      case Parameter::after:
        return read_cursor(in);
    }
    return false;
  }

  /// An empty one is before the first row.
  bool read_cursor(Reader& in) {
    if (cursors_ == Cursors::refused) return in.refuse(cursor_not_served());
    CursorPage page;
    if (!in.at_end()) page.at = decode_cursor(in.rest());
    if (!in.at_end() && !page.at) return in.refuse(not_a_cursor());
    query_.page = std::move(page);
    return true;
  }

  bool read_logic(Reader& in, Logic logic, NodeParameters& node) {
    if (!filters_.read_children(in, 1, logic.children) || !in.expect_end("end of input")) return false;
    node.filters.push_back({std::make_shared<const Logic>(std::move(logic))});
    return true;
  }

  /// An empty select= is no select=: all columns.
  bool read_select(Reader& in) {
    ReadNode node;
    if (in.at_end()) return true;
    if (!SelectReader(limits_).read(in, node)) return false;
    if (!query_.select.empty() || !query_.embeds.empty()) return true;
    query_.select = std::move(node.select);
    query_.embeds = std::move(node.embeds);
    return true;
  }

  static bool read_order(Reader& in, NodeParameters& node) {
    std::vector<OrderTerm> terms;
    if (!read_items(in, read_order_term, terms)) return false;
    if (node.order.empty()) node.order = std::move(terms);
    return true;
  }

  static bool read_names(Reader& in, std::optional<std::vector<std::string>>& names) {
    std::vector<std::string> read;
    if (!read_items(in, read_name, read)) return false;
    drop_repetitions(read);
    if (!names) names = std::move(read);
    return true;
  }

  const ParseLimits& limits_;
  Query query_;
  FilterReader filters_;
  std::vector<Argument>* arguments_;
  Cursors cursors_;
  NodeParameters root_;
  std::vector<NodeParameters> embeds_;
};

/// What both kinds of requests have in common.
std::optional<Error> read_parameters(std::string_view query_string, QueryParser& parser) {
  Parameters parameters(query_string);
  while (true) {
    const auto more = parameters.next();
    if (!more) return more.error();
    if (!*more) return std::nullopt;
    if (auto error = parser.read_parameter(parameters.key(), parameters.value())) return error;
  }
}

}  // namespace

Result<Query> parse_query(std::string_view table, std::string_view query_string, const ParseLimits& limits,
                          Cursors cursors) {
  QueryParser parser(table, limits, nullptr, cursors);
  if (auto error = read_parameters(query_string, parser)) return *std::move(error);
  return parser.take_query();
}

Result<FunctionCall> parse_function_call(std::string_view function, std::string_view query_string,
                                         const ParseLimits& limits) {
  FunctionCall call;
  QueryParser parser(function, limits, &call.arguments);
  if (auto error = read_parameters(query_string, parser)) return *std::move(error);
  auto rows = parser.take_query();
  if (!rows) return rows.error();
  call.rows = std::move(*rows);
  return call;
}

}  // namespace shardplex
