#include "tests/integration/request_generator.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>
#include <vector>

#include "tests/integration/request_text.hpp"

namespace shardplex::integration {
namespace {

/// One filter as a parameter, as an item of and()/or(), and as SQL.
struct FilterText {
  std::string key, value;  // col=op.value
  std::string in_tree;     // col.op.value
  std::string sql;
};

struct FieldText {
  std::string url, sql, output_name;
  Kind kind;
  const SampleColumn* column;
};

const SampleTable& any_table(const SampleDatabase& database, Random& random) {
  unsigned all = 0;
  for (const auto& table : database.tables) all += table.weight;
  auto choice = random.below(all);
  std::size_t at = 0;
  while (choice >= database.tables[at].weight) choice -= database.tables[at++].weight;
  const auto& table = *database.tables[at].table;
  if (table.left_out) throw LeftOut(table.name);
  return table;
}

/// {"a","b"} of PostgreSQL.
std::string array_text(const std::vector<std::string>& elements) {
  std::string out = "{";
  for (const auto& element : elements) out += (out.size() > 1 ? "," : "") + url_quoted(element);
  return out + '}';
}

class Generator {
 public:
  /// `computed`: that many of 100 columns are named by their functions (computed_name()).
  Generator(Random& random, const SampleDatabase& database, unsigned computed = 0)
      : random_(random), computed_(computed), table_(&any_table(database, random)) {}

  ReadRequest make_groups() {
    if (chance(random_, 8)) request_.method = "HEAD";
    add_group_select();
    add_filters(false);
    if (chance(random_, 50)) add_group_order();
    // Of one row most pages are empty.
    if (!request_.may_fail && (!keys_.empty() || chance(random_, 20))) add_paging();
    add_headers(false);
    finish_groups();
    return std::move(request_);
  }

  ReadRequest make() {
    if (chance(random_, 8)) request_.method = "HEAD";
    const bool by_key = table_->primary_key.size() == 1 && chance(random_, 12);
    const std::string path = by_key ? make_row_path() : '/' + table_->name;
    if (chance(random_, 70)) add_select();
    add_filters(by_key);
    if (!by_key && (chance(random_, 60) || table_->primary_key.empty())) add_order();
    if (!by_key && !request_.may_fail) add_paging();
    add_headers(by_key);
    if (chance(random_, 3)) break_grammar();
    finish(path);
    return std::move(request_);
  }

 private:
  // ---- Fields.

  const SampleColumn& any_column() {
    const auto& column = drawn_column();
    if (column.left_out) throw LeftOut(column.name);
    return column;
  }

  const SampleColumn& drawn_column() {
    // The columns that decide routes come up more often than chance would have it.
    if (chance(random_, 15)) return table_->columns.front();
    if (!table_->list_column.empty() && chance(random_, 15))
      return *std::ranges::find(table_->columns, table_->list_column, &SampleColumn::name);
    return pick(random_, table_->columns);
  }

  std::string column_sql(const SampleColumn& column) const {
    return table_->name + '.' + sql_identifier(column.name);
  }

  FieldText plain(const SampleColumn& column) {
    if (computed_ == 0 || !chance(random_, computed_))
      return {url_name(column.name), column_sql(column), column.name, column.kind, &column};
    const auto name = computed_name(column);
    return {url_name(name), computed_sql(name), name, column.kind, &column};
  }

  std::string computed_sql(const std::string& name) const {
    return "public." + sql_identifier(name) + '(' + table_->name + ')';
  }

