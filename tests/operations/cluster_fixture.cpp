#include "tests/operations/cluster_fixture.hpp"

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <pqxx/pqxx>
#include <sstream>
#include <stdexcept>

#include "tests/temporary_path.hpp"

namespace shardplex::test {
namespace {

const std::string script = SHARDPLEX_SOURCE_DIR "/scripts/cluster";

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

}  // namespace

Cluster::Cluster(const std::string& options) : folder_(tests::temporary_path("shardplex-rebalance")) {
  if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no temporary folder");
  chmod(folder_.c_str(), 0755);  // the servers may run as another user
  const std::string guard =
      "cat >/dev/null; " + script + " destroy --dir " + folder_ + "/c >/dev/null 2>&1; rm -rf " + folder_;
  guard_.reset(popen(("trap '' INT TERM; " + guard).c_str(), "we"));
  run(script + " start --dir " + folder_ + "/c --fsync off " + options + " >/dev/null 2>" + folder_ +
      "/log || { cat " + folder_ + "/log >&2; false; }");
  folder_ += "/c";
  std::ifstream table(folder_ + "/servers.tsv");
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream cells(line);
    std::string name, role, shard, port;
    cells >> name >> role >> shard >> port;
    if (role == "primary") shards_.push_back(name);
    ports_.emplace_back(name, port);
  }
}

std::string Cluster::conninfo(const std::string& server) const {
  for (const auto& [name, port] : ports_)
    if (name == server) return "host=127.0.0.1 dbname=movies user=shardplex port=" + port;
  throw std::runtime_error("no server " + server);
}

std::string Cluster::sql(const std::string& server, const std::string& statements) const {
  pqxx::connection connection(conninfo(server));
  std::string text;
  for (const auto& row : pqxx::nontransaction(connection).exec(statements))
    text.append(text.empty() ? "" : "\n").append(row[0].is_null() ? "(null)" : row[0].as<std::string>());
  return text;
}

void Cluster::drop_replication() {
  const auto names_of = [](pqxx::connection& connection, const std::string& query) {
    return pqxx::nontransaction(connection).exec(query);
  };
  const auto run_on = [](pqxx::connection& connection, const std::string& statement) {
    pqxx::nontransaction(connection).exec(statement);
  };
  for (const auto& shard : shards_) {
    pqxx::connection connection(conninfo(shard));
    for (const auto& row : names_of(connection, "SELECT quote_ident(subname) FROM pg_subscription")) {
      const auto name = row[0].as<std::string>();
      run_on(connection, "ALTER SUBSCRIPTION " + name + " DISABLE");
      run_on(connection, "ALTER SUBSCRIPTION " + name + " SET (slot_name = NONE)");
      run_on(connection, "DROP SUBSCRIPTION " + name);
    }
  }
  for (const auto& shard : shards_) {
    pqxx::connection connection(conninfo(shard));
    for (const auto& row : names_of(connection, "SELECT quote_ident(pubname) FROM pg_publication"))
      run_on(connection, "DROP PUBLICATION " + row[0].as<std::string>());
    // Whoever used a slot of a subscription is about to end.
    const std::string slots = "FROM pg_replication_slots WHERE database IS NOT NULL";
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!names_of(connection, "SELECT " + slots).empty()) {
      run_on(connection, "SELECT pg_drop_replication_slot(slot_name) " + slots + " AND NOT active");
      if (std::chrono::steady_clock::now() > until)
        throw std::runtime_error("a replication slot stays in use");
    }
  }
}

void Cluster::reset() {
  drop_replication();
  for (const auto& shard : shards_) {
    pqxx::connection connection(conninfo(shard));
    pqxx::nontransaction transaction(connection);
    for (const auto& row : transaction.exec("SELECT gid FROM pg_prepared_xacts"))
      transaction.exec("ROLLBACK PREPARED '" + row[0].as<std::string>() + "'");
    transaction.exec(
        "SET client_min_messages = warning; DROP SCHEMA IF EXISTS shardplex CASCADE; "
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  }
}

void Cluster::control(const std::string& verb, const std::string& server) const {
  run(script + " " + verb + " --dir " + folder_ + " " + server + " >/dev/null");
}

Cluster& hash_cluster() {
  static Cluster cluster("--shards 2 --replicas 1 --map hash");
  return cluster;
}

Cluster& genre_cluster() {
  static Cluster cluster("--shards 3 --replicas 0 --map genre");
  return cluster;
}

}  // namespace shardplex::test
