#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>

#include "tests/oracle/columns.hpp"
#include "tests/oracle/schema.hpp"

namespace shardplex::oracle {
namespace {

using integration::chance;
using integration::Kind;
using integration::pick;

class SchemaMaker {
 public:
  explicit SchemaMaker(Random& random) : random_(random) {}

  Schema make() {
    for (auto left = random_.below(3); left > 0; --left) add_reference_table();
    for (auto left = 1 + random_.below(2); left > 0; --left) add_group();
    for (auto left = random_.below(3); left > 0; --left) add_view();
    schema_.computed = chance(random_, 50);
    return std::move(schema_);
  }

 private:
  std::string next_name(const std::string& kind) { return kind + std::to_string(++names_[kind.front()]); }

  /// Some of all columns, in any order.
  void add_columns(SampleTable& table) {
    constexpr std::size_t most = 9;
    std::vector<std::size_t> which(all_columns().size());
    std::iota(which.begin(), which.end(), std::size_t{0});
    shuffle(which, random_);
    which.resize(random_.below(most));
    for (const auto at : which) table.columns.push_back(all_columns()[at]);
  }

  /// Adds a column that refers to the rows of a table by its first one.
  void add_reference(Table& table, const SampleTable& foreign, const std::string& column, int nulls,
                     bool is_kept) {
    auto copy = foreign.columns.front();
    copy.name = column;
    copy.nulls = nulls;
    copy.distinct = false;
    table.keys.push_back(
        {{table.sample.name + "_to_" + foreign.name, {column}, foreign.name, {foreign.columns.front().name}},
         is_kept});
    table.sample.columns.push_back(std::move(copy));
  }

  std::vector<std::size_t> reference_tables() const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < schema_.tables.size(); ++i)
      if (!schema_.tables[i].group) found.push_back(i);
    return found;
  }

  void refer_to_reference_tables(Table& table) {
    for (const auto at : reference_tables()) {
      const auto& foreign = schema_.tables[at].sample;
      if (chance(random_, 50)) add_reference(table, foreign, foreign.name + "_id", 20, true);
    }
  }

  void add_reference_table() {
    Table table;
    table.sample.name = next_name("r");
    auto key = any_key("id", 1 + random_.below(10), random_);
    key.distinct = true;
    table.sample.columns.push_back(std::move(key));
    table.sample.primary_key = {"id"};
    if (chance(random_, 30)) {
      const SampleTable self = table.sample;
      add_reference(table, self, "parent", 40, true);
    }
    refer_to_reference_tables(table);
    add_columns(table.sample);
    schema_.tables.push_back(std::move(table));
  }

  // ---- Groups.

  void add_group() {
    static const std::vector<std::string> all_lists{"Drama", "Comedy", "it's", "Léon", "a/b"};
    Group group;
    group.name = next_name("g");
    group.slots = 16U << random_.below(7);
    if (chance(random_, 30)) {
      group.list_column = "kind";
      group.lists = all_lists;
      shuffle(group.lists, random_);
      group.lists.resize(1 + random_.below(3));
    }
    schema_.groups.push_back(group);
    add_root(group);
    for (auto left = random_.below(4); left > 0; --left) add_child(group);
  }

  SampleColumn list_column(const Group& group) {
    static const std::vector<std::string> types{"text", "character varying(20)"};
    return {group.list_column,
            pick(random_, types),
            Kind::text,
            {"Drama", "Comedy", "it's", "Léon", "a/b", "", "Unheard of", "drama"},
            15};
  }

  std::size_t group_at() const { return schema_.groups.size() - 1; }

  void add_root(const Group& group) {
    static const std::vector<std::size_t> sizes{3, 20, 60, 150};
    Table table;
    table.group = group_at();
    table.sample.name = next_name("s");
    auto key = any_key("id", pick(random_, sizes), random_);
    key.distinct = true;
    table.sample.columns.push_back(std::move(key));
    table.sample.primary_key = {"id"};
    if (!group.list_column.empty()) {
      table.sample.columns.push_back(list_column(group));
      table.sample.list_column = group.list_column;
      table.also_unique.push_back({"id", group.list_column});
    }
    refer_to_reference_tables(table);
    for (const auto root : roots_) {
      const auto& foreign = schema_.tables[root].sample;
      if (chance(random_, 50)) add_reference(table, foreign, foreign.name + "_ref", 25, false);
    }
    add_columns(table.sample);
    roots_.push_back(schema_.tables.size());
    parents_.clear();
    schema_.tables.push_back(std::move(table));
  }