  FieldText json_path(const SampleColumn& column, bool as_text) {
    struct Step {
      std::string key;
      bool is_index;
    };
    static const std::vector<std::vector<Step>> paths{
        {{"a", false}},
        {{"n", false}},
        {{"b", false}, {"c", false}},
        {{"b", false}, {"c", false}, {"0", true}},
        {{"odd key", false}},
        {{"0", true}},
        {{"-1", true}},
        {{"absent", false}},
        {{"", false}},
    };
    auto field = plain(column);
    if (as_text) field.kind = Kind::text;
    if (column.kind != Kind::json && column.kind != Kind::written_json)
      field.sql = "to_jsonb(" + field.sql + ')';
    if (!as_text && column.kind == Kind::array) field.kind = Kind::json;
    const auto& path = column.kind == Kind::array ? paths[5 + random_.below(2)] : pick(random_, paths);
    for (std::size_t i = 0; i < path.size(); ++i) {
      const std::string arrow = as_text && i + 1 == path.size() ? "->>" : "->";
      field.url += arrow + (path[i].is_index || is_word(path[i].key) ? path[i].key : url_quoted(path[i].key));
      field.sql += arrow + (path[i].is_index ? path[i].key : sql_literal(path[i].key));
      if (!path[i].is_index && !path[i].key.empty()) field.output_name = path[i].key;
    }
    field.sql = '(' + field.sql + ')';
    return field;
  }

  FieldText any_field() {
    const auto& column = any_column();
    const bool has_paths =
        column.kind == Kind::json || column.kind == Kind::written_json || column.kind == Kind::array;
    return has_paths && chance(random_, 50) ? json_path(column, chance(random_, 70)) : plain(column);
  }

  // ---- Select.

  void add_select() {
    if (chance(random_, 3)) {
      parameters_.push_back("select=");
      return;
    }
    std::string url;
    std::string sql;
    for (Times items(random_, 1, 6); items.next();) {
      if (!url.empty()) url += ',';
      if (!sql.empty()) sql += ", ";
      if (chance(random_, 5)) {
        url += '*';
        sql += all_columns();
      } else {
        add_select_item(url, sql);
      }
    }
    parameters_.push_back("select=" + encoded(url, random_));
    columns_ = sql;
  }

  void add_select_item(std::string& url, std::string& sql) {
    static const std::vector<std::string> aliases{"alias", "x1", "Ünï", "A B", "id", "odd\"one", "with.dot"};
    auto field = any_field();
    if (chance(random_, 1)) field = {"no_such", table_->name + ".no_such", "no_such", Kind::text, nullptr};
    std::string name = field.output_name;
    if (chance(random_, 20)) {
      name = pick(random_, aliases);
      url += url_name(name) + ':';
    }
    url += field.url;
    request_.parts_sql.push_back("SELECT " + field.sql + " FROM " + table_->name);
    if (chance(random_, 15)) {
      const auto cast = any_cast(field.kind);
      url += "::" + cast;
      field.sql = "CAST(" + field.sql + " AS " + cast + ')';
    }
    sql += field.sql + " AS " + sql_identifier(name);
    request_.parts_sql.push_back("SELECT " + field.sql + " FROM " + table_->name);
  }

  std::string any_cast(Kind kind) {
    static const std::vector<std::string> of_numbers{"text", "numeric", "double precision", "char",
                                                     "varchar"};
    static const std::vector<std::string> of_moments{"text", "varchar", "character varying"};
    static const std::vector<std::string> of_others{"text", "varchar", "character varying"};
    static const std::vector<std::string> failing{"integer", "int4", "date", "uuid", "no_such_type", "bool"};
    if (chance(random_, 15)) {
      request_.may_fail = true;
      return pick(random_, failing);
    }
    return pick(random_, kind == Kind::number ? of_numbers : kind == Kind::moment ? of_moments : of_others);
  }

  std::string all_columns() const {
    std::string sql;
    for (const auto& column : table_->columns)
      if (!column.left_out)
        sql += (sql.empty() ? "" : ", ") + column_sql(column) + " AS " + sql_identifier(column.name);
    return sql;
  }

  // ---- Groups.

  void add_group_select() {
    std::string url;
    Times keys(random_, 0, 4), aggregates(random_, 1, 3);
    while (keys.next()) add_group_key(url);
    while (aggregates.next()) add_aggregate(url);
    parameters_.push_back("select=" + encoded(url, random_));
  }

