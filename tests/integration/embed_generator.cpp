#include "tests/integration/embed_generator.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "tests/integration/related_tables.hpp"
#include "tests/integration/request_text.hpp"

namespace shardplex::integration {
namespace {

struct Item {
  std::string sql, name;
};

/// Whether shards make an embed by themselves, with all that is in it. Any other is looked up, which cannot
/// answer as much.
struct Locality {
  bool by_hash = true, by_genre = true;
  void operator&=(const Locality& other) {
    by_hash = by_hash && other.by_hash;
    by_genre = by_genre && other.by_genre;
  }
};

/// What is asked of one table's rows, in SQL over its alias.
struct NodeSql {
  std::string from;         // "table" AS alias, and laterals
  std::vector<Item> items;  // as a row shows them
  std::string where;        // conditions, each in parentheses
  std::string order, page;
  Locality embeds;            // of all of them
  std::vector<Item> columns;  // those of the items that are columns with an order
};

std::string both(std::string left, const std::string& right) {
  if (right.empty()) return left;
  return left.empty() ? '(' + right + ')' : left + " AND (" + right + ')';
}

std::string listed(const std::vector<Item>& items) {
  std::string list;
  for (const auto& item : items)
    list += (list.empty() ? "" : ", ") + item.sql + " AS " + sql_identifier(item.name);
  return list;
}

std::string select(const std::vector<Item>& items, const NodeSql& node, const std::string& also_from,
                   const std::string& also_where) {
  const auto where = both(also_where, node.where);
  return "SELECT " + listed(items) + " FROM " + also_from + node.from +
         (where.empty() ? "" : " WHERE " + where) + (node.order.empty() ? "" : " ORDER BY " + node.order) +
         node.page;
}

class EmbedGenerator {
 public:
  EmbedGenerator(Random& random, const SampleDatabase& database)
      : random_(random), database_(database), by_genre_(database.by_genre) {}

  ReadRequest make() {
    const auto& table = any_root();
    if (chance(random_, 5)) request_.method = "HEAD";
    std::string select_text;
    auto root = node(table, "", 0, {}, select_text);
    parameters_.insert(parameters_.begin(), "select=" + encoded(select_text, random_));
    finish(table, root);
    return std::move(request_);
  }

 private:
  const SampleTable& any_root() {
    std::vector<const SampleTable*> roots;
    for (const auto& [table, weight] : database_.tables) roots.insert(roots.end(), weight, table);
    const auto& table = *pick(random_, roots);
    if (table.left_out) throw LeftOut(table.name);
    return table;
  }

  // ---- Columns.

  static bool can_be_asked(const SampleColumn& column) {
    return column.kind <= Kind::boolean || column.kind == Kind::moment || column.kind == Kind::uuid;
  }

  const SampleColumn& comparable_column(const SampleTable& table) {
    while (true) {
      const auto& column = pick(random_, table.columns);
      if (column.left_out) throw LeftOut(column.name);
      if (can_be_asked(column)) return column;
    }
  }

  static std::string column_sql(const std::string& alias, const std::string& column) {
    return alias + '.' + sql_identifier(column);
  }

  /// `unique`: under a name that no other member of a spread has.
  void add_column(const SampleTable& table, const std::string& alias, bool unique, std::string& url,
                  NodeSql& node) {
    const auto& column = pick(random_, table.columns);
    if (column.left_out) throw LeftOut(column.name);
    Item item{column_sql(alias, column.name), column.name};
    const bool aliased = unique || chance(random_, 15);
    if (aliased) {
      item.name = "n" + std::to_string(++names_);
      url += item.name + ':';
    }
    url += url_name(column.name);
    const std::string plain = item.sql;
    if (column.kind == Kind::json && chance(random_, 50)) {
      url += "->a";
      item.sql = '(' + item.sql + "->'a')";
      if (!aliased) item.name = "a";
    } else if (column.kind == Kind::number && chance(random_, 15)) {
      url += "::text";
      item.sql += "::text";
    }
    if (item.sql == plain && can_be_asked(column)) node.columns.push_back(item);
    node.items.push_back(std::move(item));
  }

