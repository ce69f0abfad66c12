#include "tests/oracle/site.hpp"

#include "tests/integration/request_text.hpp"

namespace shardplex::oracle {
namespace {

using integration::Database;
using integration::sql_identifier;
using integration::sql_literal;

const std::string without_triggers = "SET session_replication_role = replica;\n";
const std::string in_public = "SET search_path TO public;\n";

/// A statement that waits for a lock for good would wait until the whole run is killed, and say nothing.
const std::string bounds = " options='-c statement_timeout=60s -c client_min_messages=warning'";

std::string with_database(std::string conninfo, const std::string& name) {
  const std::string made_with = "dbname=movies";
  conninfo.replace(conninfo.find(made_with), made_with.size(), "dbname=" + name);
  return conninfo;
}

/// "(a, b) IN (('1', '2'), …)"; of no keys a condition that nothing meets.
std::string is_one_of(const std::vector<std::string>& columns,
                      const std::vector<std::vector<std::string>>& keys) {
  if (keys.empty()) return "false";
  const auto row = [](const std::vector<std::string>& parts, const auto& written) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "(" : ", ") + written(part);
    return text + ')';
  };
  std::string list;
  for (const auto& key : keys) list += (list.empty() ? "" : ", ") + row(key, sql_literal);
  return row(columns, sql_identifier) + " IN (" + list + ')';
}

}  // namespace

Site::Site(int shards) : many_(shards), one_(1) {}

std::string Site::conninfo(const Side& side, const std::string& shard) const {
  return with_database(side.cluster.conninfo(shard), name_);
}

std::string Site::direct_conninfo(const Side& side, const std::string& shard) const {
  return conninfo(side, shard) + bounds;
}

void Site::make_databases(Side& side, const DatabaseText& text) {
  const auto& shards = side.cluster.shards();
  for (const auto& shard : shards) {
    Database(side.cluster.conninfo(shard)).run("CREATE DATABASE " + name_);
    Database database(conninfo(side, shard));
    const bool is_last = shards.size() > 1 && shard == shards.back();
    // A type's number in pg_type may differ from shard to shard.
    if (is_last) database.run("CREATE TYPE unrelated AS ENUM ('x')");
    database.run(in_public + (is_last ? text.reversed_sql : text.tables_sql));
  }
}

void Site::start(Side& side, const DatabaseText& text, const std::string& map_file) {
  make_databases(side, text);
  std::vector<std::pair<std::string, std::string>> shards;
  for (const auto& shard : side.cluster.shards()) shards.emplace_back(shard, conninfo(side, shard));
  const auto map = folder_.write(map_file, map_for(text.map, shards));
  const auto& program = integration::shardplex_program();
  integration::run_or_throw({program, "cluster", "init", "--map", map});
  for (const auto& table : text.tables)
    if (!table.ndjson.empty())
      integration::run_or_throw({program, "load", "--map", map, "--table", table.name, "-"}, table.ndjson);
  if (!text.views_sql.empty())
    for (const auto& shard : side.cluster.shards())
      Database(conninfo(side, shard)).run(in_public + text.views_sql);
  side.router = std::make_unique<integration::Router>(map);
  side.client = std::make_unique<integration::HttpClient>(side.router->port());
}

void Site::drop_databases(Side& side) {
  side.client.reset();
  side.router.reset();
  for (const auto& shard : side.cluster.shards())
    Database(side.cluster.conninfo(shard)).run("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
}

void Site::set_up(const DatabaseText& text) {
  database_.reset();
  everywhere_.clear();
  if (!name_.empty()) {
    drop_databases(many_);
    drop_databases(one_);
  }
  name_ = "oracle_" + std::to_string(++made_);
  tables_ = text.tables;
  has_copies_ = has_fresh_copies_ = false;
  kept_.clear();
  start(many_, text, "many.yaml");
  start(one_, text, "one.yaml");
  if (!planted_.empty())
    for (const auto& primary : primaries()) Database(primary).run(planted_);
  database_.emplace(direct_conninfo(one_, one_.cluster.shards().front()));
}

void Site::run_everywhere(const std::string& sql) {
  if (everywhere_.empty())
    for (const auto* side : {&many_, &one_})
      for (const auto& shard : side->cluster.shards())
        everywhere_.emplace_back(direct_conninfo(*side, shard));
  for (auto& shard : everywhere_) shard.run(sql);
}

void Site::copy_rows() {
  if (has_fresh_copies_) return;
  // Made once: routers look again at a database whose tables change.
  std::string sql = has_copies_ ? "" : "CREATE SCHEMA all_rows;\n";
  for (const auto& table : tables_) {
    const auto copy = "all_rows." + table.name, from = " TABLE public." + table.name + ";\n";
    sql += has_copies_ ? "DELETE FROM " + copy + ";\nINSERT INTO " + copy + from
                       : "CREATE TABLE " + copy + " AS" + from;
  }
  run_everywhere(sql);
  has_copies_ = has_fresh_copies_ = true;
}

std::string Site::filling(const std::string& table) const {
  const auto kept = kept_.find(table);
  return "DELETE FROM public." + table + ";\nINSERT INTO public." + table + " SELECT * FROM all_rows." +
         table + " WHERE " + (kept == kept_.end() ? "true" : kept->second) + ";\n";
}

void Site::keep_rows(const std::vector<std::pair<std::string, std::vector<std::vector<std::string>>>>& keys) {
  copy_rows();
  std::string sql = without_triggers;
  for (const auto& [name, kept] : keys)
    for (const auto& table : tables_)
      if (table.name == name) {
        kept_[name] = is_one_of(table.primary_key, kept);
        sql += filling(name);
      }
  run_everywhere(sql);
}

void Site::restore(const std::string& table) {
  run_everywhere(without_triggers + filling(table));
}

integration::HttpResponse Site::ask_over_shards(const std::string& method, const std::string& target,
                                                const integration::Headers& headers,
                                                const std::string& body) {
  return many_.client->request(method, target, headers, body);
}

integration::HttpResponse Site::ask_over_one(const std::string& method, const std::string& target,
                                             const integration::Headers& headers, const std::string& body) {
  return one_.client->request(method, target, headers, body);
}

Answers Site::ask(const integration::ReadRequest& read) {
  Answers answers;
  answers.over_shards = ask_over_shards(read.method, read.target, read.headers);
  answers.over_one = ask_over_one(read.method, read.target, read.headers);
  return answers;
}

std::vector<std::string> Site::primaries() const {
  std::vector<std::string> all;
  for (const auto& shard : many_.cluster.shards()) all.push_back(direct_conninfo(many_, shard));
  return all;
}

}  // namespace shardplex::oracle
