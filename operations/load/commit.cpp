#include "operations/load/commit.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "operations/process/failure.hpp"
#include "operations/shard/server.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::operations {
namespace {

constexpr std::string_view gid_prefix = "shardplex_load_";

/// How a transaction ended, as pg_xact_status says.
enum class Decision : std::uint8_t { committed, aborted, in_progress, unknown };

Decision ask_decision(pqxx::connection& connection, const std::string& transaction_id) {
  pqxx::nontransaction transaction(connection);
  const auto status = transaction.exec_params1("SELECT pg_xact_status($1::xid8)", transaction_id)[0];
  if (status.is_null()) return Decision::unknown;  // too long ago
  const auto text = status.as<std::string>();
  if (text == "committed") return Decision::committed;
  return text == "aborted" ? Decision::aborted : Decision::in_progress;
}

std::string quoted(const std::string& gid) {
  std::string text = "'";
  for (const char c : gid) text.append(c == '\'' ? "''" : std::string(1, c));
  return text + "'";
}

/// A shard whose transaction waits for the decision.
struct Prepared {
  const WritingShard* shard;
  std::string gid;
};

/// What could not be finished, as sentences. A transaction that is gone was finished by another load.
std::vector<std::string> finish_all(const std::vector<Prepared>& prepared, const std::string& command) {
  std::vector<std::string> left;
  for (const auto& one : prepared) try {
      one.shard->session->execute(command + " " + quoted(one.gid));
    } catch (const SqlFailure& failure) {
      if (failure.sqlstate == sqlstate_no_object) continue;
      left.push_back(one.shard->shard->name + ": " + command + " " + quoted(one.gid) + " failed: " +
                     failure.what() + "; the next shardplex load, or that statement, finishes it");
    }
  return left;
}

[[noreturn]] void fail_and_roll_back(const std::vector<Prepared>& prepared, std::string reason) {
  std::vector<std::string> problems{std::move(reason)};
  for (auto& left : finish_all(prepared, "ROLLBACK PREPARED")) problems.push_back(std::move(left));
  throw CommandFailed(std::move(problems));
}

/// The connection was lost during the commit that decides: PostgreSQL knows how it ended.
Decision find_out(const Shard& shard, const std::string& transaction_id) {
  constexpr int attempts = 20;
  constexpr std::chrono::milliseconds pause{500};
  for (int attempt = 0; attempt < attempts; ++attempt) {
    try {
      const auto connection = connect_to_primary(shard);
      const Decision decision = ask_decision(*connection, transaction_id);
      if (decision != Decision::in_progress) return decision;
    } catch (const std::exception&) {
      // Not back yet; after the last attempt the caller says so.
    }
    std::this_thread::sleep_for(pause);
  }
  return Decision::unknown;
}

/// Commits the first shard, which decides for all.
void decide(const WritingShard& first, const std::vector<Prepared>& prepared,
            const std::string& transaction_id) {
  const std::string& name = first.shard->name;
  try {
    first.session->execute("COMMIT");
    return;
  } catch (const SqlFailure& failure) {
    if (!failure.sqlstate.empty()) fail_and_roll_back(prepared, name + ": " + failure.what());
  }
  switch (find_out(*first.shard, transaction_id)) {
    case Decision::committed:
      return;
    case Decision::aborted:
      fail_and_roll_back(prepared, name + ": the connection was lost; nothing of the load was kept");
    default:
      throw CommandFailed(
          name + ": the connection was lost while committing, and the server does not come back; " +
          "whether the load was kept is not known. The next shardplex load finishes what is prepared");
  }
}

void commit_two_phase(const std::vector<WritingShard>& writing) {
  const WritingShard& first = writing.front();
  PreparedLoad name{new_load_name(), 0, "", first.shard->name};
  std::vector<Prepared> prepared;
  try {
    name.transaction_id = first.session->execute("SELECT pg_current_xact_id()::text").value();
  } catch (const SqlFailure& failure) {
    throw CommandFailed(first.shard->name + ": " + failure.what());
  }
  for (std::size_t i = 1; i < writing.size(); ++i) {
    name.number = i;
    const std::string gid = name.to_gid();
    try {
      writing[i].session->execute("PREPARE TRANSACTION " + quoted(gid));
    } catch (const SqlFailure& failure) {
      fail_and_roll_back(prepared, writing[i].shard->name + ": " + failure.what());
    }
    prepared.push_back({&writing[i], gid});
  }
  decide(first, prepared, name.transaction_id);
  if (auto left = finish_all(prepared, "COMMIT PREPARED"); !left.empty()) {
    left.insert(left.begin(), "the load is decided and will be kept, but not every shard could be told");
    throw CommandFailed(std::move(left));
  }
}

void commit_one_by_one(const std::vector<WritingShard>& writing, LoadMode mode) {
  std::vector<std::string> kept, rest;
  for (const auto& one : writing) rest.push_back(one.shard->name);
  for (const auto& one : writing) {
    const std::string name = one.shard->name;
    rest.erase(rest.begin());
    try {
      one.session->execute("COMMIT");
    } catch (const SqlFailure& failure) {
      const bool refused = !failure.sqlstate.empty();
      throw CommandFailed(std::vector<std::string>{name + ": " + failure.what(),
                                                   told_parts({kept, name, refused, rest}, mode)});
    }
    kept.push_back(name);
  }
}

void finish_interrupted(const ShardMap& map, const Shard& shard, pqxx::connection& connection,
                        const std::string& gid, const Terminal& terminal) {
  const auto load = PreparedLoad::from_gid(gid);
  const auto first = load ? map.find_shard(load->first_shard) : std::nullopt;
  const std::string told = shard.name + ": the interrupted load " + gid;
  if (!first) return terminal.warning(told + " names no shard of the map; finish it by hand");
  switch (ask_decision(*connect_to_primary(map.shard(*first)), load->transaction_id)) {
    case Decision::committed:
      pqxx::nontransaction(connection).exec("COMMIT PREPARED " + quoted(gid));
      return terminal.note(told + " was committed on " + load->first_shard + "; committed here too");
    case Decision::aborted:
      pqxx::nontransaction(connection).exec("ROLLBACK PREPARED " + quoted(gid));
      return terminal.note(told + " was not committed; rolled back");
    case Decision::in_progress:
      return terminal.note(shard.name + ": the load " + gid + " is under way");
    case Decision::unknown:
      return terminal.warning(told + " is too old to know how it ended; finish it by hand");
  }
}

}  // namespace