  void add_item(std::string& url, const std::string& item_url, const std::string& sql,
                const std::string& name) {
    url += (url.empty() ? "" : ",") + item_url;
    columns_ += (columns_.empty() ? "" : ", ") + sql + " AS " + sql_identifier(name);
  }

  FieldText groupable_field() {
    for (;;) {
      auto field = any_field();
      const bool has_order =
          field.kind != Kind::range && field.kind != Kind::search && field.kind != Kind::other;
      if (field.kind == Kind::written_json && !chance(random_, 10)) continue;
      if (has_order && field.column->groups_one_way) return field;
    }
  }

  /// An alias, or a path, groups by the value; otherwise its column does, whatever it is cast to.
  void add_group_key(std::string& url) {
    auto field = groupable_field();
    const bool is_path = field.sql.front() == '(', has_alias = chance(random_, 25);
    const std::string name = has_alias ? "k" + std::to_string(keys_.size()) : field.output_name;
    std::string item = (has_alias ? name + ':' : "") + field.url, shown = field.sql, key = field.sql;
    if (chance(random_, 15)) {
      const auto cast = any_cast(field.kind);
      item += "::" + cast;
      shown = "CAST(" + field.sql + " AS " + cast + ')';
      if (has_alias || is_path) key = shown;
    }
    add_item(url, item, shown, name);
    request_.parts_sql.push_back("SELECT " + shown + " FROM " + table_->name + " GROUP BY " + key);
    if (!is_path && key == field.sql) plain_keys_.push_back(field);
    keys_.push_back(key);
  }

  void add_aggregate(std::string& url) {
    if (chance(random_, 25)) return add_item(url, "n:count()", "count(*)", "n");
    static const std::vector<std::string> functions{"count", "sum", "avg", "min", "max"};
    auto name = pick(random_, functions);
    auto field = aggregated_field(name);
    std::string item = field.url, argument = field.sql;
    const bool is_float = field.column->type == "double precision" || field.column->type == "real";
    if (is_float && (name == "sum" || name == "avg")) {
      // Sums of floats depend on the order of the rows.
      item += "::numeric";
      argument = "CAST(" + argument + " AS numeric)";
    } else if (name != "sum" && name != "avg" && chance(random_, 15)) {
      const std::string cast = field.kind == Kind::number ? "numeric" : "text";
      item += "::" + cast;
      argument = "CAST(" + argument + " AS " + cast + ')';
    }
    std::string sql = name + '(' + argument + ')';
    item += '.' + name + "()";
    if (chance(random_, 15)) {
      const bool may_fail = chance(random_, 30);
      request_.may_fail |= may_fail;
      const std::string cast = may_fail ? "int4" : "text";
      item += "::" + cast;
      sql = "CAST(" + sql + " AS " + cast + ')';
    }
    request_.parts_sql.push_back("SELECT " + sql + " FROM " + table_->name);
    add_item(url, item, sql, name);
  }

  FieldText aggregated_field(const std::string& function) {
    const bool sums = function == "sum" || function == "avg";
    for (;;) {
      auto field = any_field();
      // Over several shards it is refused before anybody is asked whether an enum has a sum.
      if (sums && field.kind == Kind::enumeration) continue;
      if (function == "count" || chance(random_, 2)) return field;
      const bool is_duration = field.column->type == "interval" || field.column->type == "time";
      if (sums ? field.kind == Kind::number || is_duration
               : field.kind <= Kind::enumeration && field.kind != Kind::boolean &&
                     field.column->groups_one_way)
        return field;
    }
  }

  void add_group_order() {
    const bool by_key = !chance(random_, 10);
    if (by_key && plain_keys_.empty()) return;
    const auto field = by_key ? pick(random_, plain_keys_) : sortable_field(100);
    const auto is_of_it = [&](const FieldText& key) { return key.column == field.column; };
    // A place inside a key is refused.
    if (!by_key && field.sql.front() == '(' && std::ranges::any_of(plain_keys_, is_of_it)) return;
    const bool descending = chance(random_, 50);
    parameters_.push_back("order=" + encoded(field.url + (descending ? ".desc" : ""), random_));
    order_ = field.sql + (descending ? " DESC, " : ", ");
    // The router knows by itself what groups cannot be ordered by, and PostgreSQL looks for it last.
    if (!by_key)
      request_.parts_sql.push_back("SELECT count(*) FROM " + table_->name + " ORDER BY " + field.sql);
  }

