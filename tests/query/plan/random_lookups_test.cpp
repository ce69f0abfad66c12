// Random requests over tables that are related over shards, planned.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/plan/group_states.hpp"
#include "query/plan/lookup.hpp"
#include "query/plan/routed_plan.hpp"
#include "tests/query/plan/scattered_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

class RandomRequests {
 public:
  /// `grouped`: in how many of 100 embeds rows are counted.
  explicit RandomRequests(unsigned seed, unsigned grouped = 0) : random_(seed), grouped_(grouped) {}

  std::pair<std::string, std::string> next() {
    static const std::vector<std::string> roots{"movies", "ratings", "users", "lists", "genres", "friends"};
    const auto& table = any(roots);
    const auto select = node(table, "", 3);
    return {table, "select=" + select + parameters_};
  }

 private:
  using Way = std::pair<std::string, std::string>;  // as select= names it, and the table
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  template <class T>
  const T& any(const std::vector<T>& all) {
    return all[random_() % all.size()];
  }

  static const std::vector<Way>& ways_from(const std::string& table) {
    static const std::map<std::string, std::vector<Way>> all{
        {"movies",
         {{"ratings", "ratings"}, {"genres", "genres"}, {"users!lists", "users"}, {"lists", "lists"}}},
        {"ratings", {{"movies", "movies"}, {"users", "users"}}},
        {"users",
         {{"ratings", "ratings"},
          {"lists", "lists"},
          {"movies!lists", "movies"},
          {"movies!ratings", "movies"}}},
        {"lists", {{"users", "users"}, {"movies", "movies"}}},
        {"genres", {{"movies", "movies"}}},
        {"friends", {{"users!friends_user_fkey", "users"}, {"users!friends_friend_fkey", "users"}}}};
    return all.at(table);
  }
  static const std::vector<std::string>& columns_of(const std::string& table) {
    static const std::map<std::string, std::vector<std::string>> all{
        {"movies", {"id", "name", "genre", "data", "released"}},
        {"ratings", {"movie_id", "user_id", "score"}},
        {"users", {"id", "name", "weight", "tags"}},
        {"lists", {"user_id", "movie_id"}},
        {"genres", {"name", "note"}},
        {"friends", {"user_id", "friend_id"}}};
    return all.at(table);
  }

  void add_parameters(const std::string& table, const std::string& path,
                      const std::vector<std::string>& embeds) {
    if (chance(30)) parameters_ += '&' + path + any(columns_of(table)) + "=gt.1";
    if (!embeds.empty() && chance(5))
      parameters_ += '&' + path + "order=" + any(embeds) + "(name)";
    else if (chance(30))
      parameters_ += '&' + path + "order=" + any(columns_of(table)) + (chance(50) ? ".desc" : "");
    if (chance(30)) parameters_ += '&' + path + "limit=" + std::to_string(random_() % 5);
    if (chance(20)) parameters_ += '&' + path + "offset=" + std::to_string(random_() % 5);
    if (embeds.empty()) return;
    if (chance(20)) parameters_ += '&' + path + any(embeds) + (chance(50) ? "=is.null" : "=not.is.null");
    if (chance(20))
      parameters_ += '&' + path + "not.or=(" + any(embeds) + ".is.null," + any(columns_of(table)) + ".lt.9)";
  }

  std::string node(const std::string& table, const std::string& path, unsigned depth) {
    std::string select = chance(85) ? any(columns_of(table)) : "";
    if (!select.empty() && chance(30)) select += "::text";
    if (!path.empty() && grouped_ > 0 && chance(grouped_))
      select += (select.empty() ? "n" : ",n") + std::to_string(++aliases_) + ":count()";
    std::vector<std::string> names;
    for (auto count = random_() % 3; depth > 0 && count > 0; --count) {
      const auto& [way, to] = any(ways_from(table));
      names.push_back("e" + std::to_string(++aliases_));
      if (!select.empty()) select += ',';
      select += (chance(20) ? "..." : "") + names.back() + ':' + way + (chance(25) ? "!inner" : "") + '(';
      select += node(to, path + names.back() + '.', depth - 1) + ')';
    }
    add_parameters(table, path, names);
    return select.empty() && path.empty() ? "*" : select;
  }

  std::mt19937 random_;
  unsigned grouped_;
  std::string parameters_;
  unsigned aliases_ = 0;
};

/// Each parameter is in the statement, and no other.
void check_parameters(const Statement& statement) {
  INFO(statement.sql);
  std::vector<bool> found(statement.params.size() + 1);
  for (auto at = statement.sql.find('$'); at != std::string::npos; at = statement.sql.find('$', at + 1)) {
    const auto number = std::stoul(statement.sql.substr(at + 1));
    REQUIRE(number < found.size());
    found[number] = true;
  }
  CHECK(std::count(found.begin() + 1, found.end(), true) ==
        static_cast<std::ptrdiff_t>(statement.params.size()));
}

void check_scan(const ReadPlan& scan) {
  CHECK(scan.keys.size() == scan.key_columns.size());
  for (const auto column : scan.key_columns) CHECK(column < scan.related_column());
}

