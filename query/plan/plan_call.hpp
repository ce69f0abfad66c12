// Everything that is decided about the call of a function before a shard is asked. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "query/catalogue/catalogue.hpp"
#include "query/catalogue/relations.hpp"
#include "query/error.hpp"
#include "query/grammar/call_arguments.hpp"
#include "query/grammar/query.hpp"
#include "query/plan/routed_plan.hpp"
#include "shard_map/shard_map.hpp"

namespace shardplex {

struct CallPlan {
  RowsRead read;
  /// What is answered of the rows that the read gives.
  enum class Answers : std::uint8_t {
    rows,
    one_row,    ///< the row, or null
    values,     ///< each row's one value
    one_value,  ///< the one row's
    nothing,
  } answers = Answers::rows;
  /// Of values: json_agg() begins a line for each.
  bool in_lines = false;
  /// The function is volatile: it is called once for each request, and sees each of its own statements'
  /// snapshots. Under an epoch the shard's ownership has to be held while it runs (begin_write()).
  bool once = false;
  bool writes = false;    ///< and its transaction may write; only where `once`
  bool of_bytes = false;  ///< of one value, or values: they are bytea

  /// The value of a row of JSON that has nothing else. Lifetime: that of the row.
  std::string_view value_of(std::string_view row) const;
};

/// What a request says of a call, beside the function.
struct CallRequest {
  const CallArguments& arguments;
  const Query& rows;       ///< what is asked of the result
  bool may_write = false;  ///< it is a POST
  CountKind count = CountKind::none;
  RowBounds bounds = {};  ///< of the page, where the function is `once`; the row bound comes on top
};

/// What of a JSON body has to be known for the plan: the names for read_call_body().
std::vector<std::string> watched_arguments(const MapFunction& declared);

/// Plans the call of a function that find_function() found by the request's arguments. `declared` is the
/// map's word about it.
///
/// Errors: those of plan_routed_read() and resolve(); SHARD400 where `declared` and the function do not fit
/// (an `all` that gives no rows of a sharded table or view, or is volatile; an `any` that gives such rows; a
/// `by` without one of the arguments, or of other types than the keys of the group), for a `by` of which an
/// argument is not given, and for a value of a domain that has representations; invalid_value() of one that
/// is no key. Lifetime: the plan refers to the map.
Result<CallPlan> plan_call(const Function& function, const MapFunction& declared, const CallRequest& request,
                           const ShardMap& map, const Catalogue& catalogue, const Relations& relations,
                           ReadRules rules);

}  // namespace shardplex