  bool has_primary_key() const {
    return !table_->primary_key.empty() &&
           std::ranges::all_of(table_->primary_key, [&](const std::string& name) {
             return std::ranges::any_of(plain_keys_,
                                        [&](const FieldText& key) { return key.output_name == name; });
           });
  }

  void finish_groups() {
    shuffle(parameters_, random_);
    request_.target = '/' + table_->name;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      request_.target += (i == 0 ? '?' : '&') + parameters_[i];
    std::string keys;
    for (const auto& key : keys_) keys += (keys.empty() ? "" : ", ") + key;
    if (has_primary_key())
      for (const auto& column : table_->primary_key)
        order_ += table_->name + '.' + sql_identifier(column) + ", ";
    else if (!keys.empty())
      order_ += keys + ", ";
    const std::string from = " FROM " + table_->name + where_, by = keys.empty() ? "" : " GROUP BY " + keys;
    request_.rows_sql = "SELECT " + columns_ + from + by +
                        (order_.empty() ? "" : " ORDER BY " + order_.substr(0, order_.size() - 2)) + page_;
    request_.count_sql = "SELECT count(*)" + from;
    request_.groups = true;
  }

  // ---- Filters.

  std::string any_value(const FieldText& field) {
    static const std::vector<std::string> odd{"abc",  "",  "1.5", "99999999999999999999",
                                              "null", "{", "'",   "[1,"};
    if (chance(random_, 2)) return pick(random_, odd);
    if (field.column == nullptr || field.column->values.empty()) return "1";
    const bool is_path = field.sql.front() == '(';
    if (!is_path) return pick(random_, field.column->values);
    static const std::vector<std::string> json_values{"1", "10.50", "null", "\"Z\"", "[]", "{\"d\": null}"};
    static const std::vector<std::string> json_texts{"1", "10.50", "Z", "é", "x", ""};
    return pick(random_, field.kind == Kind::json ? json_values : json_texts);
  }

  std::vector<std::string> any_values(const FieldText& field) {
    std::vector<std::string> values;
    const bool is_empty = chance(random_, 5);
    for (Times each(random_, is_empty ? 0 : 1, is_empty ? 1 : 5); each.next();)
      values.push_back(any_value(field));
    return values;
  }

  FilterText any_filter() {
    auto field = any_field();
    if (chance(random_, 1)) field = {"no_such", table_->name + ".no_such", "no_such", Kind::text, nullptr};
    FilterText filter;
    std::string operation;  // with its dot
    std::string value;      // as a parameter has it
    std::string tree_value;
    choose_operation(field, operation, value, tree_value, filter.sql);
    add_part(filter.sql);
    const bool negated = chance(random_, 15);
    if (negated) filter.sql = "NOT (" + filter.sql + ')';
    filter.key = field.url;
    filter.value = (negated ? "not." : "") + operation + value;
    filter.in_tree = field.url + '.' + (negated ? "not." : "") + operation + tree_value;
    return filter;
  }

  void add_part(const std::string& condition) {
    request_.parts_sql.push_back("SELECT FROM " + table_->name + " WHERE " + condition);
  }

