#include "router/execution/write_over_shards.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "postgres/result_rows.hpp"
#include "query/plan/write_over_shards.hpp"
#include "router/execution/all_of.hpp"
#include "router/execution/ask_shards.hpp"
#include "router/execution/part_rows.hpp"
#include "router/topology/id_source.hpp"
#include "shard_map/joined.hpp"
#include "shard_schema/functions.hpp"
#include "shard_schema/prepared_writes.hpp"
#include "shard_schema/sqlstates.hpp"

namespace shardplex::router {
namespace {

/// How long the client waits for what it is not to be told without, whatever its deadline: the decision, that
/// all shards have committed, or that none keeps anything.
constexpr auto time_to_finish = std::chrono::seconds(2), time_to_roll_back = std::chrono::seconds(1);
constexpr auto between_looks_at_parts = std::chrono::milliseconds(50);
/// Two writes that wait for each other on different shards do so until one of them gives way: neither always
/// does so first.
constexpr std::uint32_t shortest_lock_wait_ms = 300, lock_wait_spread_ms = 600;

enum class Decision : std::uint8_t { committed, aborted, unknown };

struct ShardPart {
  std::string shard;  ///< by name, since another map may number shards otherwise
  ShardId number;     ///< in the view that the parts are run with
  Epoch epoch;
  Statement statement;
  std::string gid;
};

std::string seconds_since_1970() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  const auto rest = std::to_string(1000 + ms % 1000);
  return std::to_string(ms / 1000) + '.' + rest.substr(1);
}

Error prepares_nothing(const std::string& shard) {
  return cannot_merge(
      "The write touches rows of several shards, and shard " + shard +
          " cannot prepare its part: its max_prepared_transactions is 0.",
      "Set max_prepared_transactions above 0 on every server and restart them, or write rows of "
      "one shard at a time.");
}

Error given_up(const Error& why) {
  return {"SHARD503", "The write was given up, and nothing of it is kept",
          why.message + (why.details ? ". " + *why.details : std::string()), "Try again shortly.",
          std::nullopt};
}

Error kept_without_answer(const std::string& shard) {
  return {
      "SHARD504", "The write was made, and its answer is lost",
      "shard " + shard + ": the connection was lost when it had decided. The write is kept on all shards.",
      "Do not send it again.", std::nullopt};
}

Error undecided(const std::string& shard) {
  return {"SHARD503", "A shard is unavailable",
          "shard " + shard +
              ": it does not say whether the write is kept. It is kept on all shards, or on none of them.",
          "Look whether the change is there before sending it again.", std::nullopt};
}

Error not_everywhere_yet(const std::vector<std::string>& shards) {
  return {"SHARD504", "The write was made, and not every shard shows it yet",
          "It is kept. Its rows on " + joined(shards) + " are seen when that shard answers again.",
          "Do not send it again.", std::nullopt};
}

/// Somebody who waits for this write may hold what it waits for, on another shard: let go, and try again.
bool is_locked_out(const PartAnswer& part) {
  return !part.unknown && (part.sqlstate == sqlstate_lock_timeout || part.sqlstate == sqlstate_deadlock);
}

class WriteOverShards {
 public:
  WriteOverShards(RequestContext& context, ViewPtr view, const WritePlan& plan, std::vector<Target> targets)
      : context_(context), view_(std::move(view)), plan_(plan), targets_(std::move(targets)) {}

  Awaitable<Attempt<Written>> run() {
    if (auto refusal = refused()) co_return std::move(*refusal);
    make_parts();
    context_.worker.metrics().fan_out.observe(parts_.size() * 1'000'000);
    auto failed = co_await prepare_others();
    if (!failed) failed = co_await decide();
    if (failed) co_return std::move(*failed);
    const auto missing = co_await commit_others();
    name_servers_once();
    if (!missing.empty()) co_return FailedAttempt(not_everywhere_yet(missing));
    co_return all_written();
  }

 private:
  std::optional<FailedAttempt> refused() const {
    if (plan_.not_over_shards) return *plan_.not_over_shards;
    if (plan_.rolls_back)
      return cannot_merge("A write over several shards is not undone for who has sent it.",
                          "Leave out Prefer: tx=rollback, or write rows of one shard at a time.");
    const bool is_put = plan_.reports_created && !plan_.merges;
    if (plan_.locate || plan_.new_slot || is_put || !(plan_.chooses_rows || plan_.inserted))
      return cannot_merge("The write is of one row, which more than one shard could have.",
                          "Name the row by its key.");
    const auto decider = choose_decider(plan_, targets_);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      const auto& state = view_->state(targets_[i].shard);
      if (i != decider && state.primary && !state.servers[*state.primary].prepares)
        return prepares_nothing(view_->map().shard(targets_[i].shard).name);
    }
    return std::nullopt;
  }

