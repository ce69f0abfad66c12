#include "query/engine/lookup_join.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "query/engine/row_json.hpp"
#include "query/engine/sorted_merge.hpp"
#include "query/engine/through_junction.hpp"

using namespace shardplex;

namespace {

const MergeKey ascending{SortKind::int4, false, false, {}};
const MergeKey descending{SortKind::int4, true, true, {}};

std::optional<std::string> text_of(std::optional<int> value) {
  return value ? std::optional(std::to_string(*value)) : std::nullopt;
}

std::optional<std::string> key_of(std::optional<int> value) {
  return value ? std::optional(number_value(static_cast<std::uint32_t>(*value))) : std::nullopt;
}

Row numbered_row(std::uint32_t key, std::string json) {
  return {std::move(json), {number_value(key)}};
}

JoinPlan::Embed embed(EmbedShape::Kind kind, std::vector<std::string> before, bool to_one = false) {
  std::vector<bool> in_lines(before.size(), true);
  return {{0}, {kind, std::move(before), std::move(in_lines), to_one}};
}

using Found = std::vector<std::pair<std::string, std::string>>;  // key, row

/// What the join gives for rows with a room at their end but one, whose one key is given; `found` has the
/// rows of its first embed.
std::vector<std::string> joined(JoinPlan plan, const std::vector<std::optional<std::string>>& keys,
                                const Found& found) {
  LookupJoin join(std::move(plan));
  std::vector<std::string> out;
  std::size_t next = 0;
  for (;;) {
    auto step = join.next();
    if (std::holds_alternative<RowOperator::Done>(step)) return out;
    if (const auto* error = std::get_if<Error>(&step)) return {error->code};
    if (const auto* row = std::get_if<Row>(&step)) {
      out.push_back(row->json);
      continue;
    }
    const auto input = std::get<RowOperator::Needs>(step).input;
    if (input > 0) {
      const auto& wanted = join.keys(input);
      for (std::uint32_t number = 0; number < wanted.size(); ++number)
        for (const auto& [key, row] : found)
          if ((wanted[number].empty() ? "null" : wanted[number].front()) == key)
            join.push(input, numbered_row(number, row));
      join.finish(input);
    } else if (next < keys.size()) {
      Row row{"{\"n\":" + std::to_string(next) + '}', {}};
      row.rooms = {row.json.size() - 1};
      row.related = {keys[next++]};
      join.push(0, std::move(row));
    } else {
      join.finish(0);
    }
  }
}

}  // namespace

TEST_CASE("the rows of a key are written into every row that has it") {
  using Kind = EmbedShape::Kind;
  const std::vector<std::optional<std::string>> keys{"a", "b", std::nullopt, "a"};
  CHECK(joined({{embed(Kind::array, {",\"r\":"})}, {}, {}}, keys, {{"a", "{\"x\":1}"}, {"a", "{\"x\":2}"}}) ==
        std::vector<std::string>{"{\"n\":0,\"r\":[{\"x\":1}, \n {\"x\":2}]}", "{\"n\":1,\"r\":[]}",
                                 "{\"n\":2,\"r\":[]}", "{\"n\":3,\"r\":[{\"x\":1}, \n {\"x\":2}]}"});
  CHECK(joined({{embed(Kind::object, {",\"r\":"}, true)}, {}, {}}, keys, {{"a", "{\"x\":1}"}}) ==
        std::vector<std::string>{"{\"n\":0,\"r\":{\"x\":1}}", "{\"n\":1,\"r\":null}", "{\"n\":2,\"r\":null}",
                                 "{\"n\":3,\"r\":{\"x\":1}}"});
}

