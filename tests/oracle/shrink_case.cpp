#include "tests/oracle/shrink_case.hpp"

#include <exception>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "tests/oracle/judge_write.hpp"
#include "tests/oracle/parts.hpp"

namespace shardplex::oracle {
namespace {

using integration::SampleObjects;
using Clock = std::chrono::steady_clock;

/// nullopt: it would be of what is left out.
std::optional<AnyRequest> request_again(const Schema& schema, bool with_writes, const Draws& draws,
                                        Draws& drawn) {
  Random random(draws);
  try {
    auto request = any_request(schema, with_writes, random);
    drawn = random.drawn();
    return request;
  } catch (const integration::LeftOut&) {
    return std::nullopt;
  } catch (const Random::Endless&) {
    return std::nullopt;
  }
}

std::vector<Part> together(const std::vector<std::vector<Part>>& groups) {
  std::vector<Part> all;
  for (const auto& group : groups) all.insert(all.end(), group.begin(), group.end());
  return all;
}

class CaseShrinker {
 public:
  CaseShrinker(Site& site, Found found, std::chrono::seconds time,
               const std::function<void(const std::string&)>& tell)
      : site_(site), tell_(tell), time_(time), best_(std::move(found)) {}

  Shrunk run() {
    Shrunk shrunk;
    // Moves of slots rest now: what was wrong because of them is right again.
    shrunk.is_steady = still_fails(best_.schema, best_.draws).has_value();
    if (shrunk.is_steady) {
      in_time(time_ / 3, "the request", [&] { make_request_smaller(); });
      in_time(time_ / 3, "its rows", [&] { leave_out_rows(); });
      in_time(time_ / 6, "the request, of fewer rows", [&] { make_request_smaller(); });
      in_time(time_ / 3, "its tables", [&] { leave_out_parts(); });
    }
    Draws drawn;
    shrunk.request = again(best_.schema, best_.draws, drawn).value();
    integration::HttpResponse answer;
    shrunk.why = judge_request(site_, shrunk.request, answer).why;
    shrunk.is_steady = shrunk.is_steady && !shrunk.why.empty();
    shrunk.tried = tried_;
    shrunk.found = std::move(best_);
    return shrunk;
  }

 private:
  template <class Work>
  void in_time(std::chrono::seconds time, const std::string& what, const Work& work) {
    tell_("shrinking " + what + ": " + std::to_string(tried_) + " requests so far");
    end_ = Clock::now() + time;
    work();
  }

  bool is_late() const { return Clock::now() > end_; }

  std::optional<AnyRequest> again(const Schema& schema, const Draws& draws, Draws& drawn) const {
    return request_again(schema, best_.with_writes, draws, drawn);
  }

  bool fails(const AnyRequest& request) {
    ++tried_;
    integration::HttpResponse answer;
    return judge_request(site_, request, answer).verdict == Verdict::wrong;
  }

  /// All that was drawn, where the request of these draws is still answered wrongly.
  std::optional<Draws> still_fails(const Schema& schema, const Draws& draws) {
    Draws drawn;
    const auto request = again(schema, draws, drawn);
    if (!request || !fails(*request)) return std::nullopt;
    return drawn;
  }

  void make_request_smaller() {
    std::set<std::string> right;  // what was asked already, and was answered rightly
    best_.draws = smallest_draws(best_.draws, [&](const Draws& draws) -> std::optional<Draws> {
      if (is_late()) return std::nullopt;
      Draws drawn;
      const auto request = again(best_.schema, draws, drawn);
      if (!request || right.contains(request->describe())) return std::nullopt;
      if (fails(*request)) return drawn;
      right.insert(request->describe());
      return std::nullopt;
    });
  }

  // ---- Rows.

  void set_rows(const Rows& rows) {
    std::vector<std::pair<std::string, std::vector<std::vector<std::string>>>> keys;
    for (const auto& table : best_.schema.tables) {
      auto& of_table = keys.emplace_back(table.sample.name, std::vector<std::vector<std::string>>()).second;
      for (const auto& row : rows.at(table.sample.name)) {
        auto& key = of_table.emplace_back();
        for (const auto& column : table.sample.primary_key)
          key.emplace_back(row.at(column).as_string().c_str(), row.at(column).as_string().size());
      }
    }
    site_.keep_rows(keys);
  }

  void leave_out_rows() {
    const auto& schema = best_.schema;
    for (auto at = schema.tables.size(); at-- > 0;) {
      const auto& name = schema.tables[at].sample.name;
      auto fewer = smallest<boost::json::object>(best_.rows.at(name), [&](const SampleObjects& rows) {
        if (is_late()) return false;
        auto candidate = best_.rows;
        candidate[name] = rows;
        if (!is_whole(schema, candidate)) return false;
        set_rows(candidate);
        return still_fails(schema, best_.draws).has_value();
      });
      best_.rows[name] = std::move(fewer);
    }
    set_rows(best_.rows);
  }

  // ---- Tables, columns, keys, views.

  /// Whole tables and views first: each attempt takes a second, and there are dozens of columns.
  void leave_out_parts() {
    const auto whole = best_.schema;
    const auto holds = [&](const std::vector<Part>& parts) {
      return !is_late() && fails_with(with_parts(whole, parts));
    };
    using Parts = std::vector<Part>;
    const auto tables = smallest<Parts>(
        by_table(parts_of(whole)), [&](const std::vector<Parts>& groups) { return holds(together(groups)); });
    const auto needed = smallest<Part>(together(tables), holds);
    best_.schema = with_parts(whole, needed);
    site_.set_up(text_of(best_.schema, best_.rows));
  }

  bool fails_with(const Schema& schema) {
    Draws drawn;
    if (!is_sound(schema) || !again(schema, best_.draws, drawn)) return false;
    try {
      site_.set_up(text_of(schema, best_.rows));
    } catch (const std::exception&) {
      return false;  // PostgreSQL or the command line takes no such schema
    }
    return still_fails(schema, best_.draws).has_value();
  }

  Site& site_;
  const std::function<void(const std::string&)>& tell_;
  std::chrono::seconds time_;
  Found best_;
  Clock::time_point end_;
  std::size_t tried_ = 0;
};

}  // namespace

Shrunk shrink(Site& site, Found found, std::chrono::seconds time,
              const std::function<void(const std::string&)>& tell) {
  return CaseShrinker(site, std::move(found), time, tell).run();
}

}  // namespace shardplex::oracle
