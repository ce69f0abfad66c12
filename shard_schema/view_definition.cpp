#include "shard_schema/view_definition.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "shard_schema/node_tree.hpp"

namespace shardplex {
namespace {

// Numbers of enums in src/include/nodes, which trees have for their values.
constexpr int command_select = 1;
enum class Entry {
  relation = 0,
  subquery = 1,
  join = 2,
  function = 3,
  table_function = 4,
  values = 5,
  with = 6,
  result = 8
};
enum class Join { inner = 0, left = 1, full = 2, right = 3 };

/// Types to which a value is brought without a change of what it is equal to: int8, int2, int4, text, date,
/// uuid. char(n) is not among them, as blanks at its end do not count.
constexpr std::array<int, 6> same_value_types{20, 21, 23, 25, 1082, 2950};

class DefinitionReader {
 public:
  explicit DefinitionReader(const DefinitionNames& names) : names_(&names) {}

  ViewQuery read_all(const TreeNode& actions) {
    if (actions.items.size() != 1) throw UnreadableTree("a view that is not one query");
    std::size_t queries = 0;
    bool has_system_column = false;
    actions.for_each([&](const TreeNode& node) {
      if (node.is("QUERY")) ++queries;
      if (node.is("VAR") && node.number("varattno") < 0) has_system_column = true;
    });
    ViewQuery query = read_query(actions.items.front());
    if (queries != queries_) throw UnreadableTree("a view with a query at a place that is not known");
    if (has_system_column) query.never.emplace_back("a system column such as ctid");
    return query;
  }

 private:
  ViewQuery read_query(const TreeNode& node) {
    if (!node.is("QUERY")) throw UnreadableTree("a view with a query that is none");
    ++queries_;
    entries_.push_back(&node.list("rtable"));
    ViewQuery query;
    for (const auto& entry : node.list("rtable")) query.relations.push_back(read_entry(entry, query));
    const TreeNode& from = node.field("jointree");
    query.from = read_from(from, query);
    gather(from.field("quals"), query.subqueries);
    read_columns(node, query);
    read_what_it_does(node, query);
    for (const char* name : {"targetList", "havingQual"}) gather(node.field(name), query.subqueries);
    for (const char* name : {"windowClause", "limitOffset", "limitCount"})
      gather(node.field(name), query.elsewhere);
    for (const auto& with : node.list("cteList"))
      query.elsewhere.push_back(read_query(with.field("ctequery")));
    entries_.pop_back();
    return query;
  }

  static bool has(const TreeNode& query, std::string_view name) {
    const TreeNode& value = query.field(name);
    return !value.is_nothing() && !(value.kind == TreeNode::Kind::list && value.items.empty());
  }

  static void read_what_it_does(const TreeNode& node, ViewQuery& query) {
    query.is_grouped = node.flag("hasAggs") || has(node, "groupClause") || has(node, "havingQual");
    query.is_distinct = has(node, "distinctClause") && !node.flag("hasDistinctOn");
    query.is_combined = has(node, "setOperations");
    const auto note = [](bool found, const char* what, std::vector<std::string>& noted) {
      if (found) noted.emplace_back(what);
    };
    note(has(node, "limitCount") || has(node, "limitOffset"), "LIMIT, OFFSET or FETCH", query.across_rows);
    note(node.flag("hasWindowFuncs"), "a window function", query.across_rows);
    note(node.flag("hasDistinctOn"), "DISTINCT ON", query.across_rows);
    note(has(node, "groupingSets"), "GROUPING SETS, ROLLUP or CUBE", query.across_rows);
    if (node.flag("hasTargetSRFs") || has(node, "groupingSets")) query.repeats_rows = true;
    note(node.flag("hasForUpdate") || has(node, "rowMarks"), "FOR UPDATE or FOR SHARE", query.never);
    note(node.number("commandType") != command_select || node.flag("hasModifyingCTE"), "a change of rows",
         query.never);
  }

