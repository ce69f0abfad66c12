// A request as a value: what PostgREST's URL grammar says, before the catalogue is consulted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

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

/// One item of select=. `star` stands for all columns (then the rest is empty).
struct SelectItem {
  bool star = false;
  Field field;
  std::optional<std::string> alias;
  std::optional<std::string> cast;
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
  bool operator==(const OrderTerm&) const = default;
};

enum class CountKind { none, exact, planned, estimated };

/// GET, HEAD /table?…; the filters of PATCH, DELETE and PUT and the select of a representation use it too.
struct Query {
  std::string table;
  std::vector<SelectItem> select;  ///< empty: all columns
  std::vector<Filter> filters;     ///< all must hold
  std::vector<OrderTerm> order;
  std::optional<std::uint64_t> limit;
  std::uint64_t offset = 0;
  std::optional<std::vector<std::string>> columns;      ///< columns= of an insert
  std::optional<std::vector<std::string>> on_conflict;  ///< on_conflict= of an insert
  bool operator==(const Query&) const = default;
};

enum class ReturnKind { minimal, headers_only, representation };
enum class Shape { array, object };  ///< application/json or application/vnd.pgrst.object+json

/// What Prefer asked for. Unknown preferences are ignored under handling=lenient and named under strict.
struct Preferences {
  ReturnKind returning = ReturnKind::minimal;
  CountKind count = CountKind::none;
  bool strict = false;
  bool returning_given = false, count_given = false, handling_given = false;
  std::optional<std::string> resolution, missing, tx;
  std::optional<std::int64_t> max_affected;
  std::vector<std::string> unknown;  ///< as written, in order
};

}  // namespace shardplex
