#include "query/plan/plan_call.hpp"

#include <algorithm>
#include <utility>

#include "query/catalogue/functions.hpp"
#include "query/plan/call_source.hpp"
#include "query/plan/stored_values.hpp"
#include "query/resolve/read_tree.hpp"
#include "query/resolve/value_media.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

using Runs = MapFunction::Runs;

/// The map says what cannot be of this function.
Error cannot_run(const Function& function, std::string why, std::string works) {
  return {"SHARD400", "Function " + function.name + " cannot be called as the shard map declares it",
          std::move(why), std::move(works), std::nullopt};
}

// ---- The shard of an argument.

/// The argument as a column, of which there are words for values that are no keys.
Column as_column(const FunctionArgument& argument) {
  Column column;
  column.name = argument.name;
  column.type = argument.type;
  column.type_name = argument.type_name;
  column.type_schema = argument.type_schema;
  return column;
}

/// What the columns of the keys of a group's tables are hashed as; nullopt where none of them is served.
std::optional<std::vector<KeyType>> key_types_of(GroupId group, const ShardMap& map,
                                                 const Catalogue& catalogue) {
  for (const auto& placement : map.tables())
    if (placement.group == group)
      if (const Table* table = catalogue.find(placement.name))
        return RoutedTable(*table, placement, map).key_types();
  const auto known = catalogue.key_types.find(map.group(group).name);
  return known == catalogue.key_types.end() ? std::nullopt : std::optional(known->second);
}

/// The canonical bytes of one of the arguments that the function is declared by, the one at this place.
Result<std::string> bytes_of_argument(const Function& function, const MapFunction& declared,
                                      std::size_t place, const CallArguments& arguments, const ShardMap& map,
                                      const Catalogue& catalogue) {
  const std::string& name = declared.arguments.names()[place];
  const FunctionArgument* argument = function.find_argument(name);
  if (argument == nullptr || argument->variadic)
    return cannot_run(
        function,
        "It is declared by " + name + ", and " + function.signature() + " has no such argument of one value.",
        "Name in the map an argument that all functions of this name have.");
  const Column column = as_column(*argument);
  const auto type = key_type(column);
  const auto wanted = key_types_of(*declared.group, map, catalogue);
  const bool has_place = wanted && wanted->size() == declared.arguments.size();
  if (!type || !has_place || *type != (*wanted)[place])
    return cannot_run(
        function,
        "Its argument " + argument->name + " is " + argument->type + ", and the keys of group " +
            map.group(*declared.group).name + " are " + (wanted ? key_form(*wanted) : "not known"),
        type ? "Give the argument the type of the group's keys."
             : "Declare it any or all: only an argument of an integer type, text, varchar, char, "
               "uuid, date, boolean or numeric tells a shard.");
  const std::string* text = arguments.value(argument->name, watched_arguments(declared));
  if (text == nullptr)
    return cannot_run(function,
                      "It is declared by " + argument->name +
                          ", and the request has no value for it that is a text or a number.",
                      "Give " + argument->name + " a value that is not null.");
  auto bytes = canonical_bytes(*type, *text);
  if (!bytes) return invalid_value(column, *text);
  return {boost::system::in_place_value, *std::move(bytes)};
}

Result<Slot> slot_of_arguments(const Function& function, const MapFunction& declared,
                               const CallArguments& arguments, const ShardMap& map,
                               const Catalogue& catalogue) {
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < declared.arguments.size(); ++i) {
    auto bytes = bytes_of_argument(function, declared, i, arguments, map, catalogue);
    if (!bytes) return bytes.error();
    columns.push_back(*std::move(bytes));
  }
  return slot_of(joined_bytes(columns), map.group(*declared.group).slot_count);
}

// ---- The rows.

/// Whose columns the rows have.
struct CalledRows {
  const Table* table;
  TablePlacement placement;
};