TEST_CASE("null is a key where something is found also without rows") {
  auto groups = embed(EmbedShape::Kind::array, {",\"r\":"});
  const std::vector<std::optional<std::string>> keys{std::nullopt, "a", std::nullopt};
  const Found found{{"null", "{\"count\":0}"}, {"a", "{\"count\":2}"}};
  CHECK(joined({{groups}, {}, {}}, keys, found) == std::vector<std::string>{"{\"n\":0,\"r\":[]}",
                                                                            "{\"n\":1,\"r\":[{\"count\":2}]}",
                                                                            "{\"n\":2,\"r\":[]}"});
  groups.with_null = true;
  CHECK(joined({{groups}, {}, {}}, keys, found) ==
        std::vector<std::string>{"{\"n\":0,\"r\":[{\"count\":0}]}", "{\"n\":1,\"r\":[{\"count\":2}]}",
                                 "{\"n\":2,\"r\":[{\"count\":0}]}"});

  LookupKeys of_two({0, 1}, true);
  CHECK(of_two.add({"", {}, {}, {"null", "b"}}) == 0);
  CHECK(of_two.add({"", {}, {}, {"null", std::nullopt}}) == 1);
  CHECK(of_two.add({"", {}, {}, {std::nullopt, "b"}}) == 1);
  CHECK(of_two[1].empty());
}

TEST_CASE("in CSV what is found is JSON in a field, and nothing where there is none") {
  using Kind = EmbedShape::Kind;
  const auto in_csv = [](Kind kind, std::vector<std::string> before, bool to_one) {
    auto out = embed(kind, std::move(before), to_one);
    out.shape.in_csv = true;
    return out;
  };
  const std::vector<std::optional<std::string>> keys{"a", "b"};
  // The rows' last character is behind the room.
  CHECK(joined({{in_csv(Kind::object, {","}, true)}, {}, {}}, keys, {{"a", "{\"x\":\"y\"}"}}) ==
        std::vector<std::string>{"{\"n\":0,\"{\"\"x\"\":\"\"y\"\"}\"}", "{\"n\":1,}"});
  CHECK(joined({{in_csv(Kind::array, {","}, false)}, {}, {}}, keys, {{"a", "{}"}, {"a", "{}"}}) ==
        std::vector<std::string>{"{\"n\":0,\"[{}, \n {}]\"}", "{\"n\":1,[]}"});
  CHECK(joined({{in_csv(Kind::value_arrays, {",", ","}, false)}, {}, {}}, keys,
               {{"a",
                 "\x1e"
                 "1\x1e"
                 "2"}}) == std::vector<std::string>{"{\"n\":0,[1],[2]}", "{\"n\":1,[],[]}"});
}

TEST_CASE("the members of a spread are the row's own") {
  using Kind = EmbedShape::Kind;
  const std::vector<std::optional<std::string>> keys{"a", "b"};
  CHECK(joined({{embed(Kind::values, {",\"x\":", ",\"y\":"}, true)}, {}, {}}, keys,
               {{"a",
                 "\x1e"
                 "1\x1e[2]"}}) ==
        std::vector<std::string>{"{\"n\":0,\"x\":1,\"y\":[2]}", "{\"n\":1,\"x\":null,\"y\":null}"});
  CHECK(joined({{embed(Kind::value_arrays, {",\"x\":", ",\"y\":"})}, {}, {}}, keys,
               {{"a",
                 "\x1e"
                 "1\x1e\"\""},
                {"a", "\x1enull\x1e\"b\""}}) ==
        std::vector<std::string>{"{\"n\":0,\"x\":[1, null],\"y\":[\"\", \"b\"]}",
                                 "{\"n\":1,\"x\":[],\"y\":[]}"});
}

TEST_CASE("values are apart from each other as json_agg() sets them apart") {
  const auto embed_of = [](bool in_lines) {
    JoinPlan::Embed embed{{0}, {EmbedShape::Kind::value_arrays, {",\"x\":"}, {in_lines}, false}};
    return JoinPlan{{embed}, {}, {}};
  };
  const Found found{{"a", "\x1e[1]"}, {"a", "\x1enull"}, {"a", "\x1e[2]"}, {"a", "\x1e{\"y\":3}"}};
  CHECK(joined(embed_of(true), {"a"}, found) ==
        std::vector<std::string>{"{\"n\":0,\"x\":[[1], null, \n [2], \n {\"y\":3}]}"});
  // Of json, of which PostgreSQL does not look what it is.
  CHECK(joined(embed_of(false), {"a"}, found) ==
        std::vector<std::string>{"{\"n\":0,\"x\":[[1], null, [2], {\"y\":3}]}"});
}

