#include "cli/explain_output.hpp"

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "shard_map/joined.hpp"

namespace shardplex::cli {
namespace {

namespace json = boost::json;
using operations::Colour;
using operations::printable;
using operations::Terminal;
using operations::TextTable;

/// A scalar, or a list of them, as people read it.
std::string shown(const json::value& value) {
  if (const auto* text = value.if_string()) return printable({text->data(), text->size()});
  if (const auto* list = value.if_array()) {
    std::vector<std::string> items;
    for (const auto& item : *list) items.push_back(shown(item));
    return joined(items);
  }
  return value.is_null() ? "none" : json::serialize(value);
}

void print_route(const json::object& plan, const Terminal& terminal) {
  const auto& route = plan.at("route").as_object();
  std::vector<std::string> names;
  for (const auto& shard : route.at("shards").as_array()) names.push_back(shown(shard.at("shard")));
  terminal.out << shown(plan.at("table")) << ": " << terminal.paint_out(Colour::bold, shown(route.at("kind")))
               << (names.empty() ? "" : " of " + joined(names)) << '\n';
  for (const auto& reason : route.at("why").as_array()) terminal.out << "why: " << shown(reason) << '\n';
  if (const auto& fault = route.at("fault"); !fault.is_null())
    terminal.out << "now: " << terminal.paint_out(Colour::red, shown(fault)) << '\n';
  if (const auto* asks = plan.if_contains("asks")) terminal.out << "asks: " << shown(*asks) << '\n';
  if (route.at("slots").is_null() || names.empty()) return;
  TextTable table({{"SHARD"}, {"SLOTS"}, {"EPOCH", TextTable::Align::right}, {"ROWS"}});
  for (const auto& shard : route.at("shards").as_array())
    table.add({shown(shard.at("shard")), shown(shard.at("slots")), shown(shard.at("epoch")),
               shard.at("owned_rows_only").as_bool() ? "those it owns" : "all"});
  terminal.out << '\n';
  table.print(terminal);
}

void print_operator(const json::object& node, std::size_t depth, const Terminal& terminal) {
  if (!node.contains("operator")) return;
  terminal.out << std::string(2 * depth + 2, ' ') << shown(node.at("operator"));
  for (const auto& [name, value] : node)
    if (name != "operator" && name != "inputs" && !value.is_null())
      terminal.out << ' ' << std::string_view(name.data(), name.size()) << '=' << shown(value);
  terminal.out << '\n';
  if (const auto* inputs = node.if_contains("inputs"))
    for (const auto& input : inputs->as_array()) print_operator(input.as_object(), depth + 1, terminal);
}

void print_statement(const json::object& statement, const Terminal& terminal) {
  terminal.out << '\n'
               << shown(statement.at("shards")) << ' ' << shown(statement.at("does")) << ":\n  "
               << shown(statement.at("sql")) << '\n';
  for (const auto& parameter : statement.at("parameters").as_array())
    terminal.out << "  " << shown(parameter.at("name")) << ": " << shown(parameter.at("is")) << " ("
                 << shown(parameter.at("type")) << ")\n";
}

}  // namespace

void print_explained_read(const json::object& plan, const Terminal& terminal) {
  print_route(plan, terminal);
  if (const auto& operators = plan.at("operators").as_object(); !operators.empty()) {
    terminal.out << "\noperators:\n";
    print_operator(operators, 0, terminal);
  }
  for (const auto& statement : plan.at("statements").as_array())
    print_statement(statement.as_object(), terminal);
  const auto& hints = plan.at("hints").as_array();
  if (!hints.empty()) terminal.out << '\n';
  for (const auto& hint : hints) terminal.out << "hint: " << shown(hint) << '\n';
}

}  // namespace shardplex::cli