  void choose_operation(const FieldText& field, std::string& operation, std::string& value,
                        std::string& tree_value, std::string& sql) {
    const auto simple = [&](const std::string& name, const std::string& sql_operator,
                            const std::string& literal, const std::string& sql_value) {
      operation = name + '.';
      value = literal;
      const bool is_flat_array =
          literal.starts_with('{') && literal.find_first_of("{}", 1) == literal.size() - 1;
      tree_value = (is_word(literal) || is_flat_array) && chance(random_, 50) ? literal : url_quoted(literal);
      sql = field.sql + ' ' + sql_operator + ' ' + sql_value;
    };
    const auto choice = random_.below(100);
    if (choice < 10) return choose_is(field, operation, value, tree_value, sql);
    if (choice < 25) return choose_in(field, operation, value, tree_value, sql);
    if (choice < 32) {
      const auto literal = any_value(field);
      return simple("isdistinct", "IS DISTINCT FROM", literal, sql_literal(literal));
    }
    if ((field.kind == Kind::text && choice < 38) || (field.kind == Kind::search && choice < 80))
      return choose_full_text(field, operation, value, tree_value, sql);
    if (field.kind == Kind::text && choice < 62) return choose_text_operation(simple);
    if (field.kind == Kind::array || field.kind == Kind::json || field.kind == Kind::range) {
      if (choice < 70) return choose_containment(field, simple);
    }
    static const std::vector<std::pair<std::string, std::string>> comparisons{
        {"eq", "="}, {"eq", "="}, {"gt", ">"}, {"gte", ">="}, {"lt", "<"}, {"lte", "<="}, {"neq", "<>"}};
    const auto& [name, sql_operator] = pick(random_, comparisons);
    if (name != "neq" && field.kind < Kind::array && chance(random_, 15)) {
      const bool any = chance(random_, 60);
      const auto literal = array_text(any_values(field));
      return simple(name + (any ? "(any)" : "(all)"), sql_operator, literal,
                    (any ? "ANY (" : "ALL (") + sql_literal(literal) + ')');
    }
    const auto literal = any_value(field);
    simple(name, sql_operator, literal, sql_literal(literal));
  }

  void choose_is(const FieldText& field, std::string& operation, std::string& value, std::string& tree_value,
                 std::string& sql) {
    static const std::vector<std::string> for_all{"null", "not_null", "NULL"};
    static const std::vector<std::string> for_booleans{"true", "false", "unknown", "null"};
    value = tree_value =
        pick(random_, field.kind == Kind::boolean || chance(random_, 3) ? for_booleans : for_all);
    operation = "is.";
    sql = field.sql + " IS " + (value == "not_null" ? "NOT NULL" : value);
  }

  void choose_in(const FieldText& field, std::string& operation, std::string& value, std::string& tree_value,
                 std::string& sql) {
    if (field.kind == Kind::array || field.kind == Kind::written_json)
      return choose_is(field, operation, value, tree_value, sql);
    const auto values = any_values(field);
    operation = "in.";
    std::string list;
    for (const auto& each : values) {
      value += (value.empty() ? "" : ",") + (is_word(each) && chance(random_, 60) ? each : url_quoted(each));
      list += (list.empty() ? "" : ", ") + sql_literal(each);
    }
    value = tree_value = '(' + value + ')';
    sql = field.sql + (list.empty() ? " = ANY ('{}')" : " IN (" + list + ')');
  }

  template <class Simple>
  void choose_text_operation(const Simple& simple) {
    static const std::vector<std::string> patterns{"*", "The*", "*river*", "a",  "*a*",
                                                   "_", "%e%",  "*\\%",    "*,*"};
    static const std::vector<std::string> expressions{"^a", "river|city", "[A-Z]", "\\s", ".", "é", "x*$"};
    const bool like = chance(random_, 60), insensitive = chance(random_, 40);
    const std::string name = like ? (insensitive ? "ilike" : "like") : (insensitive ? "imatch" : "match");
    const std::string sql_operator = like ? (insensitive ? "ILIKE" : "LIKE") : (insensitive ? "~*" : "~");
    if (chance(random_, 4)) {
      request_.may_fail = true;
      return simple("match", "~", "(", sql_literal("("));
    }
    const auto percent = [&](const std::string& text) { return like ? replaced(text, "*", "%") : text; };
    if (chance(random_, 15)) {
      const bool any = chance(random_, 60);
      const auto& from = like ? patterns : expressions;
      const auto literal = array_text({pick(random_, from), pick(random_, from)});
      return simple(name + (any ? "(any)" : "(all)"), sql_operator, literal,
                    (any ? "ANY (" : "ALL (") + sql_literal(percent(literal)) + ')');
    }
    const auto& pattern = pick(random_, like ? patterns : expressions);
    simple(name, sql_operator, pattern, sql_literal(percent(pattern)));
  }