/// The map's own table or view, or `made` of the function's columns.
Result<CalledRows> called_rows_of(const Function& function, const MapFunction& declared, const ShardMap& map,
                                  const Catalogue& catalogue, Table& made) {
  if (!function.rows_of_other_schema.empty())
    return cannot_run(function,
                      "It returns rows of " + function.rows_of_other_schema +
                          ", which is sharded and of another schema than the function.",
                      "Let it return rows of a table or view of its own schema.");
  const TablePlacement* placement = map.find_placement(function.table);
  if (placement != nullptr) {
    const Table* table = catalogue.find(function.table);
    if (table != nullptr) return CalledRows{table, *placement};
    const auto refused = catalogue.refused.find(function.table);
    return refused_table(function.table,
                         refused == catalogue.refused.end() ? "it is not served" : refused->second);
  }
  if (declared.runs == Runs::all)
    return cannot_run(function,
                      "It is declared all, and does not return rows of a sharded table, by whose slots it "
                      "could be told which of them a shard owns.",
                      "Let it return setof such a table, or declare it any, or by an argument.");
  made.name = function.name;
  made.columns = function.columns;
  return CalledRows{&made, {function.name, true, std::nullopt, ""}};
}

/// Whether rows of a table of the map can come from where the function runs.
std::optional<Error> misplaced_rows(const Function& function, const MapFunction& declared,
                                    const TablePlacement& placement, const ShardMap& map) {
  const bool is_sharded = placement.group.has_value();
  switch (declared.runs) {
    case Runs::any:
      if (is_sharded)
        return cannot_run(
            function,
            "It is declared any, and returns rows of " + placement.name + ", of which each shard has others.",
            "Declare it all, or by an argument.");
      break;
    case Runs::all:
      if (!is_sharded || !function.returns_set)
        return cannot_run(
            function,
            "It is declared all, and does not return a set of rows of a sharded table, by whose "
            "slots it could be told which of them a shard owns.",
            "Let it return setof such a table, or declare it any, or by an argument.");
      if (function.volatility == Function::Volatility::volatile_)
        return cannot_run(function, "It is declared all, and is volatile, so it may write on every shard.",
                          "Make it stable, which it has to be to be read from all shards at once.");
      break;
    case Runs::by:
      if (is_sharded && placement.group != declared.group)
        return cannot_run(function,
                          "It is declared by a key of group " + map.group(*declared.group).name +
                              ", and returns rows of " + placement.name + ", which is in another group.",
                          "Name the group of " + placement.name + " in the map.");
      break;
  }
  return std::nullopt;
}

/// What a call gives is of no type that a function of a row takes,
/// whatever table it is of.
Table without_computed_columns(Table table) {
  for (auto& computed : table.computed) {
    computed.column.conflict.clear();
    computed.refused = "Rows that a function returns have no computed columns.";
    computed.works = "Read them from " + table.name + " itself, or let the function return the value.";
  }
  return table;
}

/// An embed is of a table's rows.
Error no_relation(const Function& function, const Embed& embed) {
  return {"PGRST200",
          "Could not find a relationship between '" + function.name + "' and '" + embed.relation +
              "' in the schema cache",
          "Only a function that returns rows of a table in the shard map has relations: those of the table.",
          std::nullopt, std::nullopt};
}

CallPlan::Answers answers_of(const Function& function) {
  using Answers = CallPlan::Answers;
  switch (function.returns) {
    case Function::Returns::nothing:
      return Answers::nothing;
    case Function::Returns::value:
      return function.returns_set ? Answers::values : Answers::one_value;
    case Function::Returns::row:
      break;
  }
  return function.returns_set ? Answers::rows : Answers::one_row;
}

/// json_agg() begins a line for each array and each row.
bool begins_lines(const Column& column) {
  return column.type_name.starts_with('_') || column.type_name == "record";
}