LookupKeys keys_with(std::size_t columns) {
  std::vector<std::size_t> related(columns);
  std::iota(related.begin(), related.end(), std::size_t{0});
  LookupKeys keys(related);
  keys.add({"", {}, {}, std::vector<std::optional<std::string>>(columns, "1")});
  return keys;
}

void check_lookups(const ReadPlan& scan, const JoinPlan& join, const std::vector<Lookup>& lookups);

void check_lookup(const Lookup& lookup) {
  const auto& scan = lookup.rows.scan;
  check_scan(scan);
  const bool sharded = !scan.group.empty();
  const ReadPlan::ForShard shard{
      sharded ? std::optional(Epoch{7}) : std::nullopt, sharded, false, nullptr, {}};
  check_parameters(lookup.statement(shard, keys_with(lookup.key_types.size()), {0}));
  if (scan.groups) {
    check_parameters(lookup.partial_statement(shard, keys_with(lookup.key_types.size()), {0}));
    check_parameters(finished_groups(scan, std::vector<std::string>(scan.states->count, "{}"), 0));
  }
  if (lookup.keys_first) check_parameters(lookup.keys_statement(shard));
  CHECK(sharded == lookup.place.has_value());
  CHECK(scan.keys.front().kind == SortKind::int4);
  if (lookup.junction) check_lookup(*lookup.junction);
  check_lookups(scan, lookup.rows.join, lookup.rows.lookups);
}

void check_lookups(const ReadPlan& scan, const JoinPlan& join, const std::vector<Lookup>& lookups) {
  REQUIRE(join.embeds.size() == lookups.size());
  std::size_t shown = 0;
  for (std::size_t i = 0; i < lookups.size(); ++i) {
    const auto& shape = join.embeds[i].shape;
    shown += shape.kind != EmbedShape::Kind::nothing;
    CHECK((shape.kind == EmbedShape::Kind::nothing) == shape.before.empty());
    for (const auto column : join.embeds[i].key) CHECK(column < scan.related.size());
    const auto& of_key = lookups[i].junction ? *lookups[i].junction : lookups[i];
    CHECK(join.embeds[i].key.size() == of_key.key_types.size());
    check_lookup(lookups[i]);
  }
  CHECK(scan.row.rooms().size() == shown);
}

}  // namespace

TEST_CASE("embeds of groups are planned whole, or refused") {
  std::map<std::string, int> outcomes;
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    const auto [table, query] = RandomRequests(seed, 30).next();
    INFO("seed ", seed, ": ", table, '?', query);
    const auto planned = try_plan(table, query);
    ++outcomes[planned ? "planned" : planned.error().code];
    if (!planned || !std::holds_alternative<RowsRead>(*planned)) continue;
    const auto& read = std::get<RowsRead>(*planned);
    check_lookups(read.scan, read.join, read.lookups);
  }
  CHECK(outcomes["planned"] > 500);
  // 42803: an order by what is not grouped by. PGRST127: an aggregate in a spread to many.
  const std::vector<std::string> possible{"planned", "SHARD400", "PGRST118", "PGRST127",
                                          "42702",   "42703",    "42712",    "42803"};
  for (const auto& [code, count] : outcomes) {
    INFO(code, ": ", count);
    CHECK(std::ranges::count(possible, code) == 1);
  }
}

TEST_CASE("whatever is asked for is planned whole, or refused") {
  std::map<std::string, int> outcomes;
  for (unsigned seed = 1; seed <= 4000; ++seed) {
    const auto [table, query] = RandomRequests(seed).next();
    INFO("seed ", seed, ": ", table, '?', query);
    const auto planned = try_plan(table, query, seed % 4 == 0 ? CountKind::exact : CountKind::none);
    ++outcomes[planned ? "planned" : planned.error().code];
    if (!planned || !std::holds_alternative<RowsRead>(*planned)) continue;
    const auto& read = std::get<RowsRead>(*planned);
    check_scan(read.scan);
    const bool sharded = read.where.has_value();
    const ReadPlan::ForShard shard{
        sharded ? std::optional(Epoch{7}) : std::nullopt, sharded, false, nullptr, {}};
    check_parameters(read.scan.statement(shard));
    check_parameters(read.scan.count_up_to(shard, 5));
    check_parameters(read.scan.count_matching_up_to(shard, 5));
    check_parameters(read.scan.explain_matching(shard));
    if (read.keys_first)
      check_parameters(read.with_keys(keys_with(read.lookups[*read.keys_first].keys_first->types.size()))
                           .scan.statement(shard));
    check_lookups(read.scan, read.join, read.lookups);
  }
  CHECK(outcomes["planned"] > 2500);
  // 42702: an order by what an embed shows twice under one name.
  const std::vector<std::string> possible{"planned", "SHARD400", "PGRST118", "42702", "42703", "42712"};
  for (const auto& [code, count] : outcomes) {
    INFO(code, ": ", count);
    CHECK(std::ranges::count(possible, code) == 1);
  }
}