  void choose_full_text(const FieldText& field, std::string& operation, std::string& value,
                        std::string& tree_value, std::string& sql) {
    struct Function {
      std::string name, sql;
      std::vector<std::string> queries;
    };
    static const std::vector<Function> functions{
        {"fts", "to_tsquery", {"river", "golden & river", "'city'", "silent | rules", "!river"}},
        {"plfts", "plainto_tsquery", {"golden rivers", "the"}},
        {"phfts", "phraseto_tsquery", {"golden river", "river of gold"}},
        {"wfts", "websearch_to_tsquery", {"golden -rules", "\"silent city\" or gold"}}};
    static const std::vector<std::string> languages{"", "english", "simple"};
    const auto& function = pick(random_, functions);
    const auto& language = pick(random_, languages);
    const auto configuration = language.empty() ? "" : sql_literal(language) + ", ";
    operation = function.name + (language.empty() ? "" : '(' + language + ')') + '.';
    value = pick(random_, function.queries);
    tree_value = url_quoted(value);
    sql = (field.kind == Kind::search ? field.sql : "to_tsvector(" + configuration + field.sql + ')') +
          " @@ " + function.sql + '(' + configuration + sql_literal(value) + ')';
  }

  template <class Simple>
  void choose_containment(const FieldText& field, const Simple& simple) {
    static const std::vector<std::pair<std::string, std::string>> of_sets{
        {"cs", "@>"}, {"cd", "<@"}, {"ov", "&&"}};
    static const std::vector<std::pair<std::string, std::string>> of_ranges{
        {"sl", "<<"}, {"sr", ">>"}, {"nxr", "&<"}, {"nxl", "&>"}, {"adj", "-|-"}};
    static const std::vector<std::string> documents{R"({"a": 1})", R"({"b": {"c": []}})", "{}", "[1]"};
    const auto& from = field.kind == Kind::range && chance(random_, 60) ? of_ranges : of_sets;
    const auto& [name, sql_operator] = pick(random_, from);
    const auto literal = field.kind == Kind::json ? pick(random_, documents) : any_value(field);
    simple(name, sql_operator, literal, sql_literal(literal));
  }

  /// A filter, or a tree of them `depth` deep at most, as an item of a tree.
  void tree_item(std::size_t depth, std::string& url, std::string& sql) {
    if (depth == 0 || chance(random_, 65)) {
      const auto filter = any_filter();
      url = filter.in_tree;
      sql = '(' + filter.sql + ')';
      return;
    }
    std::string inside;
    const bool either = chance(random_, 50), negated = chance(random_, 15);
    tree(depth - 1, either, inside, sql);
    url = std::string(negated ? "not." : "") + (either ? "or" : "and") + inside;
    if (negated) sql = "NOT " + sql;
  }

  /// "(item,item)" and its SQL in parentheses.
  void tree(std::size_t depth, bool either, std::string& url, std::string& sql) {
    for (Times items(random_, 1, 3); items.next();) {
      std::string item_url, item_sql;
      tree_item(depth, item_url, item_sql);
      url += (url.empty() ? "" : ",") + item_url;
      sql += (sql.empty() ? "" : either ? " OR " : " AND ") + item_sql;
    }
    url = '(' + url + ')';
    sql = '(' + sql + ')';
  }

  void add_condition(const std::string& sql) {
    where_ += (where_.empty() ? " WHERE " : " AND ") + ('(' + sql + ')');
  }