  void make_parts() {
    write_ = make_write_id();
    begun_ = seconds_since_1970();
    decider_ = choose_decider(plan_, targets_);
    const auto& decider = view_->map().shard(targets_[decider_].shard).name;
    auto statements = statements_of_parts(plan_, targets_);
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      set_bounds(statements[i], plan_, {});  // only the last one can hold to them
      const PreparedPart name{write_, i, decider};
      parts_.push_back({view_->map().shard(targets_[i].shard).name, targets_[i].shard, targets_[i].epoch,
                        std::move(statements[i]), name.to_gid()});
    }
    sets_.resize(parts_.size());
  }

  std::vector<Statement> transaction_of(std::size_t i) {
    const auto wait_ms = shortest_lock_wait_ms + context_.worker.random()() % lock_wait_spread_ms;
    const auto& part = parts_[i];
    std::vector<Statement> statements;
    Statement begin{begin_part_sql, {plan_.group, std::to_string(part.epoch.value), std::to_string(wait_ms)}};
    if (i == decider_) {
      begin.sql = begin_deciding_part_sql;
      begin.params.emplace_back(write_);
    }
    statements.push_back(std::move(begin));
    statements.push_back(part.statement);
    return statements;
  }

  /// All of the parts but the decider's, at once. What has gone wrong, where nothing is to be kept.
  Awaitable<std::optional<FailedAttempt>> prepare_others() {
    std::vector<Awaitable<PartAnswer>> tasks;
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (i == decider_) continue;
      asked.push_back(i);
      tasks.push_back(prepare(i));
    }
    auto answers = co_await all_of(context_.worker.executor(), std::move(tasks));
    std::optional<FailedAttempt> failed;
    for (std::size_t k = 0; k < answers.size(); ++k) {
      if (answers[k].answer) {
        sets_[asked[k]] = std::move((*answers[k].answer)[1]);
        continue;
      }
      auto why = before_decision(answers[k], parts_[asked[k]].shard);
      if (!failed || outweighs(why, *failed)) failed = std::move(why);
    }
    if (failed) co_await roll_back_others();
    co_return failed;
  }

  Awaitable<PartAnswer> prepare(std::size_t i) {
    auto statements = transaction_of(i);
    PartTerms terms{.deadline = context_.deadline,
                    .client = context_.client,
                    .commit = postgres::Commit::once_answered,
                    .end = prepare_sql(parts_[i].gid)};
    auto answer =
        co_await run_part(context_, view_, parts_[i].number, std::move(statements), std::move(terms));
    co_return answer;
  }

  /// What is told of a part that was not made, while nothing was decided.
  FailedAttempt before_decision(const PartAnswer& part, const std::string& shard) const {
    if (is_locked_out(part)) return Replan{"rows are locked by other writes on shard " + shard, shard};
    auto why = part.answer.error();
    auto* error = std::get_if<Error>(&why);
    if (error == nullptr || !part.unknown) return why;
    // Whatever has become of the part: nobody decides for it.
    error->details = "shard " + shard + " has not answered; nothing of the write is kept.";
    error->hint = "Try again shortly.";
    return why;
  }

  /// The decider's part, and with it the decision. What has gone wrong, where the client is to be told of
  /// that.
  Awaitable<std::optional<FailedAttempt>> decide() {
    auto statements = transaction_of(decider_);
    const auto touched = shown_by_others();
    set_bounds(statements[1], plan_, bounds_of_rest(plan_.bounds, touched));
    std::vector<std::string> others;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      if (i != decider_) others.push_back(parts_[i].shard);
    const auto list = array_literal(std::span<const std::string>(others));
    statements.push_back({decide_write_sql, {write_, list, begun_}});
    // From here on it goes on, also where the client leaves.
    PartTerms terms{.deadline = context_.deadline,
                    .commit = plan_.returns == WritePlan::Returns::nothing ? postgres::Commit::at_once
                                                                           : postgres::Commit::once_answered};
    auto answer =
        co_await run_part(context_, view_, parts_[decider_].number, std::move(statements), std::move(terms));
    if (answer.answer) {
      sets_[decider_] = std::move((*answer.answer)[1]);
      co_return std::nullopt;
    }
    if (!answer.unknown) {
      co_await roll_back_others();
      co_return refused_by_decider(answer, touched);
    }
    const auto decision = co_await ask_decider();
    if (decision == Decision::unknown) co_return FailedAttempt(undecided(parts_[decider_].shard));
    if (decision == Decision::aborted) {
      co_await roll_back_others();
      co_return before_decision(answer, parts_[decider_].shard);
    }
    const auto missing = co_await commit_others();
    if (!missing.empty()) co_return FailedAttempt(not_everywhere_yet(missing));
    co_return FailedAttempt(kept_without_answer(parts_[decider_].shard));
  }

  FailedAttempt refused_by_decider(const PartAnswer& part, std::uint64_t touched) const {
    auto why = before_decision(part, parts_[decider_].shard);
    auto* error = std::get_if<Error>(&why);
    if (error == nullptr) return why;
    if (error->code == sqlstate_given_up) return given_up(*error);
    if (error->code == sqlstate_row_bounds) {
      const auto rest = error->details ? std::strtoull(error->details->c_str(), nullptr, 10) : 0;
      error->details = std::to_string(touched + rest);
    }
    return why;
  }

  /// How the decider has decided, or does now that it is asked: never guessed.
  Awaitable<Decision> ask_decider() {
    const auto until = std::max(context_.deadline, Clock::now() + time_to_finish);
    for (;;) {
      const auto view = context_.worker.view();
      const auto version = view->snapshot->version;
      if (const auto shard = view->map().find_shard(parts_[decider_].shard)) {
        std::vector<Statement> statements;
        statements.push_back({settle_write_sql, {write_, "true"}});
        PartTerms terms{.deadline = until, .of_request = false};
        const auto answer =
            co_await run_part(context_, view, *shard, std::move(statements), std::move(terms));
        if (answer.answer) {
          const auto decided = postgres::decoded(
              [&] { return decode_decision(postgres::ResultRows(answer.answer->front())); });
          if (decided) co_return *decided ? Decision::committed : Decision::aborted;
        }
      }
      const auto now = Clock::now();
      if (now + between_looks_at_parts >= until) co_return Decision::unknown;
      co_await context_.worker.newer_view(version, now + between_looks_at_parts);
    }
  }

  /// The shards that have not said in time that they have committed.
  Awaitable<std::vector<std::string>> commit_others() {
    const auto until = std::max(context_.deadline, Clock::now() + time_to_finish);
    std::vector<Awaitable<bool>> tasks;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (i == decider_) continue;
      names.push_back(parts_[i].shard);
      tasks.push_back(finish(i, commit_prepared_sql(parts_[i].gid), until));
    }
    const auto finished = co_await all_of(context_.worker.executor(), std::move(tasks));
    std::vector<std::string> missing;
    for (std::size_t k = 0; k < finished.size(); ++k)
      if (!finished[k]) missing.push_back(names[k]);
    co_return missing;
  }

  /// What cannot be rolled back now is by whoever finds it.
  Awaitable<void> roll_back_others() {
    const auto until = Clock::now() + time_to_roll_back;
    std::vector<Awaitable<bool>> tasks;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      if (i != decider_) tasks.push_back(finish(i, roll_back_prepared_sql(parts_[i].gid), until));
    co_await all_of(context_.worker.executor(), std::move(tasks));
  }

  /// A part that is not there was finished by somebody else, who knows the decision as well, or never was.
  Awaitable<bool> finish(std::size_t i, std::string sql, Deadline until) {
    for (;;) {
      const auto view = context_.worker.view();
      const auto version = view->snapshot->version;
      if (const auto shard = view->map().find_shard(parts_[i].shard)) {
        std::vector<Statement> statements;
        Statement statement{sql, {}};
        statement.sent_once = true;
        statements.push_back(std::move(statement));
        PartTerms terms{.deadline = until, .of_request = false};
        const auto answer =
            co_await run_part(context_, view, *shard, std::move(statements), std::move(terms));
        if (answer.answer || answer.sqlstate == sqlstate_no_object) co_return true;
      }
      const auto now = Clock::now();
      if (now + between_looks_at_parts >= until) co_return false;
      co_await context_.worker.newer_view(version, now + between_looks_at_parts);
    }
  }

  std::uint64_t shown_by_others() const {
    std::uint64_t shown = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      if (i != decider_) shown += counts_of(*sets_[i], plan_).shown;
    return shown;
  }

  Written all_written() {
    Written all;
    std::vector<postgres::ResultSet> parts;
    for (auto& set : sets_) {
      const auto part = counts_of(*set, plan_);
      all.affected += part.affected;
      all.shown += part.shown;
      all.created |= part.created;
      parts.push_back(std::move(*set));
    }
    if (plan_.returns == WritePlan::Returns::representation)
      all.merged = merged_rows(plan_, targets_, parts, context_.worker.memory());
    return all;
  }

  void name_servers_once() {
    sort_asked(context_);
    const auto doubles = std::ranges::unique(context_.asked);
    context_.asked.erase(doubles.begin(), doubles.end());
  }

  RequestContext& context_;
  const ViewPtr view_;
  const WritePlan& plan_;
  const std::vector<Target> targets_;
  std::string write_, begun_;
  std::size_t decider_ = 0;
  std::vector<ShardPart> parts_;                          // by target
  std::vector<std::optional<postgres::ResultSet>> sets_;  // what the parts' statements gave, by target
};

}  // namespace

Awaitable<Attempt<Written>> write_over_shards(RequestContext& context, ViewPtr view, const WritePlan& plan,
                                              std::vector<Target> targets) {
  WriteOverShards parts(context, std::move(view), plan, std::move(targets));
  auto outcome = co_await parts.run();
  co_return outcome;
}

}  // namespace shardplex::router
