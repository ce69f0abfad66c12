#include "query/explain/read_hints.hpp"

#include "query/plan/key_filter.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

constexpr std::uint64_t deep_offset = 1000;

/// Conditions on a column that decides the slot, of which none is one that narrows.
bool names_without_narrowing(const std::vector<Filter>& filters, const std::string& column) {
  bool named = false;
  for (const auto& filter : filters) {
    const auto* condition = std::get_if<Condition>(&filter.node);
    if (!condition || condition->field.column != column) continue;
    if (equal_values(*condition)) return false;
    named = true;
  }
  return named;
}

std::string how_to_narrow(const Query& query, const RoutedTable& routed) {
  const auto* list = routed.list();
  if (!list && routed.key().size() > 1)
    return "Rows of " + routed.table().name + " are placed by " + joined(routed.key().names(), " and ") +
           " together, and the filters do not tell all of them: " +
           joined(
               routed.key().names(), [](const std::string& name) { return '`' + name + "=eq.VALUE`"; },
               " with ") +
           " asks one shard.";
  const auto& column = list ? list->column : routed.key().one();
  const std::string examples = '`' + column + "=eq.VALUE` or `" + column + "=in.(VALUE,VALUE)`";
  if (names_without_narrowing(query.filters, column))
    return "The filter on " + column + " does not tell in which slots its rows are: " + examples + " does.";
  return "Rows of " + routed.table().name + " are placed by " + column +
         ", which no filter names: " + examples + " asks fewer shards.";
}

}  // namespace

std::vector<std::string> read_hints(const RowsRead& read, const Query& query, const RoutedTable& routed,
                                    std::size_t shards) {
  std::vector<std::string> hints;
  if (shards > 1 && read.where && read.where->slots.is_all()) hints.push_back(how_to_narrow(query, routed));
  if (shards > 1 && query.offset >= deep_offset)
    hints.emplace_back(
        "Each shard gives all rows up to offset + limit: filter by the last values of the order instead of "
        "an "
        "offset, as in `id=gt.LAST`.");
  if (read.streams && !query.limit)
    hints.emplace_back(
        "Nothing bounds the answer, so it is read window by window: `limit=` asks for a page.");
  if (read.bound)
    hints.emplace_back("The rows are counted first, for --max-rows: a smaller `limit=` saves that.");
  if (read.scan.states && shards > 1)
    hints.emplace_back(
        "Shards share groups: grouped by the columns that decide the slot too, each has its own.");
  if (!read.lookups.empty())
    hints.emplace_back(
        "Embeds are looked up on other shards: tables that are sharded by the columns that relate them, in "
        "one group, "
        "and reference tables, are embedded by each shard.");
  if (read.join.leaves_out())
    hints.emplace_back("Rows are chosen by rows of other shards, so more of them are read than are given.");
  if (read.sort)
    hints.emplace_back("Rows are ordered by rows of other shards, so all of them are read for a page.");
  return hints;
}

}  // namespace shardplex