TEST_CASE("two rows of a relation to one are an error, as in PostgreSQL, and so are rows nobody asked for") {
  using Kind = EmbedShape::Kind;
  CHECK(joined({{embed(Kind::object, {",\"r\":"}, true)}, {}, {}}, {"a"}, {{"a", "{}"}, {"a", "{}"}}) ==
        std::vector<std::string>{"21000"});
  CHECK(joined({{embed(Kind::values, {",\"r\":"}, true)}, {}, {}}, {"a"},
               {{"a",
                 "\x1e"
                 "1\x1e"
                 "2"}}) == std::vector<std::string>{"SHARD503"});
  LookupJoin join({{embed(Kind::array, {",\"r\":"})}, {}, {}});
  join.push(0, {"{}", {}, {1}, {"a"}});
  join.finish(0);
  REQUIRE(std::holds_alternative<RowOperator::Needs>(join.next()));
  join.push(1, numbered_row(1, "{}"));
  CHECK(std::get<Error>(join.next()).code == "SHARD503");
}

TEST_CASE("no lookup has more keys than a batch has rows, and each key is looked up once in a batch") {
  LookupJoin join({{embed(EmbedShape::Kind::nothing, {})}, {}, {}});
  std::size_t rows = 0, lookups = 0;
  for (std::size_t i = 0; i < 2500; ++i) join.push(0, {"{}", {}, {}, {std::to_string(i % 700)}});
  join.finish(0);
  for (;;) {
    const auto step = join.next();
    if (std::holds_alternative<RowOperator::Done>(step)) break;
    if (std::holds_alternative<Row>(step)) {
      ++rows;
      continue;
    }
    CHECK(join.keys(1).size() <= 700);
    ++lookups;
    join.finish(1);
  }
  CHECK(rows == 2500);
  CHECK(lookups == 3);
}

TEST_CASE("a page is filled with rows that are kept, and not more are looked through than needed") {
  RowCondition has_rows{RowCondition::Kind::has_rows, 0, {}};
  std::vector<std::optional<std::string>> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back(std::to_string(i % 10));
  CHECK(joined({{embed(EmbedShape::Kind::nothing, {})}, has_rows, {1, 2, false}}, keys, {{"3", "{}"}}) ==
        std::vector<std::string>{"{\"n\":13}", "{\"n\":23}"});
  CHECK(
      joined({{embed(EmbedShape::Kind::nothing, {})}, has_rows, {0, 0, false}}, keys, {{"3", "{}"}}).empty());
  // Where nothing is found the whole input would be looked through.
  keys.assign(LookupJoin::most_left_out + 2000, "0");
  CHECK(joined({{embed(EmbedShape::Kind::nothing, {})}, has_rows, {0, 1, false}}, keys, {}) ==
        std::vector<std::string>{"SHARD400"});
  CHECK(joined({{embed(EmbedShape::Kind::nothing, {})}, has_rows, {}}, keys, {}).empty());
  // Who sorts the rows gets none before the end.
  CHECK(joined({{embed(EmbedShape::Kind::nothing, {})}, has_rows, {}, false, true}, keys, {}) ==
        std::vector<std::string>{"SHARD400"});
}

TEST_CASE("the more rows have been left out, the more are looked through at once") {
  const RowCondition has_rows{RowCondition::Kind::has_rows, 0, {}};
  LookupJoin join({{embed(EmbedShape::Kind::nothing, {})}, has_rows, {0, 1, false}});
  std::vector<std::size_t> batches;
  for (int i = 0; i < 5000; ++i) join.push(0, {"{}", {}, {}, {std::to_string(i)}});
  join.finish(0);
  while (std::holds_alternative<RowOperator::Needs>(join.next())) {
    batches.push_back(join.keys(1).size());
    join.finish(1);
  }
  REQUIRE(batches.size() > 6);
  CHECK(std::vector(batches.begin(), batches.begin() + 6) ==
        std::vector<std::size_t>{64, 64, 128, 256, 512, 1000});
}

