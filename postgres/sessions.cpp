#include "postgres/sessions.hpp"

#include <algorithm>

namespace shardplex::postgres {

std::optional<HeldTo> Sessions::agreed() const {
  const std::lock_guard lock(mutex_);
  return agreed_;
}

HeldTo Sessions::agree(const Server& server, const AgreedValues& own) {
  const std::lock_guard lock(mutex_);
  own_[server.conninfo] = {server.name, own};
  if (!agreed_) hold_to(own, server.name);
  return *agreed_;
}

void Sessions::elect(std::vector<std::vector<Server>> shards) {
  const std::lock_guard lock(mutex_);
  electorate_ = std::move(shards);
  struct Candidate {
    AgreedValues values;
    std::string name;
    std::size_t votes = 0;
  };
  std::vector<Candidate> candidates;
  for (const auto& servers : electorate_) {
    const auto speaker =
        std::ranges::find_if(servers, [&](const Server& server) { return own_.contains(server.conninfo); });
    if (speaker == servers.end()) continue;
    const auto& values = own_.at(speaker->conninfo).values;
    auto candidate = std::ranges::find(candidates, values, &Candidate::values);
    if (candidate == candidates.end())
      candidate = candidates.insert(candidates.end(), {values, speaker->name});
    ++candidate->votes;
  }
  auto elected = std::ranges::max_element(candidates, {}, &Candidate::votes);  // of equals the first
  if (elected == candidates.end()) return;
  if (elected_) {
    // All sessions would be opened anew, for nothing, each time that one shard more or less has told.
    const auto incumbent = std::ranges::find(candidates, agreed_->values, &Candidate::values);
    if (incumbent != candidates.end() && incumbent->votes >= elected->votes) elected = incumbent;
  }
  elected_ = true;
  hold_to(elected->values, elected->name);
}

void Sessions::hold_to(const AgreedValues& values, const std::string& server) {
  agreed_with_ = server;
  if (agreed_ && agreed_->values == values) return;
  static_assert(agreed_settings.front().name == "TimeZone");
  in_utc_.store(is_utc(values.front()), std::memory_order_relaxed);
  agreed_ = HeldTo{values, generation_.fetch_add(1, std::memory_order_relaxed) + 1};
}

bool Sessions::enter(const std::string& server, const std::string& backend, const std::string& name) {
  const std::lock_guard lock(mutex_);
  const bool is_own = backends_.emplace(server, backend).second;
  if (!is_own) poolers_.insert(name);
  return is_own;
}

void Sessions::leave(const std::string& server, const std::string& backend) {
  const std::lock_guard lock(mutex_);
  backends_.erase({server, backend});
}

bool Sessions::differs(const std::string& conninfo) const {
  const std::lock_guard lock(mutex_);
  const auto own = own_.find(conninfo);
  return own != own_.end() && agreed_ && own->second.values != agreed_->values;
}

std::vector<std::string> Sessions::problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> sentences;
  const auto compare = [&](const std::string& name, const AgreedValues& own) {
    for (auto& sentence : setting_differences(name, own, agreed_with_, agreed_->values))
      sentences.push_back(std::move(sentence) + "; all sessions are held to the latter");
  };
  for (const auto& servers : electorate_)
    for (const auto& server : servers)
      if (const auto own = own_.find(server.conninfo); own != own_.end())
        compare(server.name, own->second.values);
  if (electorate_.empty())
    for (const auto& [conninfo, own] : own_) compare(own.name, own.values);
  for (const auto& pooler : poolers_)
    sentences.push_back(pooler + " is a connection pooler that lends sessions for a transaction only; " +
                        std::string(whole_sessions_needed));
  return sentences;
}

}  // namespace shardplex::postgres