  void read_columns(const TreeNode& node, ViewQuery& query) {
    for (const auto& entry : node.list("targetList")) {
      if (entry.flag("resjunk")) continue;
      if (entry.number("resno") != static_cast<long long>(query.columns.size()) + 1)
        throw UnreadableTree("a view with columns in another order than theirs");
      query.columns.push_back(column_of(entry.field("expr")));
    }
    for (const auto& group : node.list("groupClause")) {
      std::optional<ViewColumn> column;
      for (const auto& entry : node.list("targetList"))
        if (entry.number("ressortgroupref") == group.number("tleSortGroupRef"))
          column = column_of(entry.field("expr"));
      if (column)
        query.grouped_by.push_back(*column);
      else
        query.groups_otherwise = true;
    }
  }

  ViewRelation read_entry(const TreeNode& entry, ViewQuery& query) {
    ViewRelation relation;
    switch (static_cast<Entry>(entry.number("rtekind"))) {
      case Entry::relation:
        return read_stored(entry, query);
      case Entry::subquery:
        relation.kind = ViewRelation::Kind::query;
        relation.query.push_back(read_query(entry.field("subquery")));
        if (entry.flag("lateral")) query.repeats_rows = true;
        break;
      case Entry::join:
        relation.kind = ViewRelation::Kind::unnamed;
        break;
      case Entry::function:
      case Entry::table_function:
      case Entry::values:
      case Entry::result:
        relation.kind = ViewRelation::Kind::rows;
        gather(entry, query.elsewhere);
        break;
      case Entry::with:
        relation.kind = ViewRelation::Kind::of_with;
        break;
      default:
        break;  // not known
    }
    return relation;
  }

  ViewRelation read_stored(const TreeNode& entry, ViewQuery& query) {
    ViewRelation relation;
    const auto oid = entry.number("relid");
    if (oid == names_->own) {
      relation.kind = ViewRelation::Kind::unnamed;  // PostgreSQL's OLD and NEW
      return relation;
    }
    const auto found = names_->relations.find(oid);
    if (found == names_->relations.end()) return relation;
    relation.kind = ViewRelation::Kind::stored;
    relation.name = found->second.name;
    relation.columns = found->second.columns;
    if (!entry.field("tablesample").is_nothing()) {
      query.never.emplace_back("TABLESAMPLE");
      gather(entry.field("tablesample"), query.elsewhere);
    }
    return relation;
  }

  ViewFrom read_from(const TreeNode& node, ViewQuery& query) {
    ViewFrom from;
    if (node.is("RANGETBLREF")) {
      from.kind = ViewFrom::Kind::relation;
      from.relation = static_cast<int>(node.number("rtindex"));
    } else if (node.is("FROMEXPR")) {
      for (const auto& part : node.list("fromlist")) from.parts.push_back(read_from(part, query));
      gather_equalities(node.field("quals"), from.equalities);
    } else if (node.is("JOINEXPR")) {
      read_join(node, query, from);
    } else {
      throw UnreadableTree("a view with a FROM of a kind that is not known");
    }
    return from;
  }

  void read_join(const TreeNode& node, ViewQuery& query, ViewFrom& from) {
    from.parts.push_back(read_from(node.field("larg"), query));
    from.parts.push_back(read_from(node.field("rarg"), query));
    gather_equalities(node.field("quals"), from.equalities);
    gather(node.field("quals"), query.elsewhere);
    switch (static_cast<Join>(node.number("jointype"))) {
      case Join::inner:
        return;
      case Join::right:
        std::swap(from.parts[0], from.parts[1]);
        [[fallthrough]];
      case Join::left:
        from.kind = ViewFrom::Kind::left;
        return;
      case Join::full:
        from.kind = ViewFrom::Kind::full;
        return;
    }
    throw UnreadableTree("a view with a join of a kind that is not known");
  }

  /// The queries of subqueries in an expression, apart from those inside them.
  void gather(const TreeNode& node, std::vector<ViewQuery>& queries) {
    if (node.is("QUERY")) {
      queries.push_back(read_query(node));
      return;
    }
    for (const auto& item : node.items) gather(item, queries);
    for (const auto& [name, value] : node.fields) gather(value, queries);
  }

