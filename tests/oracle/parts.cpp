#include "tests/oracle/parts.hpp"

#include <algorithm>

namespace shardplex::oracle {
namespace {

using Kind = Part::Kind;

template <class All>
void add(Kind kind, std::size_t table, const All& all, std::vector<Part>& parts) {
  for (std::size_t number = 0; number < all.size(); ++number) parts.push_back({kind, table, number});
}

}  // namespace

std::vector<Part> parts_of(const Schema& schema) {
  std::vector<Part> parts;
  if (schema.computed) parts.push_back({Kind::computed, 0, 0});
  for (std::size_t view = 0; view < schema.views.size(); ++view) {
    add(Kind::view_column, view, schema.views[view].sample.columns, parts);
    if (!schema.views[view].filled.empty()) parts.push_back({Kind::view_filter, view, 0});
    parts.push_back({Kind::view, view, 0});
  }
  for (std::size_t table = schema.tables.size(); table-- > 0;) {
    add(Kind::key, table, schema.tables[table].keys, parts);
    add(Kind::unique, table, schema.tables[table].also_unique, parts);
    add(Kind::column, table, schema.tables[table].sample.columns, parts);
    parts.push_back({Kind::table, table, 0});
  }
  return parts;
}

std::vector<std::vector<Part>> by_table(const std::vector<Part>& parts) {
  std::vector<std::vector<Part>> groups(1);
  for (const auto& part : parts) {
    groups.back().push_back(part);
    const bool is_of_more = part.kind == Kind::view_column || part.kind == Kind::view_filter ||
                            part.kind == Kind::unique || part.kind == Kind::column;
    if (!is_of_more) groups.emplace_back();
  }
  groups.pop_back();
  return groups;
}

Schema with_parts(Schema schema, const std::vector<Part>& parts) {
  const auto is_left_out = [&](Kind kind, std::size_t table, std::size_t number) {
    return std::ranges::find(parts, Part{kind, table, number}) == parts.end();
  };
  if (is_left_out(Kind::computed, 0, 0)) schema.computed = false;
  for (std::size_t at = 0; at < schema.views.size(); ++at) {
    auto& view = schema.views[at];
    view.sample.left_out |= is_left_out(Kind::view, at, 0);
    for (std::size_t column = 0; column < view.sample.columns.size(); ++column)
      view.sample.columns[column].left_out |= is_left_out(Kind::view_column, at, column);
    if (is_left_out(Kind::view_filter, at, 0)) view.filled.clear();
  }
  for (std::size_t at = 0; at < schema.tables.size(); ++at) {
    auto& table = schema.tables[at];
    table.sample.left_out |= is_left_out(Kind::table, at, 0);
    for (std::size_t column = 0; column < table.sample.columns.size(); ++column)
      table.sample.columns[column].left_out |= is_left_out(Kind::column, at, column);
    for (std::size_t key = 0; key < table.keys.size(); ++key)
      table.keys[key].left_out |= is_left_out(Kind::key, at, key);
    for (std::size_t number = table.also_unique.size(); number-- > 0;)
      if (is_left_out(Kind::unique, at, number))
        table.also_unique.erase(table.also_unique.begin() + static_cast<std::ptrdiff_t>(number));
  }
  return schema;
}

}  // namespace shardplex::oracle