  static void add_every_column(const SampleTable& table, const std::string& alias, std::vector<Item>& items) {
    for (const auto& column : table.columns)
      if (!column.left_out) items.push_back({column_sql(alias, column.name), column.name});
  }

  static void add_all_columns(const SampleTable& table, const std::string& alias,
                              std::vector<Item>& columns) {
    for (const auto& column : table.columns)
      if (can_be_asked(column) && !column.left_out)
        columns.push_back({column_sql(alias, column.name), column.name});
  }

  void add_columns(const SampleTable& table, const std::string& alias, bool unique, std::string& url,
                   NodeSql& node) {
    if (!unique && chance(random_, 20)) {
      url += '*';
      add_every_column(table, alias, node.items);
      add_all_columns(table, alias, node.columns);
      return;
    }
    for (Times columns(random_, 1, 3); columns.next();) {
      if (!url.empty()) url += ',';
      add_column(table, alias, unique, url, node);
    }
  }

  // ---- Filters.

  struct FilterText {
    std::string key, value, sql;
  };

  /// `embeds`: the names of the node's embeds. What is asked of one is not asked of a column of its name.
  FilterText any_filter(const SampleTable& table, const std::string& alias,
                        const std::set<std::string>& embeds) {
    static const std::vector<std::pair<std::string, std::string>> comparisons{
        {"eq", "="}, {"eq", "="}, {"gt", ">"}, {"gte", ">="}, {"lt", "<"}, {"lte", "<="}, {"neq", "<>"}};
    const auto& column = comparable_column(table);
    const auto sql = column_sql(alias, column.name);
    FilterText filter{url_name(column.name), "", ""};
    const bool negated = chance(random_, 10);
    if (chance(random_, 15) && !embeds.contains(column.name)) {
      filter.value = "is.null";
      filter.sql = sql + " IS NULL";
    } else if (chance(random_, 25)) {
      for (int i = 0; i < 4; ++i) {
        const auto& value = pick(random_, column.values);
        filter.value += (i == 0 ? "in.(" : ",") + url_quoted(value);
        filter.sql += (i == 0 ? sql + " IN (" : ", ") + sql_literal(value);
      }
      filter.value += ')';
      filter.sql += ')';
    } else {
      const auto& [name, sql_operator] = pick(random_, comparisons);
      const auto& value = pick(random_, column.values);
      filter.value = name + '.' + value;
      filter.sql = sql + ' ' + sql_operator + ' ' + sql_literal(value);
    }
    if (!negated) return filter;
    return {filter.key, "not." + filter.value, "NOT (" + filter.sql + ')'};
  }

  void add_parameter(const std::string& path, const std::string& key, const std::string& value) {
    parameters_.push_back(encoded(path + key, random_) + '=' + encoded(value, random_));
  }

  void add_filters(const SampleTable& table, const std::string& path, const std::string& alias,
                   const std::set<std::string>& embeds, NodeSql& node) {
    const bool has_none = chance(random_, 55);
    for (Times filters(random_, has_none ? 0 : 1, has_none ? 1 : 2); filters.next();) {
      const auto filter = any_filter(table, alias, embeds);
      add_parameter(path, filter.key, filter.value);
      node.where = both(node.where, filter.sql);
    }
  }

  // ---- Embeds.

  /// An embed of the node, as SQL sees it.
  struct Embedded {
    std::string name;      // in parameters
    std::string has_rows;  // a condition of the node
    const SampleRelation* relation;
    Locality locality;
    std::string order_from;     // a SELECT of its row, of a value for which "?" stands
    std::vector<Item> columns;  // by which it can be ordered, as it shows them
  };

  std::vector<const SampleRelation*> relations_from(const SampleTable& table) const {
    std::vector<const SampleRelation*> found;
    for (const auto& relation : database_.relations)
      if (relation.from == &table && (relation.in_genre_map || !by_genre_)) found.push_back(&relation);
    return found;
  }

  /// The request asks for what only a shard can do by itself.
  void require(const Locality& locality) {
    if (!locality.by_hash) request_.refusal = "SHARD400";
    if (by_genre_ && !locality.by_genre) request_.refusal_over_shards = "SHARD400";
  }

