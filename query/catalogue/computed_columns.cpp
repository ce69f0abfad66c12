#include "query/catalogue/computed_columns.hpp"

#include <set>
#include <utility>

#include "query/catalogue/differences.hpp"
#include "shard_map/contains_name.hpp"

namespace shardplex {
namespace {

/// "public.full_name(people)"
std::string signature_of(const Column& column, const std::string& table) {
  return column.function_schema + '.' + column.name + '(' + table + ')';
}

std::string function_of_row(const Column& column, const std::string& table) {
  return "function " + signature_of(column, table);
}

/// In what the function on two shards is not the same; "" where it is.
std::string computed_difference(const TableOnShard& a, const ComputedColumn& of_a, const TableOnShard& b,
                                const ComputedColumn& of_b) {
  auto sentence = difference(ColumnOnShard{a.shard, &of_a.column}, ColumnOnShard{b.shard, &of_b.column});
  if (!sentence.empty() || of_a.definition == of_b.definition) return sentence;
  return function_of_row(of_a.column, a.table->name) + " is defined otherwise on " + b.shard + " than on " +
         a.shard;
}

/// As the first shard that has it does, with what the others have otherwise. Precondition: one has it.
ComputedColumn computed_of_all(const std::string& name, const std::vector<TableOnShard>& on_shards) {
  ComputedColumn out;
  const TableOnShard *first = nullptr, *without = nullptr;
  const ComputedColumn* of_first = nullptr;
  for (const auto& each : on_shards) {
    const ComputedColumn* found = each.table->find_computed(name);
    if (found == nullptr) {
      without = &each;
    } else if (first == nullptr) {
      first = &each;
      of_first = found;
      out = *found;
    } else if (out.column.conflict.empty()) {
      out.column.conflict = computed_difference(*first, *of_first, each, *found);
    }
  }
  if (first != nullptr && without != nullptr)
    out.column.conflict =
        function_of_row(out.column, first->table->name) + " is missing on " + without->shard;
  return out;
}

/// Why it is not served though it is the same on all shards.
void refuse_unsafe(const TablePlacement& placement, ComputedColumn& computed) {
  const std::string function = function_of_row(computed.column, placement.name);
  const std::string& name = computed.column.name;
  if (computed.returns_set) {
    computed.refused = "The " + function + " returns a set, and a column has one value.";
    computed.works = "Let it return one value, such as an array.";
  } else if (computed.volatility == Volatility::volatile_) {
    computed.refused =
        "The " + function + " is VOLATILE, so it could write, or give another value each time.";
    computed.works = "ALTER FUNCTION " + signature_of(computed.column, placement.name) +
                     " IMMUTABLE on every shard where it depends on the row alone, or STABLE where it reads, "
                     "with computed: [" +
                     name + "] at " + placement.name + " in the map.";
  } else if (computed.volatility == Volatility::stable && !contains_name(placement.computed, name)) {
    computed.refused = "The " + function +
                       " is STABLE, so it could read tables, and the map does not say that the row's shard "
                       "has what it reads.";
    computed.works =
        "Write computed: [" + name + "] at " + placement.name +
        " in the map where it reads rows of the row's own key and reference tables alone, or make "
        "it IMMUTABLE where it depends on the row alone.";
  }
}

}  // namespace

void combine_computed(const TablePlacement& placement, const std::vector<TableOnShard>& on_shards,
                      Table& served, std::vector<std::string>& warnings) {
  std::set<std::string> names;
  for (const auto& each : on_shards)
    for (const auto& computed : each.table->computed) names.insert(computed.column.name);
  served.computed.clear();
  for (const auto& name : names) {
    if (served.find_column(name)) continue;  // which is a column of all
    auto computed = computed_of_all(name, on_shards);
    if (computed.column.conflict.empty()) refuse_unsafe(placement, computed);
    const auto& reason = computed.refused.empty() ? computed.column.conflict : computed.refused;
    if (!reason.empty())
      warnings.push_back(placement.name + ": computed column " + name + " is not served: " + reason);
    served.computed.push_back(std::move(computed));
  }
  for (const auto& name : placement.computed)
    if (!served.find_computed(name))
      warnings.push_back(placement.name + ": computed column " + name +
                         " is in the map, and no function of a row is called so in the databases");
}

}  // namespace shardplex
