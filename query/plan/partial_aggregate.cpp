#include "query/plan/partial_aggregate.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "query/plan/sql.hpp"

namespace shardplex {
namespace {

/// What sum() makes of a type, and what avg() divides.
struct SumRow {
  std::string_view argument;
  std::string_view sum;       // the type of its sum
  std::string_view averaged;  // what is added up for its average, and divided as; "" where it has none
  /// What sum() may be of while integers are wider on one shard than on another.
  std::string_view also = "";
};

// PostgreSQL 15, table 9.59, and what other types are implicitly cast to for it.
constexpr std::array<SumRow, 9> sum_rows{{
    {"int2", "int8", "numeric"},
    {"int4", "int8", "numeric"},
    {"int8", "numeric", "numeric", "int8"},
    {"numeric", "numeric", "numeric"},
    {"float4", "float4", "float8"},
    {"float8", "float8", "float8"},
    {"interval", "interval", "interval"},
    {"time", "interval", "interval"},
    {"money", "money", ""},
}};

Error no_aggregate(AggregateFunction function, const ValueType& type) {
  const std::string name(to_string(function));
  if (type.built_in)
    return {"42883", "function " + name + '(' + type.shown + ") does not exist", std::nullopt,
            "No function matches the given name and argument types. You might need to add explicit type "
            "casts.",
            std::nullopt};
  return cannot_merge(
      name + "() of type " + type.shown + " cannot be put together from several shards",
      "Cast the column to one of PostgreSQL's own types, or make the filters name one shard.");
}

/// The type of min() and max(): that of the argument without its modifiers, of a domain what it is made of,
/// or the type that it is implicitly cast to for them.
ValueType extreme_type(const ValueType& type) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> cast{{
      {"varchar", "text"},
      {"name", "text"},
      {"char", "text"},
      {"cidr", "inet"},
  }};
  ValueType out = type;
  if (type.built_in) {
    const auto found =
        std::ranges::find(cast, type.name, &std::pair<std::string_view, std::string_view>::first);
    const bool is_oid = type.name.starts_with("reg");
    out = built_in_type(is_oid ? "oid" : found == cast.end() ? type.name : std::string(found->second));
    out.collate = type.collate;
  }
  out.declared = out.sql;
  return out;
}

std::string call(std::string_view function, const std::string& argument) {
  return std::string(function) + '(' + argument + ')';
}

std::string cast_to(std::string_view type, const std::string& value) {
  return "CAST(" + value + " AS " + built_in_type(std::string(type)).sql + ')';
}

std::string state(std::size_t number) {
  return "p.s" + std::to_string(number);
}

std::string is_one_of(const std::string& value, std::string_view type, std::string_view other) {
  const auto literal = [](std::string_view name) { return quote_literal(name) + "::regtype"; };
  const std::string found = "pg_catalog.pg_typeof(" + value + ')';
  if (other.empty()) return found + " = " + literal(type);
  return found + " IN (" + literal(type) + ", " + literal(other) + ')';
}

PartialAggregate count_of(const std::string& argument, std::size_t first) {
  return {{{call("count", argument), built_in_type("int8"), ""}}, cast_to("int8", call("sum", state(first)))};
}

/// What sum() is of tells what it was given, as far as that matters.
PartialAggregate sum_of(const SumRow& row, const std::string& argument, std::size_t first) {
  const std::string sum = call("sum", argument);
  return {{{sum, built_in_type(std::string(row.sum)), is_one_of(sum, row.sum, row.also)}},
          cast_to(row.sum, call("sum", state(first)))};
}

/// True where an average of the argument is made as the row says. Its sum tells, but of float4, whose own sum
/// may be out of range where that of the average is not.
std::string averages_as_planned(const SumRow& row, const std::string& argument) {
  if (row.averaged == "float8") return is_one_of(call("avg", argument), "float8", "");
  if (row.averaged == "numeric") return is_one_of(call("sum", argument), "numeric", "int8");
  return is_one_of(call("sum", argument), row.averaged, "");
}

/// PostgreSQL divides a numeric by a numeric, all others by float8. It adds float4 up as float8.
PartialAggregate average_of(const SumRow& row, const std::string& argument, std::size_t first) {
  const bool is_float = row.averaged == "float8";
  const std::string sum = call("sum", is_float ? cast_to("float8", argument) : argument);
  const std::string divided = cast_to(row.averaged, call("sum", state(first)));
  const std::string by =
      cast_to(row.averaged == "numeric" ? "numeric" : "float8", call("sum", state(first + 1)));
  return {{{sum, built_in_type(std::string(row.averaged)), averages_as_planned(row, argument)},
           {call("count", argument), built_in_type("int8"), ""}},
          '(' + divided + " / " + by + ')'};
}

}  // namespace

Result<PartialAggregate> partial_aggregate(AggregateFunction function, const std::string& argument,
                                           const ValueType& type, std::size_t first_state) {
  if (function == AggregateFunction::count) return count_of(argument, first_state);
  if (function == AggregateFunction::min || function == AggregateFunction::max) {
    if (type.may_be_domain || !finds_functions_of(type)) return no_aggregate(function, type);
    const auto value = call(to_string(function), argument);
    const auto of_type = extreme_type(type);
    return PartialAggregate{{{value, of_type, is_of_type(value, of_type)}},
                            call(to_string(function), state(first_state))};
  }
  const auto row = std::ranges::find(sum_rows, type.name, &SumRow::argument);
  if (row == sum_rows.end() || !type.built_in) return no_aggregate(function, type);
  if (function == AggregateFunction::sum) return sum_of(*row, argument, first_state);
  if (row->averaged.empty()) return no_aggregate(function, type);
  return average_of(*row, argument, first_state);
}

}  // namespace shardplex