  /// In CSV it does: values of one row, which are looked up as JSON, would be members of the answer's row.
  void require_in_csv(const Locality& locality) {
    if (!locality.by_hash) request_.refusal_in_csv = "SHARD400";
    if (by_genre_ && !locality.by_genre) request_.refusal_in_csv_over_shards = "SHARD400";
  }

  /// nullptr: none came up.
  const SampleRelation* any_relation(const std::vector<const SampleRelation*>& relations) {
    for (int i = 0; i < 5 && !relations.empty(); ++i) {
      const auto* relation = pick(random_, relations);
      const bool local = by_genre_ ? relation->local_by_genre : relation->local_by_hash;
      if (!local && !chance(random_, 60)) continue;
      if (relation->left_out) throw LeftOut(relation->spellings.front());
      return relation;
    }
    return nullptr;
  }

  /// Adds the embed's text to `url`, its lateral to the node's FROM and its items to the node's.
  Embedded add_embed(const SampleRelation& relation, const std::string& path, const std::string& alias,
                     std::size_t depth, const std::set<std::string>& taken, bool in_spread, std::string& url,
                     NodeSql& parent) {
    Embedded embedded;
    embedded.relation = &relation;
    embedded.locality = {relation.local_by_hash, relation.local_by_genre};
    const auto spelling = pick(random_, relation.spellings);
    embedded.name = spelling.substr(0, spelling.find('!'));
    const bool spread = chance(random_, 25);
    if (taken.contains(embedded.name) || in_spread || chance(random_, 25)) {
      embedded.name = "e" + std::to_string(++names_);
      url += (spread ? "..." : "") + embedded.name + ':';
    } else if (spread) {
      url += "...";
    }
    const bool inner = chance(random_, 20);
    url += spelling + (inner ? "!inner" : chance(random_, 10) ? "!left" : "") + '(';

    const std::string below = path + embedded.name + '.';
    const std::string child_alias = "t" + std::to_string(++names_);
    std::string inside;
    auto child = node(*relation.to, below, depth + 1, child_alias, inside, spread, relation.to_one);
    url += inside + ')';
    embedded.locality &= child.embeds;
    if (relation.by_function) require(embedded.locality);
    parent.embeds &= embedded.locality;
    if (spread && relation.to_one && path.empty() && !child.items.empty()) require_in_csv(embedded.locality);

    std::string from, where;
    if (relation.junction.empty()) {
      for (const auto& [mine, theirs] : relation.columns)
        where = both(where, column_sql(alias, mine) + " = " + column_sql(child_alias, theirs));
    } else {
      const std::string between = "t" + std::to_string(++names_);
      from = relation.junction + " AS " + between + ", ";
      for (const auto& [mine, theirs] : relation.columns)
        where = both(where, column_sql(alias, mine) + " = " + column_sql(between, theirs));
      for (const auto& [mine, theirs] : relation.junction_columns)
        where = both(where, column_sql(between, mine) + " = " + column_sql(child_alias, theirs));
    }
    const std::string lateral = "l" + std::to_string(++names_);
    const auto items = spread ? numbered(child.items) : child.items;
    const auto rows = '(' + select(items, child, from, where) + ") x";
    parent.from += " LEFT JOIN LATERAL (" + lateral_sql(relation.to_one, spread, child.items.size(), rows) +
                   ") " + lateral + " ON true";
    add_shown(child.items, spread, embedded.name, lateral, parent);
    embedded.has_rows = "coalesce(" + lateral + ".n, 0) > 0";
    embedded.order_from = select({{"\"?\"", "o"}}, child, from, where);
    embedded.columns = std::move(child.columns);
    if (inner) parent.where = both(parent.where, embedded.has_rows);
    return embedded;
  }

  static std::vector<Item> numbered(std::vector<Item> items) {
    for (std::size_t i = 0; i < items.size(); ++i) items[i].name = "m" + std::to_string(i);
    return items;
  }

