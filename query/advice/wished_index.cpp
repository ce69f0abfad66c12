#include "query/advice/wished_index.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "query/advice/index_advice.hpp"
#include "query/plan/sql.hpp"
#include "shard_map/contains_name.hpp"
#include "shard_map/invariant.hpp"
#include "shard_map/joined.hpp"

namespace shardplex {
namespace {

constexpr double least_gain = 0.1;             // of the plan's cost
constexpr std::size_t most_told = 3;           // patterns in an advice's evidence
constexpr std::uint64_t selective_share = 20;  // an answer has at most one row of so many

bool can_be_key(const TablePattern& pattern, const std::string& column) {
  const auto* found = pattern.columns->find_column(column);
  return found != nullptr && found->sort != SortKind::none && found->conflict.empty();
}

std::vector<WishedKey> order_keys(const TablePattern& pattern) {
  const auto& query = pattern.request.query;
  std::vector<WishedKey> keys;
  if (!query.limit) return keys;
  for (const auto& term : query.order) {
    const bool plain = !term.embed && term.field.path.empty() && can_be_key(pattern, term.field.column);
    if (!plain) return {};
    keys.push_back({term.field.column, term.descending, term.nulls_first.value_or(term.descending), true});
  }
  if (keys.empty()) return keys;
  // The router breaks ties by the primary key.
  for (const auto& column : pattern.columns->primary_key)
    if (std::ranges::find(keys, column, &WishedKey::column) == keys.end())
      keys.push_back({column, false, false, true});
  return keys;
}

std::vector<WishedKey> keys_for(const TablePattern& pattern) {
  std::vector<WishedKey> keys;
  for (const auto& column : pattern.equal)
    if (can_be_key(pattern, column)) keys.push_back({column});
  const auto order = order_keys(pattern);
  if (!order.empty()) {
    for (const auto& key : order)
      if (!contains_name(pattern.equal, key.column)) keys.push_back(key);
    return keys;
  }
  for (const auto& column : pattern.ranges) {
    if (!can_be_key(pattern, column) || contains_name(pattern.equal, column)) continue;
    keys.push_back({column});
    break;
  }
  return keys;
}

/// The columns with any of which an index would serve these keys: those that are compared with values, or the
/// first where there are none.
std::vector<std::string> first_columns(const TablePattern& pattern, const std::vector<WishedKey>& keys) {
  std::vector<std::string> columns{keys.front().column};
  for (const auto& key : keys)
    if (contains_name(pattern.equal, key.column)) columns.push_back(key.column);
  return columns;
}

bool has_index_from(const Survey& survey, const std::string& table, const std::vector<std::string>& columns) {
  return std::ranges::any_of(survey.shards, [&](const SurveyedShard& shard) {
    return std::ranges::any_of(shard.indexes, [&](const SurveyedIndex& index) {
      return index.table == table && index.valid && index.predicate.empty() && !index.columns.empty() &&
             (index.method == "btree" || index.method == "hash") &&
             contains_name(columns, index.columns.front());
    });
  });
}

/// Whether the pattern's answers are few of the rows of a shard.
bool is_selective(const TablePattern& pattern, std::uint64_t rows_on_shard) {
  if (pattern.request.query.limit && !order_keys(pattern).empty()) return true;
  const auto& counts = pattern.counts();
  const auto rows = std::max(counts.rows, counts.rows_read);
  return rows / std::max<std::uint64_t>(counts.shards, 1) <= rows_on_shard / selective_share;
}

bool begins_with(const std::vector<WishedKey>& keys, const std::vector<WishedKey>& beginning) {
  return beginning.size() <= keys.size() && std::equal(beginning.begin(), beginning.end(), keys.begin());
}

std::string in_tenths(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

Evidence evidence_of_plan(const TriedIndex& tried) {
  return {"HypoPG on " + tried.shard,
          "the plan of " + tried.statement + " costs " + in_tenths(tried.without) +
              " without the index, and " + in_tenths(tried.with) + " with it, in the planner's units",
          ""};
}

Advice about_wish(const WishedIndex& wish, const std::optional<TriedIndex>& tried,
                  const AdvisedCluster& cluster) {
  const auto& survey = cluster.survey;
  const auto use = use_of(survey, wish.table);
  std::vector<std::string> names;
  for (const auto& key : wish.keys) names.push_back(key.column);
  Advice advice{
      AdviceKind::missing_index,
      wish.table,
      "No index of " + wish.table + " finds the rows that requests ask for by " + joined(names) + '.',
      {},
      {},
      {}};
  for (std::size_t i = 0; i < std::min(most_told, wish.patterns.size()); ++i)
    advice.evidence.push_back(evidence_of(*wish.patterns[i]->pattern));
  advice.evidence.push_back({"pg_stat_user_tables of " + counted(servers_heard(survey), "server"),
                             wish.table + ": " + counted(use.whole_reads, "sequential scan") +
                                 ", which read " + counted(use.rows_of_those, "row") + "; up to " +
                                 counted(most_rows(survey, wish.table).value_or(0), "row") + " on a shard",
                             counted_since(survey)});
  if (tried && tried->problem.empty())
    advice.evidence.push_back(evidence_of_plan(*tried));
  else
    advice.evidence.push_back(
        {"a rule",
         tried ? "HypoPG could not be asked on " + tried->shard + ": " + tried->problem
               : "no shard that answered has the extension hypopg, so the planner was not asked",
         ""});
  advice.costs =
      "The table is read once on each shard, without blocking writes. From then on each of its writes (" +
      counted(use.writes, "row") + " so far) writes the index too.";
  AdvisedStep step;
  for (const auto& shard : cluster.map.shards()) step.shards.push_back(shard.name);
  step.text = "CREATE INDEX CONCURRENTLY ON " + wish.on() + ';';
  advice.steps.push_back(std::move(step));
  return advice;
}

}  // namespace

std::string WishedIndex::on() const {
  std::string list;
  for (const auto& key : keys) {
    auto item = quote_identifier(key.column);
    if (key.descending) item += " DESC";
    if (key.is_order && key.nulls_first != key.descending)
      item += key.nulls_first ? " NULLS FIRST" : " NULLS LAST";
    add_item(list, item);
  }
  return quote_map_name(table) + " (" + list + ')';
}

std::vector<WishedIndex> wished_indexes(const std::vector<TablePattern>& patterns,
                                        const AdvisedCluster& cluster) {
  std::vector<WishedIndex> wished;
  for (const auto& pattern : patterns) {
    if (pattern.columns->is_view() || pattern.counts().calls < cluster.bounds.least_calls) continue;
    const auto rows = most_rows(cluster.survey, pattern.table);
    if (!rows || *rows < rows_worth_an_index || !is_selective(pattern, *rows)) continue;
    auto keys = keys_for(pattern);
    if (keys.empty() || has_index_from(cluster.survey, pattern.table, first_columns(pattern, keys))) continue;
    const auto same = std::ranges::find_if(wished, [&](const WishedIndex& wish) {
      return wish.table == pattern.table && (begins_with(wish.keys, keys) || begins_with(keys, wish.keys));
    });
    if (same == wished.end()) {
      wished.push_back({pattern.table, std::move(keys), {&pattern}});
      continue;
    }
    if (keys.size() > same->keys.size()) same->keys = std::move(keys);
    same->patterns.push_back(&pattern);
  }
  for (auto& wish : wished)
    std::ranges::stable_sort(wish.patterns, [](const TablePattern* a, const TablePattern* b) {
      return a->counts().time_us > b->counts().time_us;
    });
  return wished;
}

Advised advise_wished(const std::vector<WishedIndex>& wished,
                      const std::vector<std::optional<TriedIndex>>& tried, const AdvisedCluster& cluster) {
  invariant(wished.size() == tried.size(), "each index has been tried, or not");
  Advised out;
  for (std::size_t i = 0; i < wished.size(); ++i) {
    const bool has_costs = tried[i] && tried[i]->problem.empty();
    if (has_costs && tried[i]->with > (1 - least_gain) * tried[i]->without) {
      out.not_judged.push_back("an index ON " + wished[i].on() + ": " + evidence_of_plan(*tried[i]).says +
                               ", which is not worth it (HypoPG on " + tried[i]->shard + ')');
      continue;
    }
    out.advice.push_back(about_wish(wished[i], tried[i], cluster));
  }
  return out;
}

}  // namespace shardplex
