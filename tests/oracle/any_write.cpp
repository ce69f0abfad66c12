#include "tests/oracle/any_write.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <utility>
#include <vector>

#include "tests/integration/request_text.hpp"

namespace shardplex::oracle {
namespace {

using integration::chance;
using integration::Kind;
using integration::LeftOut;
using integration::pick;
using integration::sql_identifier;
using integration::sql_literal;
using integration::Times;

class WriteMaker {
 public:
  WriteMaker(const Schema& schema, Random& random) : WriteMaker(any_place(schema, random), random) {}

  Write make() {
    write_.table = stored_.name;
    write_.contents_sql = array_sql(columns_of(stored_), "public." + stored_.name, stored_.primary_key);
    write_.target = '/' + table_.name;
    switch (random_.below(3)) {
      case 0:
        insert();
        break;
      case 1:
        update();
        break;
      default:
        remove();
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      write_.target += (i == 0 ? '?' : '&') + parameters_[i];
    return std::move(write_);
  }

 private:
  /// A table, or a view that is written through, and the table that then has the rows.
  struct Place {
    const SampleTable *written, *stored;
  };

  WriteMaker(const Place& place, Random& random)
      : random_(random),
        table_(*place.written),
        stored_(*place.stored),
        row_key_(table_.primary_key.empty() ? table_.told_apart_by : table_.primary_key) {}

  /// One of those that have slots: reference tables are written by `shardplex load`.
  static Place any_place(const Schema& schema, Random& random) {
    std::vector<Place> places;
    for (const auto& table : schema.tables)
      if (table.group) places.push_back({&table.sample, &table.sample});
    for (const auto& view : schema.views)
      if (const auto& table = schema.tables[view.table]; table.group)
        places.push_back({&view.sample, &table.sample});
    const auto& place = pick(random, places);
    if (place.written->left_out) throw LeftOut(place.written->name);
    return place;
  }

  // ---- Values.

  /// What no row has.
  std::string new_value(const SampleColumn& column) {
    const auto number = random_.below(1'000);
    const auto text = std::to_string(1'000 + number);
    switch (column.kind) {
      case Kind::number:
        return text;
      case Kind::uuid:
        return "00000000-0000-4000-9000-00000000" + text;
      case Kind::moment:
        return std::to_string(2'000 + number) + "-07-31";
      default:
        return 'n' + text;
    }
  }

  boost::json::value any_value(const SampleColumn& column, bool is_new) {
    static const std::vector<std::string> odd{"abc", "", "99999999999999999999"};
    if (is_new) return boost::json::value(new_value(column));
    if (chance(random_, static_cast<unsigned>(column.nulls))) return nullptr;
    if (chance(random_, 2)) return boost::json::value(pick(random_, odd));
    const auto& value = pick(random_, column.values);
    const bool is_json = column.kind == Kind::json || column.kind == Kind::written_json;
    return is_json ? boost::json::parse(value) : boost::json::value(value);
  }

  bool is_of_key(const SampleColumn& column) const { return std::ranges::count(row_key_, column.name) > 0; }

  // ---- SQL.

  /// The columns that are there, as a SELECT list.
  static std::string columns_of(const SampleTable& table) {
    std::string list;
    for (const auto& column : table.columns)
      if (!column.left_out) list += (list.empty() ? "" : ", ") + sql_identifier(column.name);
    return list;
  }

  static std::string array_sql(const std::string& columns, const std::string& from,
                               const std::vector<std::string>& key) {
    std::string order;
    for (const auto& column : key)
      order += (order.empty() ? "" : ", ") + ("rows_of_it." + sql_identifier(column));
    return "SELECT coalesce(json_agg(answer_row), '[]')::text FROM (SELECT " + columns + " FROM " + from +
           " AS rows_of_it ORDER BY " + order + ") answer_row";
  }

  void finish(const std::string& statement) {
    write_.sql = "WITH changed AS (" + statement + ") " + array_sql(selected_, "changed", row_key_);
  }

  /// The members of the body as columns of a row `given`.
  std::string given() const {
    return "json_to_record(" + sql_literal(write_.body) + ") AS given(" + definitions_ + ')';
  }

  // ---- Parts of a request.

  /// A member of the body.
  void give(const SampleColumn& column, bool is_new) {
    if (column.left_out) throw LeftOut(column.name);
    body_[column.name] = any_value(column, is_new);
    const auto name = sql_identifier(column.name);
    names_.push_back(name);
    definitions_ += (definitions_.empty() ? "" : ", ") + name + ' ' + column.type;
  }

  void end_body() { write_.body = boost::json::serialize(body_); }

  /// `rows`: the rows can be returned, since there is one at most.
  void add_preferences(bool one_row) {
    selected_ = columns_of(table_);
    write_.returns_rows = one_row && chance(random_, 70);
    std::string prefer = write_.returns_rows ? "return=representation" : "return=minimal";
    if (chance(random_, 30)) prefer += ", count=exact";
    write_.headers.emplace_back("Prefer", prefer);
    write_.headers.emplace_back("Content-Type", "application/json");
    if (write_.returns_rows && chance(random_, 30)) select_some();
  }

  void select_some() {
    std::string url, sql;
    for (Times columns(random_, 1, 3); columns.next();) {
      const auto& column = pick(random_, table_.columns);
      if (column.left_out) throw LeftOut(column.name);
      url += (url.empty() ? "" : ",") + integration::url_name(column.name);
      sql += (sql.empty() ? "" : ", ") + sql_identifier(column.name);
    }
    parameters_.push_back("select=" + integration::percent_encode(url));
    selected_ = sql;
  }

  /// column=eq.value, for a value that may be in a row; the condition in SQL.
  std::string filter(const SampleColumn& column) {
    const auto& value = pick(random_, column.values);
    parameters_.push_back(integration::percent_encode(integration::url_name(column.name)) + "=eq." +
                          integration::percent_encode(value));
    return table_.name + '.' + sql_identifier(column.name) + " = " + sql_literal(value);
  }

  /// Of the shard key, and most often of the whole primary key; true then, and where no filter is left out.
  bool add_filters(std::string& where) {
    const bool whole = chance(random_, 75);
    where = filter(table_.columns.front());
    for (const auto& column : table_.columns)
      if (whole && is_of_key(column) && &column != &table_.columns.front()) where += " AND " + filter(column);
    return whole || row_key_.size() == 1;
  }

  // ---- Statements.

  void insert() {
    write_.method = "POST";
    const bool is_new = chance(random_, 70);
    for (const auto& column : table_.columns) {
      const bool is_needed = column.nulls == 0 || is_of_key(column);
      const bool is_key = &column == &table_.columns.front();
      if (is_needed || (!column.left_out && chance(random_, 40)))
        give(column, is_key && column.distinct && is_new);
    }
    end_body();
    add_preferences(true);
    std::string names, values;
    for (const auto& name : names_) {
      names += name + ", ";
      values += "given." + name + ", ";
    }
    finish("INSERT INTO public." + table_.name + " (" + names + "shardplex_slot) SELECT " + values +
           "0 FROM " + given() + " RETURNING *");
  }

  void update() {
    write_.method = "PATCH";
    std::string where;
    const bool one_row = add_filters(where);
    for (Times changes(random_, 1, 3); changes.next();) {
      const auto& column = pick(random_, table_.columns);
      const bool decides_slot = &column == &table_.columns.front() || column.name == table_.list_column;
      if (!decides_slot && !body_.contains(column.name)) give(column, false);
    }
    if (body_.empty()) return remove_instead(where, one_row);
    end_body();
    add_preferences(one_row);
    std::string changes;
    for (const auto& name : names_) changes += (changes.empty() ? "" : ", ") + name + " = given." + name;
    finish("UPDATE public." + table_.name + " SET " + changes + " FROM " + given() + " WHERE " + where +
           " RETURNING " + table_.name + ".*");
    write_.met_sql = "SELECT EXISTS (SELECT FROM public." + table_.name + " WHERE " + where + ')';
  }

  void remove() {
    std::string where;
    const bool one_row = add_filters(where);
    remove_instead(where, one_row);
  }

  void remove_instead(const std::string& where, bool one_row) {
    write_.method = "DELETE";
    add_preferences(one_row);
    finish("DELETE FROM public." + table_.name + " WHERE " + where + " RETURNING *");
  }

  Random& random_;
  const SampleTable &table_, &stored_;
  const std::vector<std::string>& row_key_;
  Write write_;
  std::vector<std::string> parameters_, names_;
  std::string definitions_, selected_;
  boost::json::object body_;
};

}  // namespace

std::string Write::describe() const {
  std::string text = method + ' ' + target;
  for (const auto& [name, value] : headers) text += "\n  " + name + ": " + value;
  return text + "\n  " + body + "\n  " + sql;
}

Write any_write(const Schema& schema, Random& random) {
  return WriteMaker(schema, random).make();
}

}  // namespace shardplex::oracle
