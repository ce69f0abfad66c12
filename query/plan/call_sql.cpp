#include "query/plan/call_sql.hpp"

#include <algorithm>
#include <vector>

#include "query/catalogue/functions.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/contains_name.hpp"

namespace shardplex {
namespace {

/// By its type's own name, so that a character is not cut to one.
std::string argument_type_sql(const FunctionArgument& argument) {
  return quote_identifier(argument.type_schema) + '.' + quote_identifier(argument.type_name);
}

/// Those arguments of the function that are given.
std::vector<const FunctionArgument*> given_to(const Function& function, const CallArguments& arguments) {
  std::vector<const FunctionArgument*> given;
  for (const auto& argument : function.arguments)
    if (contains_name(arguments.names, argument.name)) given.push_back(&argument);
  return given;
}

/// The texts of one argument, an array where it is variadic.
std::string text_of(const FunctionArgument& argument, const std::vector<Argument>& given) {
  std::vector<std::string> values;
  for (const auto& each : given)
    if (each.name == argument.name) values.push_back(each.value);
  // Of what is no array the last counts, as in PostgREST.
  return argument.variadic ? array_literal(values) : values.back();
}

/// FROM's first item: one row a of the arguments; of an empty array none, so that nothing is called.
std::string arguments_sql(const std::vector<const FunctionArgument*>& given, const CallArguments& arguments,
                          ExpressionWriter& writer) {
  std::string columns;
  if (arguments.form == CallArguments::Form::json) {
    for (const auto* argument : given)
      add_item(columns, quote_identifier(argument->name) + ' ' + argument_type_sql(*argument));
    const std::string json = '(' + writer.param(arguments.body) + "::json)";
    if (!arguments.is_array) return "pg_catalog.json_to_record" + json + " AS a(" + columns + ')';
    return "(SELECT r.* FROM pg_catalog.json_to_recordset" + json + " AS r(" + columns + ") LIMIT 1) AS a";
  }
  for (const auto* argument : given)
    add_item(columns, writer.param(text_of(*argument, arguments.given)) +
                          "::" + argument_type_sql(*argument) + " AS " + quote_identifier(argument->name));
  return "(SELECT " + columns + ") AS a";
}

}  // namespace

std::string call_sql(const Function& function, const CallArguments& arguments, ExpressionWriter& writer) {
  const std::string name = quote_identifier(function.schema) + '.' + quote_identifier(function.name);
  std::string from, values;
  if (function.arguments.size() == 1 && function.arguments.front().name.empty()) {
    values = writer.param(arguments.body) + "::" + argument_type_sql(function.arguments.front());
  } else if (const auto given = given_to(function, arguments); !given.empty()) {
    from = arguments_sql(given, arguments, writer) + " CROSS JOIN LATERAL ";
    for (const auto* argument : given) {
      const auto quoted = quote_identifier(argument->name);
      add_item(values, (argument->variadic ? "VARIADIC " : "") + quoted + " := a." + quoted);
    }
  }
  const std::string call = name + '(' + values + ')', value = quote_identifier(value_column);
  switch (function.returns) {
    case Function::Returns::nothing:
      return "SELECT 1 AS " + value + " FROM " + from + call + " AS c";
    case Function::Returns::value:
      return "SELECT c." + value + " FROM " + from + "(SELECT " + call + " AS " + value + ") AS c";
    case Function::Returns::row:
      break;
  }
  return "SELECT c.* FROM " + from + call + " AS c";
}

}  // namespace shardplex