  void add_filters(bool by_key) {
    const std::uint64_t least = by_key && chance(random_, 15) ? 1 : 0;
    for (Times filters(random_, least, by_key ? 1 : 4); filters.next();) {
      if (chance(random_, 75)) {
        const auto filter = any_filter();
        parameters_.push_back(encoded(filter.key, random_) + '=' + encoded(filter.value, random_));
        add_condition(filter.sql);
        continue;
      }
      const bool either = chance(random_, 70), negated = chance(random_, 15);
      std::string url, sql;
      tree(2, either, url, sql);
      parameters_.push_back(std::string(negated ? "not." : "") + (either ? "or=" : "and=") +
                            encoded(url, random_));
      add_condition(negated ? "NOT " + sql : sql);
    }
  }

  std::string make_row_path() {
    const auto& key = table_->columns.front();
    static const std::vector<std::string> odd{"abc", "99999999999999999999", " 7 ", "0007", "-0", "1.0"};
    const auto value = chance(random_, 15) ? pick(random_, odd) : pick(random_, key.values);
    request_.row = request_.object = !value.empty();
    add_condition(column_sql(key) + " = " + sql_literal(value));
    add_part(column_sql(key) + " = " + sql_literal(value));
    if (!value.empty()) return '/' + table_->name + '/' + percent_encode(value);
    parameters_.push_back(key.name + "=eq.");
    return '/' + table_->name;
  }

  // ---- Order and paging.

  void add_order() {
    std::string url;
    for (Times terms(random_, 1, 3); terms.next();) {
      const auto field = sortable_field(50);
      url += (url.empty() ? "" : ",") + field.url;
      order_ += field.sql;
      const auto direction = random_.below(3);
      if (direction > 0) {
        url += direction == 1 ? ".asc" : ".desc";
        order_ += direction == 1 ? " ASC" : " DESC";
      }
      const auto nulls = random_.below(3);
      if (nulls > 0) {
        url += nulls == 1 ? ".nullsfirst" : ".nullslast";
        order_ += nulls == 1 ? " NULLS FIRST" : " NULLS LAST";
      }
      order_ += ", ";
    }
    for (const auto& column : table_->told_apart_by) {
      url += ',' + url_name(column);
      order_ += table_->name + '.' + sql_identifier(column) + ", ";
    }
    parameters_.push_back("order=" + encoded(url, random_));
  }

  /// `as_text`: how many of 100 that are of json are text out of it.
  FieldText sortable_field(unsigned as_text) {
    for (;;) {
      const auto& column = any_column();
      if (column.kind == Kind::json)
        return !chance(random_, as_text) && chance(random_, 40) ? plain(column)
                                                                : json_path(column, chance(random_, as_text));
      if (column.sortable()) return plain(column);
    }
  }

  /// Not where a row may fail the request, since a page may or may not reach that row.
  void add_paging() {
    constexpr auto greatest = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t first = 0, end = greatest, before = 0;
    if (chance(random_, 3)) {
      before = 1 + random_.below(20);
      parameters_.push_back("offset=-" + std::to_string(before));
    } else if (chance(random_, 30)) {
      first = chance(random_, 5) ? 100'000 : random_.below(30);
      parameters_.push_back("offset=" + std::to_string(first));
    }
    if (chance(random_, 40)) {
      const std::uint64_t limit = chance(random_, 10) ? 1500 : random_.below(30);
      parameters_.push_back("limit=" + std::to_string(limit));
      end = first + limit;
      if (limit > 0 && limit <= before) request_.refusal = "PGRST103";
      end -= std::min(before, limit);
    }
    if (chance(random_, 10) && end != first) {
      const auto from = random_.below(20), to = from + random_.below(20);
      const bool open = chance(random_, 30);
      request_.headers.emplace_back("Range", std::to_string(from) + '-' + (open ? "" : std::to_string(to)));
      request_.headers.emplace_back("Range-Unit", "items");
      if (request_.method == "HEAD") return end_paging(first, end);  // Range is for GET alone
      first = std::max<std::uint64_t>(first, from);
      if (!open) end = std::min<std::uint64_t>(end, to + 1);
      if (first >= end) request_.refusal = "PGRST103";
    }
    end_paging(first, end);
  }