/// What a call that may write gives is there once, and what it has written is committed when other shards are
/// asked, which may fail. One that only reads may be made again.
std::optional<Error> looks_up(const Function& function, const RowsRead& read) {
  if (read.lookups.empty()) return std::nullopt;
  return cannot_merge("Function " + function.name +
                          " may write, and rows of other shards are asked for inside of what it returns.",
                      "Call it by GET or make it stable if it only reads, or ask for those rows with a "
                      "request of their own.");
}

}  // namespace

std::string_view CallPlan::value_of(std::string_view row) const {
  const auto& fields = read.scan.row.fields();
  invariant(fields.size() == 1, "a value is the only one of its row");
  return row.substr(fields.front().before.size(), row.size() - fields.front().before.size() - 1);
}

std::vector<std::string> watched_arguments(const MapFunction& declared) {
  if (declared.runs != Runs::by) return {};
  return declared.arguments.names();
}

Result<CallPlan> plan_call(const Function& function, const MapFunction& declared, const CallRequest& request,
                           const ShardMap& map, const Catalogue& catalogue, const Relations& relations,
                           ReadRules rules) {
  Table made;
  made.schema = "";
  auto source = called_rows_of(function, declared, map, catalogue, made);
  if (!source) return source.error();
  const bool is_made = source->table == &made;
  if (!is_made)
    if (auto refusal = misplaced_rows(function, declared, source->placement, map)) return *std::move(refusal);
  Table returned;
  if (!is_made && !source->table->computed.empty()) {
    returned = without_computed_columns(*source->table);
    source->table = &returned;
  }
  if (is_made && !request.rows.embeds.empty()) return no_relation(function, request.rows.embeds.front());

  CallPlan plan;
  plan.answers = answers_of(function);
  const bool has_value =
      plan.answers == CallPlan::Answers::values || plan.answers == CallPlan::Answers::one_value;
  if (has_value && request.rows.select.size() > 1)
    return Error{
        "42703",
        "column " + function.name + '.' + output_name(request.rows.select.back()) + " does not exist",
        "The function returns a value and no row.", std::nullopt, std::nullopt};
  plan.in_lines = has_value && begins_lines(function.columns.front());
  plan.of_bytes = has_value && is_of_bytes(function.columns.front());
  plan.once = function.volatility == Function::Volatility::volatile_;
  plan.writes = plan.once && request.may_write;

  CallSource call{&function, &request.arguments};
  call.keeps_order = declared.runs != Runs::all;
  call.read_only = !plan.writes;
  if (plan.once) call.bounds = request.bounds;
  if (plan.once && rules.row_bound > 0)
    call.bounds.most = std::min(call.bounds.most.value_or(rules.row_bound), rules.row_bound);
  std::optional<Slot> slot;
  if (declared.runs == Runs::by) {
    const auto found = slot_of_arguments(function, declared, request.arguments, map, catalogue);
    if (!found) return found.error();
    slot = *found;
    call.group = map.group(*declared.group).name;
  }
  rules.call = &call;

  const RoutedTable routed(*source->table, source->placement, map);
  Result<ResolvedNode> tree = ResolvedNode{&request.rows, source->table, {}};
  if (!is_made) tree = resolve(request.rows, *source->table, catalogue, relations);
  if (!tree) return tree.error();
  auto read = plan_routed_read(*tree, request.rows, routed, request.count, rules);
  if (!read) return read.error();
  plan.read = std::move(std::get<RowsRead>(*read));
  if (plan.writes)
    if (auto refusal = looks_up(function, plan.read)) return *std::move(refusal);
  if (plan.read.scan.states && declared.runs == Runs::all)
    return cannot_merge("The groups of what function " + function.name +
                            " returns on several shards would have "
                            "to be put together.",
                        "Ask for the rows without aggregates.");
  if (slot) {
    plan.read.where = CandidateSlots{*declared.group, SlotSet::none(map.group(*declared.group).slot_count)};
    plan.read.where->slots.insert(*slot);
    plan.read.share = Share::whole;
  }
  return plan;
}

}  // namespace shardplex