  /// j or m0, m1, … as the row shows them, and n, how many rows there are.
  static std::string lateral_sql(bool to_one, bool spread, std::size_t members, const std::string& rows) {
    if (to_one)
      return std::string("SELECT 1 AS n") +
             (!spread       ? ", row_to_json(x) AS j"
              : members > 0 ? ", x.*"
                            : "") +
             " FROM " + rows;
    std::string list = "count(*) AS n";
    if (!spread) return "SELECT coalesce(json_agg(x), '[]'::json) AS j, " + list + " FROM " + rows;
    for (std::size_t i = 0; i < members; ++i) {
      const auto name = "m" + std::to_string(i);
      list += ", coalesce(json_agg(x." + name + "), '[]'::json) AS " + name;
    }
    return "SELECT " + list + " FROM " + rows;
  }

  static void add_shown(const std::vector<Item>& items, bool spread, const std::string& name,
                        const std::string& lateral, NodeSql& parent) {
    if (items.empty()) return;
    if (!spread) {
      parent.items.push_back({lateral + ".j", name});
      return;
    }
    for (std::size_t i = 0; i < items.size(); ++i)
      parent.items.push_back({lateral + ".m" + std::to_string(i), items[i].name});
  }

  /// Conditions that ask whether embeds have rows, alone or in a tree with a filter.
  void add_presence(const SampleTable& table, const std::string& path, const std::string& alias,
                    const std::vector<Embedded>& embeds, NodeSql& node) {
    for (const auto& embed : embeds) {
      if (!chance(random_, 20)) continue;
      const bool has = chance(random_, 50);
      const std::string sql = has ? embed.has_rows : "NOT (" + embed.has_rows + ')';
      const std::string value = has ? "not.is.null" : "is.null";
      const auto& column = table.columns.back();
      // In a tree, too, the name of an embed means its rows.
      const bool is_embed = std::ranges::find(embeds, column.name, &Embedded::name) != embeds.end();
      if (is_embed || chance(random_, 60)) {
        add_parameter(path, embed.name, value);
        node.where = both(node.where, sql);
        continue;
      }
      if (column.left_out) throw LeftOut(column.name);
      add_parameter(path, "or", '(' + embed.name + '.' + value + ',' + url_name(column.name) + ".is.null)");
      node.where = both(node.where, sql + " OR " + column_sql(alias, column.name) + " IS NULL");
    }
  }

  // ---- Order and paging.

  void add_order_term(const std::string& url, const std::string& sql, std::string& order_url, NodeSql& node) {
    static const std::vector<std::pair<std::string, std::string>> directions{
        {"", ""},
        {".desc", " DESC"},
        {".asc.nullsfirst", " ASC NULLS FIRST"},
        {".desc.nullslast", " DESC NULLS LAST"}};
    const auto& [url_direction, sql_direction] = pick(random_, directions);
    order_url += (order_url.empty() ? "" : ",") + url + url_direction;
    node.order += (node.order.empty() ? "" : ", ") + sql + sql_direction;
  }

  void add_order(const SampleTable& table, const std::string& path, const std::string& alias,
                 const std::vector<Embedded>& embeds, NodeSql& node) {
    std::string url;
    for (const auto& embed : embeds) {
      const bool is_local = embed.locality.by_hash && (!by_genre_ || embed.locality.by_genre);
      // Rows are put in order by what other shards hold where they are in no other rows.
      const bool is_served = is_local || path.empty();
      if (!embed.relation->to_one || embed.columns.empty() || !chance(random_, is_served ? 40 : 5)) continue;
      if (!path.empty()) require(embed.locality);
      const auto& column = pick(random_, embed.columns);
      const std::string by = "o" + std::to_string(++names_);
      node.from +=
          " LEFT JOIN LATERAL (" + replaced(embed.order_from, "\"?\"", column.sql) + ") " + by + " ON true";
      add_order_term(embed.name + '(' + url_name(column.name) + ')', by + ".o", url, node);
    }
    if (chance(random_, 40)) {
      const auto& column = comparable_column(table);
      add_order_term(url_name(column.name), column_sql(alias, column.name), url, node);
    }
    for (const auto& name : table.told_apart_by)
      add_order_term(url_name(name), column_sql(alias, name), url, node);
    if (!url.empty()) add_parameter(path, "order", url);
  }

