#include "query/plan/group_states.hpp"

#include <string>
#include <utility>

#include "query/plan/partial_aggregate.hpp"
#include "query/plan/sql.hpp"
#include "query/plan/value_type.hpp"
#include "shard_map/invariant.hpp"

namespace shardplex {
namespace {

std::string state_name(char letter, std::size_t number) {
  return letter + std::to_string(number);
}

Error made_elsewhere(const GroupKey& key) {
  return cannot_merge("Groups by " + key.field.column + " cast to " + key.type.shown +
                          " cannot be put together from several shards",
                      "Cast to one of PostgreSQL's own types, or make the filters name one shard.");
}

Error differs_by_shard(const std::string& what) {
  return cannot_merge(what +
                          " depends on the default collation of the database, which is not the same on "
                          "every shard",
                      "Create the databases with one LC_COLLATE and LC_CTYPE, or make the filters name one "
                      "shard.");
}

/// Gathers the keys and states of a shard's groups, and what becomes of them.
class StatesPlanner {
 public:
  StatesPlanner(const Grouping& grouping, ReadPlan::GroupStates& states)
      : grouping_(grouping), states_(states) {}

  /// Of the key that has found the rows.
  void add_number() {
    add(built_in_type("int4"), "p.ord", "ord");
    add_item(states_.final_columns, "p.ord AS ord");
  }

  Result<void> add_keys(const ResolvedNode& tree) {
    for (std::size_t i = 0; i < grouping_.keys.size(); ++i) {
      const auto& key = grouping_.keys[i];
      const std::string name = state_name('g', i);
      // A domain's null, which a spread has where it has no row, may not be made again.
      if (key.type.may_be_domain && key.node != &tree) return made_elsewhere(key);
      if (compares_by_default_collation(key.type))
        differ("The order of groups by " + (key.node ? key.field.column : std::string("what is embedded")));
      add(key.type, "p." + name, name);
      if (key.column()) check(is_of_type("p." + name, key.type));
    }
    return {};
  }

  Result<void> add_members() {
    for (std::size_t i = 0; i < grouping_.members.size(); ++i) {
      const auto& member = grouping_.members[i];
      std::string aggregate;
      if (!member.key) {
        auto final = add_aggregate(member);
        if (!final) return final.error();
        aggregate = std::move(*final);
      }
      add_item(states_.final_columns, grouping_.value(member, aggregate) + " AS " + state_name('c', i));
      if (!member.cast.empty()) read_cast(member);
    }
    return {};
  }

 private:
  /// What a value is cast to in the end is to be wrong or right also where no shard has a group: PostgreSQL
  /// reads it, and computes nothing.
  void read_cast(const GroupMember& member) {
    states_.as_planned =
        and_also(std::move(states_.as_planned), "(true OR " + grouping_.value(member) + " IS NULL)");
  }

  Result<std::string> add_aggregate(const GroupMember& member) {
    const ValueType type =
        member.argument ? grouping_.arguments[*member.argument].type : built_in_type("int8");
    auto partial = partial_aggregate(member.function, grouping_.argument(member), type, state_count_);
    if (!partial) return partial.error();
    const bool is_extreme =
        member.function == AggregateFunction::min || member.function == AggregateFunction::max;
    if (is_extreme && compares_by_default_collation(type))
      differ(std::string(to_string(member.function)) + "() of " + type.shown);
    for (const auto& state : partial->states) {
      add(state.type, state.sql, state_name('s', state_count_++));
      check(state.as_planned);
    }
    return {Result<std::string>::in_place_value, std::move(partial->final)};
  }

  void add(const ValueType& type, const std::string& value, const std::string& name) {
    states_.labels = and_also(std::move(states_.labels), has_labels(type));
    add_item(states_.columns, text_sql(type, value));
    add_item(states_.values, value_sql(type, "u." + state_name('t', states_.count++)) + " AS " + name);
  }

  void check(const std::string& condition) {
    states_.as_planned = and_also(std::move(states_.as_planned), condition);
  }

  void differ(const std::string& what) {
    if (!states_.by_default_collation) states_.by_default_collation = differs_by_shard(what);
  }

  const Grouping& grouping_;
  ReadPlan::GroupStates& states_;
  std::size_t state_count_ = 0;
};

/// The keys and states of all shards' groups, out of the statement's first parameters.
std::string select_values(const ReadPlan::GroupStates& states) {
  std::string arrays, names;
  for (std::size_t i = 0; i < states.count; ++i) {
    add_item(arrays, '$' + std::to_string(i + 1) + "::text[]");
    add_item(names, state_name('t', i));
  }
  return "SELECT " + states.values + " FROM unnest(" + arrays + ") AS u(" + names + ')';
}

}  // namespace

void plan_states(const Grouping& grouping, const ResolvedNode& tree, ReadPlan& plan) {
  StatesPlanner states(grouping, plan.states.emplace());
  if (grouping.numbered) states.add_number();
  if (auto done = states.add_keys(tree); !done) plan.not_mergeable = done.error();
  if (auto done = states.add_members(); !done && !plan.not_mergeable) plan.not_mergeable = done.error();
}

Statement partial_groups(const ReadPlan& plan, const ReadPlan::ForShard& shard) {
  invariant(plan.groups && plan.states, "the plan is one of groups that several shards have parts of");
  Statement rows = plan.matching(shard);
  std::string columns = plan.states->columns;
  if (plan.counts) add_item(columns, "(SELECT count(*)" + rows.sql + ')');
  add_item(columns, plan.states->as_planned.empty() ? "true" : plan.states->as_planned);
  Statement out{"SELECT " + columns + " FROM (SELECT " + plan.inner_columns + rows.sql + ") p" +
                    plan.groups->by + " LIMIT ",
                std::move(rows.params)};
  out.sql += std::to_string(most_partial_groups + 1);
  return out;
}

Statement finished_groups(const ReadPlan& plan, std::vector<std::string> columns, std::int64_t total) {
  invariant(plan.groups && plan.states && columns.size() == plan.states->count,
            "the columns are those of the plan's partial groups");
  Statement out;
  for (auto& column : columns) out.params.emplace_back(std::move(column));
  std::string total_column;
  if (plan.counts) {
    out.params.emplace_back(std::to_string(total));
    total_column = ", CAST($" + std::to_string(out.params.size()) + " AS int8)";
  }
  out.sql = "SELECT " + plan.states->final_columns + " FROM (" + select_values(*plan.states) + ") p" +
            plan.groups->by;
  if (!plan.order_by.empty()) out.sql += " ORDER BY " + plan.order_by;
  plan.append_page(out, ReadPlan::ForShard{std::nullopt, false, true, nullptr, std::nullopt});
  std::string shown = plan.values;
  for (const auto& key : plan.own_keys) add_item(shown, "q." + key);
  add_item(shown, plan.states->labels.empty() ? "true" : plan.states->labels);
  out.sql = "SELECT " + shown + total_column + " FROM (" + out.sql + ") q";
  return out;
}

Statement read_groups(const ReadPlan& plan, const Statement& finished) {
  invariant(plan.states && finished.params.size() >= plan.states->count,
            "the statement is one that finishes the plan's groups");
  const auto last = finished.params.begin() + static_cast<std::ptrdiff_t>(plan.states->count);
  return {"SELECT count(p.*) FROM (" + select_values(*plan.states) + ") p", {finished.params.begin(), last}};
}

}  // namespace shardplex
