// Random requests that the grammar takes, over tables of every kind of column, planned for one shard and for
// several.
#include <doctest/doctest.h>

#include <array>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "query/plan/routed_plan.hpp"
#include "tests/query/plan/plan_faults.hpp"
#include "tests/query/plan/scattered_tables.hpp"

using namespace shardplex;
using namespace shardplex::fixtures;

namespace {

/// One seed, one request. Its order, its filters, what it selects and how it is paged are drawn apart.
class RandomReads {
 public:
  explicit RandomReads(std::uint64_t seed) : random_(seed) {}

  struct Read {
    std::string table, query;
    CountKind count = CountKind::none;
    RowFormat format = RowFormat::json;
  };

  Read next() {
    static const std::vector<std::string> tables{"movies", "ratings", "users", "lists", "genres"};
    Read read;
    read.table = any(tables);
    const bool grouped = chance(25);
    add(read, "select", grouped ? groups(read.table) : items(read.table));
    for (auto filters = below(4); filters > 0; --filters) add_filter(read);
    if (chance(70)) add(read, "order", grouped && chance(60) ? grouped_by_ : order(read.table));
    const bool paged = !grouped && chance(20);
    if (paged || chance(50)) add(read, "limit", std::to_string(1 + below(20)));
    if (paged) add(read, "after", "");
    if (!paged && chance(30)) add(read, "offset", std::to_string(below(2000)));
    if (!paged && chance(30)) read.count = CountKind::exact;
    constexpr std::array formats{RowFormat::json, RowFormat::stripped_json, RowFormat::csv};
    read.format = formats[below(formats.size())];
    return read;
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class T>
  const T& any(const std::vector<T>& all) {
    return all[below(all.size())];
  }

  static const std::vector<std::string>& columns_of(const std::string& table) {
    static const std::map<std::string, std::vector<std::string>> all{
        {"movies",
         {"id", "name", "genre", "primary_genre", "imdb_score", "released", "data", "raw", "mpaa", "words",
          "title_de", "votes", "label", "twice"}},
        {"ratings", {"movie_id", "user_id", "score"}},
        {"users", {"id", "name", "weight", "tags"}},
        {"lists", {"user_id", "movie_id"}},
        {"genres", {"name", "note"}}};
    return all.at(table);
  }

  std::string field(const std::string& table) {
    const auto& column = any(columns_of(table));
    if (column != "data" && column != "raw") return column;
    constexpr std::array paths{"", "->a", "->>a", "->a->0", "->a->>b"};
    return column + paths[below(paths.size())];
  }

  std::string items(const std::string& table) {
    if (chance(20)) return "*";
    std::string list;
    for (auto count = 1 + below(4); count > 0; --count) {
      if (chance(30)) list += "alias" + std::to_string(count) + ':';
      list += field(table);
      if (chance(15)) list += "::text";
      if (count > 1) list += ',';
    }
    if (table == "movies" && chance(25)) list += ",ratings(score)";
    if (table == "ratings" && chance(25)) list += ",movies(name)";
    return list;
  }

  std::string groups(const std::string& table) {
    std::string list;
    grouped_by_ = any(columns_of(table));
    if (chance(80)) list = grouped_by_ + ',';
    if (chance(30)) list += any(columns_of(table)) + ',';
    constexpr std::array functions{"count", "sum", "avg", "max", "min"};
    const bool counts_rows = chance(40);
    return list + (counts_rows ? "count()"
                               : any(columns_of(table)) + '.' + functions[below(functions.size())] + "()");
  }

  std::string order(const std::string& table) {
    constexpr std::array directions{"", ".asc", ".desc", ".desc.nullslast", ".asc.nullsfirst", ".nullsfirst"};
    std::string list;
    for (auto count = 1 + below(3); count > 0; --count)
      list += field(table) + directions[below(directions.size())] + (count > 1 ? "," : "");
    return list;
  }

  std::string condition(bool in_tree) {
    constexpr std::array values{"eq.1",       "neq.1",        "gt.2",         "lte.Drama",
                                "like.*a*",   "is.null",      "not.is.true",  "in.(1,2,3)",
                                "not.in.(5)", "isdistinct.x", "eq(any).{1,2}"};
    return values[below(in_tree ? values.size() - 1 : values.size())];
  }

  void add_filter(Read& read) {
    if (chance(20)) {
      add(read, chance(50) ? "or" : "not.and",
          '(' + any(columns_of(read.table)) + '.' + condition(true) + ',' + any(columns_of(read.table)) +
              '.' + condition(true) + ')');
      return;
    }
    add(read, any(columns_of(read.table)), condition(false));
  }

  static void add(Read& read, const std::string& key, const std::string& value) {
    read.query += (read.query.empty() ? "" : "&") + key + '=' + value;
  }

  std::mt19937_64 random_;
  std::string grouped_by_;
};

/// try_plan() of a request that may have cursors.
Result<RoutedPlan> plan_of(const RandomReads::Read& read, const Query& query) {
  static const Catalogue catalogue = scattered_tables();
  static const Relations relations(catalogue);
  static const ShardMap map = scattered_map();
  const Table& table = *catalogue.find(read.table);
  const auto tree = resolve(query, table, catalogue, relations);
  if (!tree) return tree.error();
  return plan_routed_read(*tree, query, in_map(table, map), read.count,
                          {.bytewise_default_collation = true, .row_bound = 0, .format = read.format});
}

}  // namespace

TEST_CASE("whatever is asked for, rows are merged by what the statement gives, or are not planned") {
  std::map<std::string, int> outcomes;
  int merged = 0, groups = 0, pages = 0;
  for (std::uint64_t seed = 1; seed <= 6000; ++seed) {
    const auto read = RandomReads(seed).next();
    INFO("seed ", seed, ": ", read.table, '?', read.query);
    const auto query = parse_query(read.table, read.query, {}, Cursors::served);
    const std::string refused = query ? "" : to_json(query.error());
    REQUIRE_MESSAGE(query.has_value(), refused);
    const auto planned = plan_of(read, *query);
    if (!planned) {
      CHECK_FALSE(planned.error().message.empty());
      ++outcomes[planned.error().code];
      continue;
    }
    ++outcomes["planned"];
    const auto* rows = std::get_if<RowsRead>(&*planned);
    if (rows == nullptr) continue;
    CHECK(test::fault_of(*rows) == "");
    merged += rows->where && !rows->scan.not_mergeable && !rows->scan.keys.empty();
    groups += rows->scan.groups.has_value();
    pages += rows->page.has_value();
  }
  std::string all;
  for (const auto& [code, count] : outcomes) all += code + ": " + std::to_string(count) + "; ";
  CAPTURE(all);
  CHECK(outcomes["planned"] > 3000);
  CHECK(merged > 1000);
  CHECK(groups > 200);
  CHECK(pages > 200);
}

TEST_CASE("a key that the statement does not give is found") {
  const auto plan_with = [](auto change) {
    auto read = std::get<RowsRead>(try_plan("movies", "select=name&order=votes.desc").value());
    change(read.scan);
    return test::fault_of(read);
  };
  CHECK(plan_with([](ReadPlan&) {}) == "");
  CHECK(plan_with([](ReadPlan& scan) { scan.key_columns[0] = 7; }).starts_with("a key that is not selected"));
  CHECK(plan_with([](ReadPlan& scan) {
          scan.key_columns[1] = 1;
        }).starts_with("rows are merged by k0 and sorted by"));
  CHECK(plan_with([](ReadPlan& scan) {
          scan.key_columns[0] = 0;
        }).starts_with("rows are merged by c0 and sorted by"));
  CHECK(plan_with([](ReadPlan& scan) { scan.own_keys[0] = "k9"; }).starts_with("a key that no row has"));
  CHECK(plan_with([](ReadPlan& scan) {
          scan.keys[0].descending = false;
        }).starts_with("rows are merged the other way round"));
  CHECK(plan_with([](ReadPlan& scan) { scan.keys.pop_back(); }).starts_with("keys and columns of keys"));
  CHECK(
      plan_with([](ReadPlan& scan) { scan.inner_columns = "1 AS c0"; }).starts_with("a key that no row has"));
  CHECK(plan_with([](ReadPlan& scan) {
          scan.params.emplace_back("1");
        }).starts_with("a parameter that stands nowhere"));
}