  void add_paging(const std::string& path, bool often, NodeSql& node) {
    if (chance(random_, often ? 60 : 20)) {
      const auto limit = random_.below(often ? 40 : 4);
      add_parameter(path, "limit", std::to_string(limit));
      node.page += " LIMIT " + std::to_string(limit);
    }
    if (chance(random_, 15)) {
      const auto offset = random_.below(4);
      add_parameter(path, "offset", std::to_string(offset));
      node.page += " OFFSET " + std::to_string(offset);
      if (path.empty()) request_.offset = offset;
    }
  }

  // ---- Nodes.

  NodeSql node(const SampleTable& table, const std::string& path, std::size_t depth,
               const std::string& given_alias, std::string& url, bool is_spread = false,
               bool to_one = false) {
    constexpr std::size_t deepest = 3;
    const std::string alias = given_alias.empty() ? "t" + std::to_string(++names_) : given_alias;
    NodeSql node;
    node.from = table.name + " AS " + alias;
    const bool without_columns = chance(random_, depth == 0 ? 5 : 10);
    if (!without_columns) add_columns(table, alias, is_spread, url, node);
    std::vector<Embedded> embeds;
    std::set<std::string> taken;
    const auto relations = relations_from(table);
    const bool is_root = depth == 0;
    Times times(random_, is_root ? 1 : 0, is_root ? 3 : depth < deepest ? 2 : 1);
    while (times.next()) {
      const auto* relation = any_relation(relations);
      if (relation == nullptr) continue;
      if (!url.empty()) url += ',';
      embeds.push_back(add_embed(*relation, path, alias, depth, taken, is_spread, url, node));
      taken.insert(embeds.back().name);
    }
    if (url.empty() && depth == 0) {
      url = '*';
      add_every_column(table, alias, node.items);
    }
    if (url.empty()) add_all_columns(table, alias, node.columns);
    std::erase_if(node.columns, [&](const Item& column) {
      return std::ranges::count(node.items, column.name, &Item::name) > 1;
    });
    add_filters(table, path, alias, taken, node);
    add_presence(table, path, alias, embeds, node);
    add_order(table, path, alias, embeds, node);
    if (depth == 0 || !to_one)
      for (const auto& column : table.primary_key)
        node.order += (node.order.empty() ? "" : ", ") + column_sql(alias, column);
    add_paging(path, depth == 0, node);
    return node;
  }

  void finish(const SampleTable& table, const NodeSql& root) {
    if (chance(random_, 20)) {
      request_.headers.emplace_back("Prefer", "count=exact");
      request_.counts = true;
    }
    if (chance(random_, 5)) {
      request_.headers.emplace_back("Accept", "application/vnd.pgrst.object+json");
      request_.object = true;
    }
    shuffle(parameters_, random_);
    request_.target = '/' + table.name;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      request_.target += (i == 0 ? '?' : '&') + parameters_[i];
    request_.rows_sql = select(root.items, root, "", "");
    request_.count_sql =
        "SELECT count(*) FROM " + root.from + (root.where.empty() ? "" : " WHERE " + root.where);
  }

  Random& random_;
  const SampleDatabase& database_;
  bool by_genre_;
  ReadRequest request_;
  std::vector<std::string> parameters_;
  std::size_t names_ = 0;
};

SampleDatabase make_tables_with_relations(bool by_genre) {
  SampleDatabase database{.tables = {{&sample_movies(), 3}, {&sample_ratings(), 1}, {&sample_genres(), 1}},
                          .relations = sample_relations(),
                          .by_genre = by_genre};
  for (const auto* table : related_tables(by_genre)) database.tables.push_back({table, 1});
  for (const auto* view : related_views(by_genre)) database.tables.push_back({view, 1});
  return database;
}

const SampleDatabase& tables_with_relations(bool by_genre) {
  static const SampleDatabase hash = make_tables_with_relations(false),
                              genre = make_tables_with_relations(true);
  return by_genre ? genre : hash;
}

}  // namespace

ReadRequest embedding_read_of(const SampleDatabase& database, Random& random) {
  return EmbedGenerator(random, database).make();
}

ReadRequest make_embedding_read(std::uint64_t seed, bool by_genre) {
  Random random(seed);
  return embedding_read_of(tables_with_relations(by_genre), random);
}

}  // namespace shardplex::integration