TEST_CASE("rows that are left are counted, on the page or not") {
  const RowCondition has_rows{RowCondition::Kind::has_rows, 0, {}};
  for (const auto& [page, given] : {std::pair{RowPage{1, 2, false}, std::size_t{2}},
                                    {{0, 0, false}, 0},
                                    {{200, 5, false}, 0},
                                    {{0, std::nullopt, false}, 150}}) {
    LookupJoin join({{embed(EmbedShape::Kind::nothing, {})}, has_rows, page, true});
    std::size_t rows = 0;
    for (int i = 0; i < 1500; ++i) join.push(0, {"{}", {}, {}, {std::to_string(i % 10)}});
    join.finish(0);
    for (;;) {
      const auto step = join.next();
      if (std::holds_alternative<RowOperator::Done>(step)) break;
      REQUIRE_FALSE(std::holds_alternative<Error>(step));
      if (std::holds_alternative<Row>(step)) {
        ++rows;
        continue;
      }
      for (std::uint32_t number = 0; number < join.keys(1).size(); ++number)
        if (join.keys(1)[number].front() == "7") join.push(1, numbered_row(number, "{}"));
      join.finish(1);
    }
    CHECK(rows == given);
    CHECK(join.counted() == 150);
  }
}

TEST_CASE("a join that has failed wants no more rows, and what it has is no more than may be found") {
  LookupJoin join({{embed(EmbedShape::Kind::array, {",\"r\":"})}, {}, {}});
  join.push(0, {"{}", {}, {1}, {"a"}});
  join.finish(0);
  REQUIRE(std::holds_alternative<RowOperator::Needs>(join.next()));
  const std::string megabyte(std::size_t{1} << 20, 'x');
  std::size_t pushed = 0;
  for (; pushed < 100 && !join.has_failed(); ++pushed) join.push(1, numbered_row(0, megabyte));
  CHECK(pushed == LookupJoin::most_found_bytes >> 20);
  CHECK(join.bytes() <= LookupJoin::most_found_bytes + (std::size_t{1} << 20));
  CHECK(std::get<Error>(join.next()).code == "SHARD400");
}

TEST_CASE("what is too much for a batch is looked up for fewer rows") {
  LookupJoin join({{embed(EmbedShape::Kind::array, {",\"r\":"})}, {}, {}});
  for (int i = 0; i < 1500; ++i) join.push(0, {"{}", {}, {1}, {std::to_string(i)}});
  join.finish(0);
  std::vector<std::size_t> tries;
  std::size_t rows = 0;
  for (;;) {
    const auto step = join.next();
    if (std::holds_alternative<RowOperator::Done>(step)) break;
    REQUIRE_FALSE(std::holds_alternative<Error>(step));
    if (const auto* row = std::get_if<Row>(&step)) {
      CHECK(row->json == "{,\"r\":[" + std::to_string(rows++) + "]}");
      continue;
    }
    tries.push_back(join.keys(1).size());
    CHECK(join.batch_number() == tries.size());
    for (std::uint32_t number = 0; number < join.keys(1).size(); ++number)
      join.push(1, numbered_row(number, join.keys(1)[number].front()));
    if (tries.back() > 400) {
      join.fail_of_size(1, {"SHARD400", "", {}, {}, {}});
      CHECK(join.has_failed_of_size());
    } else {
      join.finish(1);
    }
  }
  CHECK(rows == 1500);
  CHECK(tries == std::vector<std::size_t>{1000, 500, 250, 312, 390, 487, 243, 303, 2});
  // What completes the rows of a batch before is no reason to halve this one, nor is one row halved.
  LookupJoin two({{embed(EmbedShape::Kind::nothing, {}), embed(EmbedShape::Kind::array, {",\"r\":"})},
                  RowCondition{RowCondition::Kind::has_rows, 0, {}},
                  {}});
  for (int i = 0; i < 1500; ++i) two.push(0, {"{}", {}, {1}, {std::to_string(i)}});
  two.finish(0);
  std::size_t given = 0;
  std::optional<Error> ended_by;
  for (bool done = false; !done;) {
    const auto step = two.next();
    if (const auto* error = std::get_if<Error>(&step)) ended_by = *error;
    done = ended_by || std::holds_alternative<RowOperator::Done>(step);
    given += std::holds_alternative<Row>(step) ? 1 : 0;
    const auto* needs = std::get_if<RowOperator::Needs>(&step);
    if (!needs) continue;
    if (needs->input == 1 && given == 1000) {
      two.fail_of_size(1, {"SHARD400", "", {}, {}, {}});
      continue;
    }
    for (std::uint32_t number = 0; number < two.keys(needs->input).size(); ++number)
      two.push(needs->input, numbered_row(number, "1"));
    two.finish(needs->input);
  }
  CHECK(given == 1000);
  REQUIRE(ended_by);
  CHECK(ended_by->code == "SHARD400");

  // One key is not halved, however many rows have it; and other failures stand.
  LookupJoin one({{embed(EmbedShape::Kind::array, {",\"r\":"})}, {}, {}});
  for (int i = 0; i < 10; ++i) one.push(0, {"{}", {}, {1}, {"a"}});
  one.finish(0);
  REQUIRE(std::holds_alternative<RowOperator::Needs>(one.next()));
  one.fail_of_size(1, {"SHARD400", "", {}, {}, {}});
  CHECK(std::get<Error>(one.next()).code == "SHARD400");
}

