#include "router/topology/server_pools.hpp"

#include <utility>

#include "shard_map/invariant.hpp"

namespace shardplex::router {
namespace {

constexpr auto tick_interval = std::chrono::milliseconds(25);

postgres::PoolSettings narrowed(postgres::PoolSettings settings) {
  settings.connection.application_name = "shardplexd control";
  for (auto& lane : settings.lanes) lane.connections = 1;
  return settings;
}

}  // namespace

ServerPools::ServerPools(asio::io_context& io, postgres::PoolSettings settings)
    : io_(io), settings_(narrowed(std::move(settings))), ticker_(io) {}

void ServerPools::start() {
  ticker_.expires_after(tick_interval);
  ticker_.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    for (const auto& [conninfo, held] : servers_) held.pool->tick(Clock::now());
    start();
  });
}

void ServerPools::hold(const std::string& conninfo) {
  auto& held = servers_[conninfo];
  if (!held.pool) {
    auto settings = settings_;
    settings.connection.conninfo = conninfo;
    held.pool = std::make_unique<postgres::Pool>(io_, std::move(settings));
  }
  ++held.holders;
}

void ServerPools::release(const std::string& conninfo) {
  const auto held = servers_.find(conninfo);
  invariant(held != servers_.end(), "only a server that is watched is left");
  if (--held->second.holders == 0) servers_.erase(held);
}

postgres::Pool* ServerPools::find(const std::string& conninfo) {
  const auto held = servers_.find(conninfo);
  return held == servers_.end() ? nullptr : held->second.pool.get();
}

postgres::Pool& ServerPools::at(const std::string& conninfo) {
  const auto held = servers_.find(conninfo);
  invariant(held != servers_.end(), "only a server that is watched is asked");
  return *held->second.pool;
}

}  // namespace shardplex::router
