// A request as a value: what PostgREST's URL grammar says, before the catalogue is consulted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "query/grammar/cursor.hpp"

namespace shardplex {

/// One step of a json path: ->key, ->>key, ->3, ->>-1.
struct JsonStep {
  bool as_text = false;                        ///< ->>
  std::variant<std::string, std::int32_t> to;  ///< key or array index
  bool operator==(const JsonStep&) const = default;
};

/// A column, or a place inside a json column.
struct Field {
  std::string column;
  std::vector<JsonStep> path;
  bool operator==(const Field&) const = default;
};

enum class AggregateFunction { count, sum, avg, max, min };

/// "sum": its name in select, in SQL, and of its value where that has no alias.
std::string_view to_string(AggregateFunction function);

/// .sum()::cast behind a column, or count() alone.
struct Aggregate {
  AggregateFunction function = AggregateFunction::count;
  std::optional<std::string> cast;  ///< of the result
  bool operator==(const Aggregate&) const = default;
};

/// One item of select= that is no embed. `star` stands for all columns (then field, alias and cast are empty)
/// or, with an aggregate, for the rows that count() counts (then field and cast are empty).
struct SelectItem {
  bool star = false;
  Field field;
  std::optional<std::string> alias;
  std::optional<std::string> cast;  ///< of the column, before it is aggregated
  std::optional<Aggregate> aggregate = std::nullopt;
  bool operator==(const SelectItem&) const = default;
};

enum class Operator {
  eq,
  neq,
  gt,
  gte,
  lt,
  lte,
  like,
  ilike,
  match,
  imatch,
  in,
  is,
  isdistinct,
  cs,
  cd,
  ov,
  sl,
  sr,
  nxr,
  nxl,
  adj,
  fts,
  plfts,
  phfts,
  wfts,
};

enum class Quantifier { none, any, all };
enum class IsValue { null, not_null, true_, false_, unknown };

/// col=op.value. Which of value, list and is_value is meaningful depends on op: in → list; is → is_value;
/// a quantified operator → value is the array literal as written ("{1,2}"); all others → value.
/// For like and ilike, * has already become % (in quantified values too).
struct Condition {
  Field field;
  bool negated = false;
  Operator op = Operator::eq;
  Quantifier quantifier = Quantifier::none;
  std::string value;
  std::vector<std::string> list;
  IsValue is_value = IsValue::null;
  std::optional<std::string> language;  ///< fts(lang)
  bool operator==(const Condition&) const = default;
};

struct Logic;

/// A condition, or and(…)/or(…) of filters.
struct Filter {
  std::variant<Condition, std::shared_ptr<const Logic>> node;
  bool operator==(const Filter& other) const;
};

struct Logic {
  bool disjunction = false;  ///< or
  bool negated = false;
  std::vector<Filter> children;
  bool operator==(const Logic&) const = default;
};

struct OrderTerm {
  Field field;
  bool descending = false;
  std::optional<bool>
      nulls_first;  ///< unset: PostgreSQL's default (last when ascending, first when descending)
  /// rel(column): the field is one of the embed of this name (ReadNode::find_embed()).
  std::optional<std::string> embed = std::nullopt;
  bool operator==(const OrderTerm&) const = default;
};

struct Embed;

/// What is asked of one table's rows: of the request's own at the root of the tree that select= spans, of
/// another table's in each embed. A node has the filters, order, limit and offset of its own rows.
struct ReadNode {
  std::vector<SelectItem> select;  ///< empty without embeds: all columns at the root, nothing in an embed
  std::vector<Embed> embeds;       ///< in the order of select=; the members of a row come after its columns
  std::vector<Filter> filters;     ///< all must hold
  std::vector<OrderTerm> order;
  std::optional<std::uint64_t> limit;
  std::uint64_t offset = 0;

  /// The first embed of the name that its parameters and its member of the answer have; nullptr where there
  /// is none.
  const Embed* find_embed(std::string_view name) const;
  /// The embed that `condition` asks whether it has rows (rel=is.null, rel=not.is.null); nullptr where the
  /// condition is about a column. An embed goes before a column of its name, as in PostgREST.
  const Embed* embed_of(const Condition& condition) const;
  bool operator==(const ReadNode& other) const;
};

/// [alias:]relation[!hint][!inner](…), or a spread of it (...relation(…)), whose members become its parent's.
struct Embed {
  std::string relation;  ///< as written: a table, or a foreign key's constraint or column
  std::optional<std::string> alias;
  std::optional<std::string> hint;
  bool inner = false;  ///< a row without rows of the embed is left out; else (also with !left) it stays
  bool spread = false;
  ReadNode rows;

  const std::string& name() const { return alias ? *alias : relation; }
  bool operator==(const Embed&) const = default;
};

/// An embed of such a node has no member in the row that it is of: rel(), and rel(other()).
bool shows_nothing(const ReadNode& node);

/// Whether the condition of embed_of() holds where the embed has rows, or where it has none.
bool asks_for_rows(const Condition& condition);

enum class CountKind { none, exact, planned, estimated };

/// GET, HEAD /table?…; the filters of PATCH, DELETE and PUT and the select of a representation use it too.
/// The node is the table's own.
struct Query : ReadNode {
  std::string table;
  std::optional<std::vector<std::string>> columns;      ///< columns= of an insert
  std::optional<std::vector<std::string>> on_conflict;  ///< on_conflict= of an insert
  /// Embeds that have an alias and that a parameter named by their table all the same, each once, as written:
  /// PostgREST serves it and warns.
  std::vector<std::string> named_by_table;
  std::optional<CursorPage> page = std::nullopt;  ///< after=: the rows are paged by cursor
  bool operator==(const Query&) const = default;
};

/// An argument of a function, as text. One that is given several times is a variadic one's.
struct Argument {
  std::string name;
  std::string value;
  bool operator==(const Argument&) const = default;
};

/// GET /rpc/function?…
struct FunctionCall {
  Query rows;                       ///< what is asked of the result; `table` is the function
  std::vector<Argument> arguments;  ///< in the order of the URL
  bool operator==(const FunctionCall&) const = default;
};

/// The name an item has in a row: its alias, its aggregate's name, the last key of its path, or its column.
/// An empty key names nothing: SQL has no empty name.
std::string output_name(const SelectItem& item);

}  // namespace shardplex