TEST_CASE("conditions are decided by three-valued logic") {
  using Kind = RowCondition::Kind;
  const RowCondition yes{Kind::known, 0, {}}, no{Kind::known, 1, {}}, unknown{Kind::known, 2, {}};
  const Row row{"", {}, {}, {"true", "false", std::nullopt}};
  const auto value = [&](Kind kind, std::vector<RowCondition> parts) {
    return value_of({kind, 0, std::move(parts)}, row, [](std::size_t lookup) { return lookup == 1; });
  };
  CHECK(value(Kind::all, {}) == true);
  CHECK(value(Kind::all, {yes, unknown}) == std::nullopt);
  CHECK(value(Kind::all, {unknown, no}) == false);
  CHECK(value(Kind::any, {unknown, yes}) == true);
  CHECK(value(Kind::any, {no, unknown}) == std::nullopt);
  CHECK(value(Kind::any, {no, no}) == false);
  CHECK(value(Kind::negation, {unknown}) == std::nullopt);
  CHECK(value(Kind::negation, {no}) == true);
  CHECK(value(Kind::any, {no, {Kind::has_rows, 1, {}}}) == true);
  CHECK(value(Kind::all, {yes, {Kind::has_rows, 0, {}}}) == false);
}

// ---- Trees of random tables on random shards, against nested loops over all of their rows.

namespace {

struct Record {
  int id = 0;
  std::optional<int> link;  // what it is found by, of its parent's id or link
  std::optional<int> value;
  std::size_t shard = 0;
};

/// One node of a tree, and its embeds.
struct Node {
  std::vector<Record> rows;
  bool by_link = false;  // the parent's link leads to the id here: a relation to one
  bool descends = false;
  bool spread = false, shows = true, inner = false;
  std::optional<bool> wanted;  // a filter on the embed: not null, or null
  RowPage page;
  std::vector<Node> embeds;
};

class RandomTrees {
 public:
  static constexpr std::size_t shards = 3;
  explicit RandomTrees(unsigned seed) : random_(seed) {}

  Node tree(int depth) {
    Node node;
    const int count = below(12);
    for (int id = 0; id < count; ++id) {
      Record record{id, std::nullopt, std::nullopt, static_cast<std::size_t>(below(shards))};
      if (below(5) > 0) record.link = below(8);
      if (below(5) > 0) record.value = below(4);
      node.rows.push_back(record);
    }
    node.by_link = below(3) == 0;
    node.descends = below(2) == 0;
    node.spread = below(4) == 0;
    node.shows = below(5) > 0;
    node.inner = below(4) == 0;
    if (below(5) == 0) node.wanted = below(2) == 0;
    if (below(3) == 0) node.page.offset = static_cast<std::uint64_t>(below(3));
    if (below(2) == 0) node.page.limit = static_cast<std::uint64_t>(below(4));
    for (int i = below(3); depth > 0 && i > 0; --i) node.embeds.push_back(tree(depth - 1));
    return node;
  }

 private:
  int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }
  std::mt19937 random_;
};

bool leads_to(const Node& node, const Record& parent, const Record& row) {
  return node.by_link ? parent.link == row.id && parent.link : row.link == parent.id;
}

bool sorts_before(const Node& node, const Record& a, const Record& b) {
  const MergeKey& by = node.descends ? descending : ascending;
  if (const int order = compare_keys(by, key_of(a.value), key_of(b.value)); order != 0) return order < 0;
  return a.id < b.id;
}

