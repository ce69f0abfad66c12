// A read as "table?query string", planned over tables that are related over shards.
#include <algorithm>
#include <string>
#include <variant>

#include "tests/fuzz/fuzz.hpp"
#include "tests/query/plan/plan_faults.hpp"
#include "tests/query/plan/scattered_tables.hpp"

namespace shardplex::fuzz {
namespace {

struct Site {
  const Catalogue catalogue = fixtures::scattered_tables();
  const Relations relations{catalogue};
  const ShardMap map = fixtures::scattered_map();
};

const Site& site() {
  static const Site shared{};
  return shared;
}

void check_plan(const RoutedPlan& plan, const Query& query, const RoutedTable& routed, RowFormat format) {
  const auto* read = std::get_if<RowsRead>(&plan);
  if (read == nullptr) {
    const auto shape = plan_point(query.select, routed, format);
    invariant(!shape || !shape->sql.empty(), "a row by its key has a statement");
    return;
  }
  const auto fault = test::fault_of(*read);
  invariant(fault.empty(), fault.c_str());
  invariant(read->combine(1) != nullptr, "rows of one shard are passed on");
  if (!read->scan.not_mergeable) invariant(read->combine(3) != nullptr, "rows of three are put together");
}

}  // namespace

void take(std::string_view input) {
  const auto end = std::min(input.find('?'), input.size());
  const std::string name(input.substr(0, end));
  const Table* table = site().catalogue.find(name);
  if (table == nullptr) return;
  const RoutedTable routed = fixtures::in_map(*table, site().map);
  const auto query = parse_query(name, input.substr(std::min(end + 1, input.size())), {}, Cursors::served);
  if (!query) {
    check_error(query.error());
    return;
  }
  const auto tree = resolve(*query, *table, site().catalogue, site().relations);
  if (!tree) {
    check_error(tree.error());
    return;
  }
  for (const auto format :
       {RowFormat::json, RowFormat::json_in_utc, RowFormat::stripped_json, RowFormat::csv}) {
    for (const auto count : {CountKind::none, CountKind::exact}) {
      const ReadRules rules{.bytewise_default_collation = true, .row_bound = 0, .format = format};
      const auto plan = plan_routed_read(*tree, *query, routed, count, rules);
      if (plan)
        check_plan(*plan, *query, routed, format);
      else
        check_error(plan.error());
    }
  }
}

}  // namespace shardplex::fuzz
