#include "query/openapi/described_table.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "query/catalogue/relations.hpp"
#include "query/catalogue/routed_table.hpp"

namespace shardplex {
namespace {

bool is_served(const Column& column) {
  return column.conflict.empty() && column.representations.unsafe.empty();
}

/// The router gives a row its key where the row comes without one, or where it alone may choose.
bool is_given_by_router(const RoutedTable& routed, const Column& column) {
  if (!routed.gives_keys() || !routed.key().is(column.name)) return false;
  return column.type_name == "int8" || column.type_name == "uuid" || column.has_default;
}

bool has_to_be_given(const RoutedTable& routed, const Column& column) {
  if (is_given_by_router(routed, column)) return false;
  // Only PostgreSQL knows the default of a column that decides where the row goes.
  const auto routing = routed.routing_columns();
  if (contains_name(routing, column.name)) return column.not_null || column.has_default;
  return column.not_null && !column.has_default && !column.generated;
}

/// The one column that a key pairs with this one: the slot column is no client's, and longer keys are not
/// about a column. nullptr where there is none.
const std::string* foreign_column(const ForeignKey& key, std::string_view column) {
  const std::string* found = nullptr;
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    if (key.columns[i] == slot_column) continue;
    if (key.columns[i] != column) return nullptr;
    found = &key.foreign_columns[i];
  }
  return found;
}

/// A key can be declared as well as kept.
void add_sentence(std::string& text, const std::string& sentence) {
  if (text.find(sentence) != std::string::npos) return;
  if (!text.empty()) text += "\n\n";
  text += sentence;
}

struct Describing {
  const ShardMap& map;
  const Catalogue& catalogue;
  const std::vector<DeclaredKey> declared;

  void add_foreign_key(const ForeignKey& key, std::string_view column, std::string& description) const {
    const auto* foreign = foreign_column(key, column);
    if (foreign == nullptr || catalogue.find(key.foreign_table) == nullptr) return;
    add_sentence(description, "Foreign key to `" + key.foreign_table + '.' + *foreign + "`.<fk table='" +
                                  key.foreign_table + "' column='" + *foreign + "'/>");
  }

  bool leads_to_view(const ForeignKey& key) const {
    const Table* foreign = catalogue.find(key.foreign_table);
    return foreign != nullptr && foreign->is_view();
  }

  /// Keys that views show lead to a table where there is one, as with PostgREST, else to one of its views.
  void add_shown_keys(const Table& table, std::string_view column, std::string& description) const {
    for (const auto& shown : table.shown_keys)
      if (!leads_to_view(shown.key)) add_foreign_key(shown.key, column, description);
    for (const auto& shown : table.shown_keys)
      if (leads_to_view(shown.key) && description.find("<fk ") == std::string::npos)
        add_foreign_key(shown.key, column, description);
  }

  std::string description_of(const RoutedTable& routed, const Column& column) const {
    const Table& table = routed.table();
    std::string description = column.comment;
    if (contains_name(table.primary_key, column.name) || contains_name(table.shown_primary_key, column.name))
      add_sentence(description, "Primary key.<pk/>");
    for (const auto& key : table.foreign_keys) add_foreign_key(key, column.name, description);
    for (const auto& [name, key] : declared)
      if (name == table.name) add_foreign_key(key, column.name, description);
    if (table.is_view()) add_shown_keys(table, column.name, description);
    if (is_given_by_router(routed, column))
      add_sentence(description, routed.list() ? "Given to a new row by the router, and never by the client."
                                              : "Given to a new row by the router where the row has none.");
    return description;
  }

  DescribedColumn describe(const RoutedTable& routed, const Column& column) const {
    const bool router_alone = routed.list() != nullptr && is_given_by_router(routed, column);
    return {&column, description_of(routed, column), has_to_be_given(routed, column),
            column.generated || router_alone};
  }

  DescribedTable describe(const Table& table, const TablePlacement& placement) const {
    const RoutedTable routed(table, placement, map);
    DescribedTable out;
    out.table = &table;
    const auto line_end = table.comment.find('\n');
    out.summary = table.comment.substr(0, line_end);
    if (line_end != std::string::npos) {
      const auto rest = table.comment.find_first_not_of("\r\n", line_end);
      if (rest != std::string::npos) out.description = table.comment.substr(rest);
    }
    if (table.primary_key.size() == 1) out.row_key = table.find_column(table.primary_key.front());
    // The copies of a reference table are written by one transaction where there is one copy.
    out.is_written =
        table.is_view() ? table.written.has_value() : placement.group.has_value() || map.shards().size() == 1;
    for (const Column& column : table.columns)
      if (is_served(column)) out.columns.push_back(describe(routed, column));
    return out;
  }
};

}  // namespace

std::vector<DescribedTable> described_tables(const ShardMap& map, const Catalogue& catalogue) {
  const Describing describing{map, catalogue, declared_keys(map)};
  std::vector<DescribedTable> tables;
  for (const auto& [name, table] : catalogue.tables)
    if (const auto* placement = table.is_view() ? map.find_view(name) : map.find_table(name))
      tables.push_back(describing.describe(table, *placement));
  return tables;
}

}  // namespace shardplex