bool shows_anything(const Node& node) {
  return node.shows || std::ranges::any_of(node.embeds, shows_anything);
}

// The oracle.

std::vector<Record> chosen_rows(const Node& node, const Record* parent);

bool is_kept(const Node& node, const Record& row) {
  return std::ranges::all_of(node.embeds, [&](const Node& embed) {
    const bool has_rows = !chosen_rows(embed, &row).empty();
    return (!embed.inner || has_rows) && (!embed.wanted || *embed.wanted == has_rows);
  });
}

std::vector<Record> chosen_rows(const Node& node, const Record* parent) {
  std::vector<Record> rows;
  for (const auto& row : node.rows)
    if ((parent == nullptr || leads_to(node, *parent, row)) && is_kept(node, row)) rows.push_back(row);
  std::ranges::sort(rows, [&](const Record& a, const Record& b) { return sorts_before(node, a, b); });
  rows.erase(rows.begin(),
             rows.begin() + std::min<std::ptrdiff_t>(std::ssize(rows), std::ptrdiff_t(node.page.offset)));
  if (node.page.limit) rows.resize(std::min<std::size_t>(rows.size(), *node.page.limit));
  return rows;
}

using Members = std::vector<std::pair<std::string, std::string>>;

Members members_of(const Node& node, const Record& row);

std::string object_of(const Members& members) {
  std::string out;
  for (const auto& [name, value] : members) out += (out.empty() ? "{\"" : ",\"") + name + "\":" + value;
  return out.empty() ? "{}" : out + '}';
}

std::vector<std::string> names_of(const Node& node) {
  std::vector<std::string> names;
  if (node.shows) names = {"id", "v"};
  for (std::size_t i = 0; i < node.embeds.size(); ++i) {
    if (!shows_anything(node.embeds[i])) continue;
    if (node.embeds[i].spread)
      std::ranges::copy(names_of(node.embeds[i]), std::back_inserter(names));
    else
      names.push_back('e' + std::to_string(i));
  }
  return names;
}

Members members_of(const Node& node, const Record& row) {
  Members out;
  if (node.shows) out = {{"id", std::to_string(row.id)}, {"v", text_of(row.value).value_or("null")}};
  for (std::size_t i = 0; i < node.embeds.size(); ++i) {
    const Node& embed = node.embeds[i];
    if (!shows_anything(embed)) continue;
    const auto rows = chosen_rows(embed, &row);
    if (embed.spread) {
      const auto names = names_of(embed);
      for (std::size_t member = 0; member < names.size(); ++member) {
        std::string values;
        for (const auto& each : rows)
          values += (values.empty() ? "" : ", ") + members_of(embed, each)[member].second;
        if (embed.by_link && values.empty()) values = "null";
        out.emplace_back(names[member], embed.by_link ? values : '[' + values + ']');
      }
      continue;
    }
    std::string values;
    for (const auto& each : rows)
      values += (values.empty() ? "" : ", \n ") + object_of(members_of(embed, each));
    if (embed.by_link && values.empty()) values = "null";
    out.emplace_back('e' + std::to_string(i), embed.by_link ? values : '[' + values + ']');
  }
  return out;
}

// The operators, fed from tables in memory as the shards would feed them.

struct Planned {
  JoinPlan join;
  RowJson row;
};

Planned planned(const Node& node, bool root) {
  Planned out{{}, !root && node.spread ? RowJson::of_values() : RowJson()};
  if (node.shows) {
    out.row.add("id", {});
    out.row.add("v", {});
  }
  RowCondition keep;
  for (std::size_t i = 0; i < node.embeds.size(); ++i) {
    const Node& embed = node.embeds[i];
    JoinPlan::Embed joined;
    joined.key = {embed.by_link ? std::size_t{1} : std::size_t{0}};
    joined.shape.to_one = embed.by_link;
    if (shows_anything(embed)) {
      using Kind = EmbedShape::Kind;
      if (embed.spread) {
        joined.shape.kind = embed.by_link ? Kind::values : Kind::value_arrays;
        joined.shape.before = out.row.leave_room(names_of(embed));
        // The values of rows are numbers, and those of embeds JSON already.
        joined.shape.in_lines.assign(joined.shape.before.size(), false);
      } else {
        joined.shape.kind = embed.by_link ? Kind::object : Kind::array;
        joined.shape.before = out.row.leave_room({'e' + std::to_string(i)});
      }
    }
    out.join.embeds.push_back(std::move(joined));
    const RowCondition has_rows{RowCondition::Kind::has_rows, i, {}};
    if (embed.inner) keep.parts.push_back(has_rows);
    if (embed.wanted && *embed.wanted) keep.parts.push_back(has_rows);
    if (embed.wanted && !*embed.wanted) keep.parts.push_back({RowCondition::Kind::negation, 0, {has_rows}});
  }
  if (!keep.parts.empty()) out.join.keep = std::move(keep);
  out.join.page = node.page;
  out.join.page.of_each_key = !root;
  return out;
}