std::string new_load_name() {
  std::random_device random;
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x", random(), random());
  return text.data();
}

std::string told_parts(const PartlyCommitted& parts, LoadMode mode) {
  std::vector<std::string> without = parts.rest;
  if (parts.refused) without.insert(without.begin(), parts.failed);
  if (parts.kept.empty() && parts.refused) return "nothing of the load was kept";
  std::string told = parts.kept.empty() ? "" : "the load was kept on " + joined(parts.kept);
  if (!without.empty())
    told += (told.empty() ? "nothing of the load was kept on " : ", and not on ") + joined(without);
  if (!parts.refused)
    told += (told.empty() ? "whether " : "; whether ") + parts.failed + " kept it is not known";
  if (mode != LoadMode::insert)
    return told + "; run the same load again: it gives every shard all of its rows";
  return told +
         "; load again with --keep-good, which leaves the rows out that are there (by their unique keys: of "
         "a "
         "table without any, load only the others)";
}

std::string PreparedLoad::to_gid() const {
  return std::string(gid_prefix) + load + "." + std::to_string(number) + ":" + transaction_id + ":" +
         first_shard;
}

std::optional<PreparedLoad> PreparedLoad::from_gid(std::string_view gid) {
  if (!gid.starts_with(gid_prefix)) return std::nullopt;
  gid.remove_prefix(gid_prefix.size());
  const auto dot = gid.find('.');
  const auto id = gid.find(':');
  const auto shard = gid.find(':', id == std::string_view::npos ? id : id + 1);
  if (dot == std::string_view::npos || shard == std::string_view::npos || dot > id) return std::nullopt;
  PreparedLoad load;
  load.load = gid.substr(0, dot);
  const auto number = gid.substr(dot + 1, id - dot - 1);
  std::from_chars(number.data(), number.data() + number.size(), load.number);
  load.transaction_id = gid.substr(id + 1, shard - id - 1);
  load.first_shard = gid.substr(shard + 1);
  const bool digits = !load.transaction_id.empty() &&
                      load.transaction_id.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::optional(load) : std::nullopt;
}

bool commits_as_one(const std::vector<WritingShard>& writing) {
  const auto can_prepare = [](const WritingShard& one) {
    try {
      return one.session->execute("SHOW max_prepared_transactions") != "0";
    } catch (const SqlFailure& failure) {
      throw CommandFailed(one.shard->name + ": " + failure.what());
    }
  };
  return writing.size() <= 1 || std::ranges::all_of(writing, can_prepare);
}

void commit_load(const std::vector<WritingShard>& writing, LoadMode mode) {
  if (writing.size() > 1 && commits_as_one(writing))
    commit_two_phase(writing);
  else
    commit_one_by_one(writing, mode);
}

void finish_interrupted_loads(const ShardMap& map, const Terminal& terminal) {
  for (const auto& shard : map.shards()) {
    const auto connection = connect_to_primary(shard);
    const auto prepared = pqxx::nontransaction(*connection)
                              .exec(
                                  "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND "
                                  "gid LIKE 'shardplex\\_load\\_%' ORDER BY gid");
    for (const auto& row : prepared)
      finish_interrupted(map, shard, *connection, row[0].as<std::string>(), terminal);
  }
}

}  // namespace shardplex::operations
