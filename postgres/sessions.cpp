#include "postgres/sessions.hpp"

namespace shardplex::postgres {

std::optional<AgreedValues> Sessions::agreed() const {
  const std::lock_guard lock(mutex_);
  return agreed_;
}

AgreedValues Sessions::agree(const std::string& server, const AgreedValues& own) {
  const std::lock_guard lock(mutex_);
  own_[server] = own;
  if (!agreed_) {
    agreed_ = own;
    agreed_with_ = server;
  }
  return *agreed_;
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

std::vector<std::string> Sessions::problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> sentences;
  for (const auto& [server, own] : own_)
    for (auto& sentence : setting_differences(server, own, agreed_with_, *agreed_))
      sentences.push_back(std::move(sentence) + "; all sessions are held to the latter");
  for (const auto& pooler : poolers_)
    sentences.push_back(pooler + " is a connection pooler that lends sessions for a transaction only; " +
                        std::string(whole_sessions_needed));
  return sentences;
}

}  // namespace shardplex::postgres