Row row_of(const RowJson& as, const Record& record) {
  Row row;
  const auto id = std::to_string(record.id);
  const auto value = text_of(record.value);
  CHECK(as.append(
      row.json,
      [&](std::size_t field) {
        if (field == 0) return std::optional<std::string_view>(id);
        return value ? std::optional<std::string_view>(*value) : std::nullopt;
      },
      &row.rooms));
  row.related = {id, text_of(record.link)};
  return row;
}

/// The rows of the node that `parents` lead to, or all of them; each with the number of its parent. Lookups
/// of more than `most_keys` are too much.
std::vector<Row> run(const Node& node, const std::vector<Record>* parents, std::size_t most_keys) {
  const auto plan = planned(node, parents == nullptr);
  SortedMerge merge({ascending, node.descends ? descending : ascending, ascending}, RandomTrees::shards);
  for (std::size_t shard = 0; shard < RandomTrees::shards; ++shard) {
    for (std::uint32_t number = 0; number < (parents ? parents->size() : 1); ++number) {
      std::vector<Record> rows;
      for (const auto& row : node.rows)
        if (row.shard == shard && (!parents || leads_to(node, (*parents)[number], row))) rows.push_back(row);
      std::ranges::sort(rows, [&](const Record& a, const Record& b) { return sorts_before(node, a, b); });
      // A shard cuts off what cannot be on the page.
      if (parents && !plan.join.leaves_out() && node.page.limit)
        rows.resize(std::min<std::size_t>(rows.size(), node.page.offset + *node.page.limit));
      for (const auto& record : rows) {
        auto row = row_of(plan.row, record);
        row.keys = {number_value(number), key_of(record.value), key_of(record.id)};
        merge.push(shard, std::move(row));
      }
    }
    merge.finish(shard);
  }
  LookupJoin join(plan.join);
  std::vector<Row> out;
  for (;;) {
    auto step = join.next();
    if (std::holds_alternative<RowOperator::Done>(step)) return out;
    REQUIRE_FALSE(std::holds_alternative<Error>(step));
    if (auto* row = std::get_if<Row>(&step)) {
      out.push_back(std::move(*row));
      continue;
    }
    if (std::get<RowOperator::Needs>(step).input > 0) {
      const auto input = join.needed_lookups().back();
      if (join.keys(input).size() > most_keys) {
        join.fail_of_size(input, {"SHARD400", "", {}, {}, {}});
        continue;
      }
      const Node& embed = node.embeds[input - 1];
      std::vector<Record> from;
      for (std::size_t number = 0; number < join.keys(input).size(); ++number) {
        const int key = std::stoi(join.keys(input)[number].front());
        from.push_back({key, key, std::nullopt, 0});
      }
      for (auto& row : run(embed, &from, most_keys)) join.push(input, std::move(row));
      join.finish(input);
      continue;
    }
    auto next = merge.next();
    if (auto* row = std::get_if<Row>(&next))
      join.push(0, std::move(*row));
    else
      join.finish(0);
  }
}

}  // namespace

TEST_CASE("trees over random tables on random shards are what nested loops over all rows give") {
  for (unsigned seed = 1; seed <= 3000; ++seed) {
    INFO("seed ", seed);
    const Node tree = RandomTrees(seed).tree(3);
    std::vector<std::string> expected, got;
    for (const auto& row : chosen_rows(tree, nullptr)) expected.push_back(object_of(members_of(tree, row)));
    for (const std::size_t most_keys : {1000, 2, 1}) {
      got.clear();
      for (const auto& row : run(tree, nullptr, most_keys)) got.push_back(row.json);
      REQUIRE(got == expected);
    }
  }
}

