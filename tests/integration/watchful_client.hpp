// Clients that put every answer on trial, on threads of their own.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/integration/http_client.hpp"

namespace shardplex::integration {

using Random = std::mt19937_64;

/// What clients saw that they should not have. Any thread.
class Complaints {
 public:
  void add(std::string complaint) {
    const std::lock_guard lock(mutex_);
    if (complaints_.size() < 20) complaints_.push_back(std::move(complaint));
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> complaints_;
};

/// A client on a thread of its own, which uses the routers in turn and complains of every answer but a good
/// one.
class Client {
 public:
  Client(const std::vector<std::uint16_t>& ports, std::uint64_t own_seed, Complaints& complaints)
      : random(own_seed), complaints_(complaints) {
    for (const auto port : ports) routers_.emplace_back(port);
  }

  HttpResponse ask(unsigned status, std::string_view method, const std::string& target, Headers headers = {},
                   std::string_view body = {}) {
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    ++asked;
    try {
      auto answer = routers_[random() % routers_.size()].request(method, target, headers, body);
      if (answer.status != status)
        complain(std::string(method) + ' ' + target + ": " + std::to_string(answer.status) + ' ' +
                 answer.body);
      return answer;
    } catch (const ConnectionFailure& failure) {
      complain(std::string(method) + ' ' + target + ": " + failure.what());
      return {};
    }
  }
  void expect_body(const HttpResponse& answer, const std::string& body, const std::string& what) {
    if (answer.body != body) complain(what + ": " + answer.body + " instead of " + body);
  }
  void complain(std::string complaint) { complaints_.add(std::move(complaint)); }

  Random random;
  std::uint64_t asked = 0;

 private:
  std::deque<HttpClient> routers_;
  Complaints& complaints_;
};

}  // namespace shardplex::integration