  static SampleColumn small_number(const std::string& name) {
    return {name, "integer", Kind::number, {"1", "2", "3", "4"}, 0};
  }

  enum class Shape : std::uint8_t { many, one, junction, grandchild };

  /// A table with the key of the group's first one.
  void add_child(const Group& group) {
    static const std::vector<std::size_t> tries{150, 30, 400, 0};
    const auto root = schema_.tables[roots_.back()].sample;
    const bool by_list = !group.list_column.empty();
    auto shape = static_cast<Shape>(random_.below(4));
    if (shape == Shape::junction && reference_tables().empty()) shape = Shape::many;
    if (shape == Shape::grandchild && parents_.empty()) shape = Shape::many;
    // Its key to the first table would have more columns than what makes it unique.
    if (shape == Shape::one && by_list) shape = Shape::many;

    Table table;
    table.group = group_at();
    table.tries = pick(random_, tries);
    table.sample.name = next_name("s");
    const std::string key = by_list ? "id" : root.name + "_id";
    auto column = root.columns.front();
    column.name = key;
    column.distinct = false;
    table.sample.columns.push_back(std::move(column));
    table.sample.primary_key = {key};
    if (by_list) {
      table.sample.columns.push_back(root.columns[1]);
      table.sample.list_column = group.list_column;
    }
    if (shape == Shape::grandchild) {
      refer_to_parent(table, key);
    } else {
      SampleKey to_root{table.sample.name + "_to_" + root.name, {key}, root.name, {"id"}};
      if (by_list) {
        to_root.columns.push_back(group.list_column);
        to_root.foreign_columns.push_back(group.list_column);
      }
      table.keys.push_back({std::move(to_root), chance(random_, 85)});
    }
    if (shape == Shape::many) {
      table.sample.columns.push_back(small_number("number"));
      table.sample.primary_key.push_back("number");
    }
    if (shape == Shape::junction) {
      const auto& foreign = schema_.tables[pick(random_, reference_tables())].sample;
      add_reference(table, foreign, foreign.name + "_id", 0, true);
      table.sample.primary_key.push_back(foreign.name + "_id");
    } else {
      refer_to_reference_tables(table);
    }
    add_columns(table.sample);
    if (shape == Shape::many && !by_list) parents_.push_back(schema_.tables.size());
    schema_.tables.push_back(std::move(table));
  }

  void refer_to_parent(Table& table, const std::string& key) {
    const auto& parent = schema_.tables[pick(random_, parents_)].sample;
    table.sample.columns.push_back(small_number("number"));
    table.sample.columns.push_back(small_number("part"));
    table.sample.primary_key = {key, "number", "part"};
    table.keys.push_back({{table.sample.name + "_to_" + parent.name,
                           {key, "number"},
                           parent.name,
                           {parent.columns.front().name, "number"}}});
  }

  // ---- Views.

  void add_view() {
    View view;
    view.table = random_.below(schema_.tables.size());
    const auto& table = schema_.tables[view.table].sample;
    view.sample.name = next_name("v");
    view.sample.list_column = table.list_column;
    const bool renames = chance(random_, 30) && table.list_column.empty();
    for (const auto& column : table.columns) {
      const bool is_key = column.name == table.columns.front().name;
      const bool tells_apart = std::ranges::count(table.primary_key, column.name) > 0;
      if (!is_key && !tells_apart && column.name != table.list_column && chance(random_, 40)) continue;
      auto shown = column;
      if (is_key && renames) shown.name = "renamed";
      if (tells_apart) view.sample.told_apart_by.push_back(shown.name);
      view.sample.columns.push_back(std::move(shown));
      view.of.push_back(column.name);
    }
    if (chance(random_, 50)) view.filled = pick(random_, table.columns).name;
    schema_.views.push_back(std::move(view));
  }

  Random& random_;
  Schema schema_;
  std::map<char, unsigned> names_;
  std::vector<std::size_t> roots_;    // of the groups
  std::vector<std::size_t> parents_;  // in the group that is made, with a key of two columns
};

}  // namespace

Schema make_schema(Random& random) {
  return SchemaMaker(random).make();
}

}  // namespace shardplex::oracle