TEST_CASE("rows through a junction are what nested loops give, each as often as the junction leads to it") {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    INFO("seed ", seed);
    std::mt19937 random(seed);
    const auto below = [&](unsigned end) { return static_cast<int>(random() % end); };
    std::vector<std::pair<int, std::optional<int>>> links;  // from, to
    std::vector<std::optional<int>> values;                 // by row
    for (int i = below(20); i > 0; --i)
      links.emplace_back(below(4), below(6) ? std::optional(below(8)) : std::nullopt);
    for (int i = below(8); i > 0; --i) values.push_back(below(4) ? std::optional(below(3)) : std::nullopt);
    const RowPage page{static_cast<std::uint64_t>(below(3)),
                       below(2) ? std::optional<std::uint64_t>(below(4)) : std::nullopt, true};
    std::ranges::stable_sort(links, {}, &std::pair<int, std::optional<int>>::first);

    std::vector<std::string> expected, got;
    for (int from = 0; from < 4; ++from) {
      std::vector<int> rows;
      for (const auto& [of, to] : links)
        if (of == from && to && *to < static_cast<int>(values.size())) rows.push_back(*to);
      std::ranges::stable_sort(rows, [&](int a, int b) {
        const int order = compare_keys(descending, key_of(values[static_cast<std::size_t>(a)]),
                                       key_of(values[static_cast<std::size_t>(b)]));
        return order != 0 ? order < 0 : a < b;
      });
      for (std::size_t i = page.offset; i < rows.size() && (!page.limit || i - page.offset < *page.limit);
           ++i)
        expected.push_back(std::to_string(from) + ':' + std::to_string(rows[i]));
    }

    ThroughJunction through({ascending, descending, ascending}, {0}, page);
    for (bool done = false; !done;) {
      auto step = through.next();
      REQUIRE_FALSE(std::holds_alternative<Error>(step));
      done = std::holds_alternative<RowOperator::Done>(step);
      if (const auto* row = std::get_if<Row>(&step))
        got.push_back(std::to_string(*key_number(*row)) + ':' + row->json);
      const auto* needs = std::get_if<RowOperator::Needs>(&step);
      if (needs == nullptr) continue;
      if (needs->input == 0) {
        for (const auto& [from, to] : links)
          through.push(0, {"{}", {number_value(static_cast<std::uint32_t>(from))}, {}, {text_of(to)}});
      } else {
        for (std::uint32_t number = 0; number < through.keys().size(); ++number) {
          const auto id = static_cast<std::size_t>(std::stoi(through.keys()[number].front()));
          if (id >= values.size()) continue;
          through.push(1, {std::to_string(id),
                           {number_value(number), key_of(values[id]), key_of(static_cast<int>(id))}});
        }
      }
      through.finish(needs->input);
    }
    REQUIRE(got == expected);
  }
}

TEST_CASE("a junction does not lead to more rows than may be, however few keys they have") {
  ThroughJunction through({ascending, ascending}, {0}, {0, std::nullopt, true});
  for (std::uint32_t from = 0; from < 400; ++from) through.push(0, {"{}", {number_value(from)}, {}, {"a"}});
  through.finish(0);
  REQUIRE(through.keys().size() == 1);
  for (std::uint32_t id = 0; id < 400; ++id) through.push(1, {"{}", {number_value(0), number_value(id)}});
  through.finish(1);
  CHECK(through.bytes() > 0);
  CHECK(std::get<Error>(through.next()).code == "SHARD400");
}

TEST_CASE("the keys of a junction's rows count, and not their number alone") {
  ThroughJunction through({ascending}, {0}, {0, std::nullopt, true});
  std::size_t pushed = 0;
  for (; pushed < 1000 && !through.has_failed(); ++pushed)
    through.push(
        0, {"{}", {number_value(0)}, {}, {std::string(std::size_t{1} << 20, 'x') + std::to_string(pushed)}});
  CHECK(pushed < 100);
  CHECK(std::get<Error>(through.next()).code == "SHARD400");
}