  /// Of a condition those that have to hold whenever it does.
  void gather_equalities(const TreeNode& condition, std::vector<ViewEquality>& equalities) const {
    if (condition.is("BOOLEXPR") && condition.field("boolop").text == "and")
      for (const auto& each : condition.list("args")) gather_equalities(each, equalities);
    if (!condition.is("OPEXPR") || !names_->equalities.contains(condition.number("opno"))) return;
    const auto& sides = condition.list("args");
    if (sides.size() != 2) return;
    const auto left = column_of(sides[0]), right = column_of(sides[1]);
    if (left && right) equalities.push_back({*left, *right});
  }

  /// The column that an expression is; nullopt where it is worked out.
  std::optional<ViewColumn> column_of(const TreeNode& expression) const {
    if (expression.is("RELABELTYPE")) {
      const auto type = expression.number("resulttype");
      if (std::ranges::find(same_value_types, type) == same_value_types.end()) return std::nullopt;
      return column_of(expression.field("arg"));
    }
    if (!expression.is("VAR")) return std::nullopt;
    return column_of(expression.number("varlevelsup"), expression.number("varno"),
                     expression.number("varattno"));
  }

  /// A column of a join is that of one of its sides, or worked out of both.
  std::optional<ViewColumn> column_of(long long levels_up, long long relation, long long number) const {
    const auto depth = static_cast<long long>(entries_.size());
    if (number < 1 || levels_up < 0 || levels_up >= depth) return std::nullopt;
    const auto& entries = *entries_[static_cast<std::size_t>(depth - 1 - levels_up)];
    if (relation < 1 || relation > static_cast<long long>(entries.size()))
      throw UnreadableTree("a view with a column of a relation that is not in it");
    const TreeNode& entry = entries[static_cast<std::size_t>(relation - 1)];
    if (entry.number("rtekind") != static_cast<int>(Entry::join))
      return ViewColumn{static_cast<int>(levels_up), static_cast<int>(relation), static_cast<int>(number)};
    const auto& aliases = entry.list("joinaliasvars");
    if (number > static_cast<long long>(aliases.size())) return std::nullopt;
    const TreeNode& alias = aliases[static_cast<std::size_t>(number - 1)];
    if (!alias.is("VAR") || alias.number("varlevelsup") != 0) return std::nullopt;
    if (alias.number("varno") >= relation) return std::nullopt;  // its sides come before a join
    return column_of(levels_up, alias.number("varno"), alias.number("varattno"));
  }

  const DefinitionNames* names_;
  std::vector<const std::vector<TreeNode>*> entries_;  ///< of the query and those around it
  std::size_t queries_ = 0;                            ///< that were read
};

/// PostgreSQL notes it where the column is one of FROM as it is, through subqueries, joins and WITH.
std::optional<StoredColumn> origin_of(const TreeNode& entry, const DefinitionNames& names) {
  const auto found = names.relations.find(entry.number("resorigtbl"));
  const auto number = entry.number("resorigcol");
  if (found == names.relations.end() || number < 1) return std::nullopt;
  const auto& [name, columns] = found->second;
  if (number > static_cast<long long>(columns.size())) return std::nullopt;
  return StoredColumn{name, columns[static_cast<std::size_t>(number) - 1]};
}

}  // namespace

std::optional<ViewQuery> read_definition(std::string_view tree, const DefinitionNames& names) try {
  return DefinitionReader(names).read_all(parse_node_tree(tree));
} catch (const UnreadableTree&) {
  return std::nullopt;
}

std::vector<std::optional<StoredColumn>> read_origins(std::string_view tree,
                                                      const DefinitionNames& names) try {
  std::vector<std::optional<StoredColumn>> origins;
  const TreeNode actions = parse_node_tree(tree);
  if (actions.items.size() != 1 || !actions.items.front().is("QUERY")) return origins;
  for (const auto& entry : actions.items.front().list("targetList")) {
    if (entry.flag("resjunk")) continue;
    if (entry.number("resno") != static_cast<long long>(origins.size()) + 1) return {};
    origins.push_back(origin_of(entry, names));
  }
  return origins;
} catch (const UnreadableTree&) {
  return {};
}

}  // namespace shardplex