  void end_paging(std::uint64_t first, std::uint64_t end) {
    constexpr auto greatest = std::numeric_limits<std::uint64_t>::max();
    request_.offset = first;
    if (end != greatest && end >= first) page_ += " LIMIT " + std::to_string(end - first);
    page_ += " OFFSET " + std::to_string(first);
  }

  // ---- The whole.

  void add_headers(bool by_key) {
    if (chance(random_, 25)) request_.headers.emplace_back("Shardplex-Consistency", "strong");
    if (!by_key && chance(random_, 8)) {
      request_.headers.emplace_back("Accept", "application/vnd.pgrst.object+json");
      request_.object = true;
    }
    if (chance(random_, 30)) {
      request_.headers.emplace_back("Prefer", "count=exact, partial=allow");  // no shard is missing
      request_.counts = true;
    }
  }

  void break_grammar() {
    static const std::vector<std::string> broken{"name=foo.x",       "name=eq",        "order=name.up",
                                                 "limit=x",          "select=a%22b",   "or=(name.eq.a",
                                                 "name=in.a",        "name=is.maybe",  "and=()",
                                                 "name=eq(some).{}", "name=not.eqq.1", "select=name,,id"};
    static const std::vector<std::pair<std::string, std::string>> refused{
        {"after=5", "SHARD400"}, {"order=nothing(score)", "PGRST108"}};
    if (chance(random_, 70)) {
      parameters_.push_back(pick(random_, broken));
      request_.refusal = "PGRST100";
    } else {
      // In front, since of several select or order the first counts.
      const auto& [parameter, code] = pick(random_, refused);
      parameters_.insert(parameters_.begin(), parameter);
      request_.refusal = code;
    }
  }

  void finish(const std::string& path) {
    // A parameter's place says nothing, but for select, order, limit and offset given twice.
    if (!request_.refusal) shuffle(parameters_, random_);
    request_.target = path;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      request_.target += (i == 0 ? '?' : '&') + parameters_[i];
    for (const auto& column : table_->primary_key)
      order_ += table_->name + '.' + sql_identifier(column) + ", ";
    const std::string from = " FROM " + table_->name + where_;
    request_.rows_sql = "SELECT " + (columns_.empty() ? all_columns() : columns_) + from + " ORDER BY " +
                        order_.substr(0, order_.size() - 2) + page_;
    request_.count_sql = "SELECT count(*)" + from;
  }

  Random& random_;
  unsigned computed_;
  const SampleTable* table_;
  ReadRequest request_;
  std::vector<std::string> parameters_;
  std::string columns_, where_, order_, page_;
  std::vector<std::string> keys_;      // of groups
  std::vector<FieldText> plain_keys_;  // those that are columns
};

const SampleDatabase& sample_tables() {
  static const SampleDatabase tables{
      .tables = {{&sample_movies(), 75}, {&sample_ratings(), 15}, {&sample_genres(), 10}}};
  return tables;
}

}  // namespace

std::string ReadRequest::describe() const {
  std::string text = method + ' ' + target;
  for (const auto& [name, value] : headers) text += "\n  " + name + ": " + value;
  return text + "\n  " + (refusal ? "refused with " + *refusal : rows_sql);
}

ReadRequest read_of(const SampleDatabase& database, Random& random) {
  return Generator(random, database).make();
}

ReadRequest group_read_of(const SampleDatabase& database, Random& random) {
  return Generator(random, database).make_groups();
}

ReadRequest computed_read_of(const SampleDatabase& database, Random& random, bool groups) {
  constexpr unsigned computed = 60;
  Generator generator(random, database, computed);
  return groups ? generator.make_groups() : generator.make();
}

ReadRequest make_read(std::uint64_t seed) {
  Random random(seed);
  return read_of(sample_tables(), random);
}

ReadRequest make_group_read(std::uint64_t seed) {
  Random random(seed);
  return group_read_of(sample_tables(), random);
}

ReadRequest make_computed_read(std::uint64_t seed) {
  Random random(seed);
  return computed_read_of(sample_tables(), random, seed % 3 == 0);
}

}  // namespace shardplex::integration
