// A worker with a view of servers that nobody ever connects to.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "router/execution/worker.hpp"
#include "tests/query/fixtures.hpp"

namespace shardplex::router::fixtures {

/// A server of a shard: a replica unless it takes writes.
inline ServerState server(std::string name, bool writable) {
  ServerState state;
  state.conninfo = "host=" + name;
  state.name = std::move(name);
  state.up = state.readable = true;
  state.writable = writable;
  return state;
}

/// Three shards with a primary and a replica each; alpha owns the first slots of the group, and so on.
inline Snapshot snapshot(std::uint64_t version, std::uint64_t map_version = 1) {
  Snapshot out;
  out.version = version;
  out.map_version = map_version;
  out.map = std::make_shared<const ShardMap>(shardplex::fixtures::hash_map());
  std::vector<std::optional<ShardOwnership>> shards;
  const auto& group = out.map->groups().front();
  for (std::uint16_t shard = 0; shard < 3; ++shard) {
    ShardOwnership own{Epoch{7}, {}};
    auto& states = own.groups[group.name];
    for (const auto owner : group.placement)
      states.push_back(owner.value == shard ? SlotState::owned : SlotState::absent);
    shards.emplace_back(std::move(own));
    const auto& name = out.map->shards()[shard].name;
    out.shards.push_back({{server(name, true), server(name + "-1", false)}, 0});
  }
  out.ownership = std::make_shared<const Ownership>(*out.map, shards);
  return out;
}

struct CountingRefresher final : Refresher {
  int requests = 0, table_requests = 0;
  void request_refresh() override { ++requests; }
  void request_probes() override { ++requests; }
  void saw_timeline(const std::string&, std::int64_t) override {}
  void request_tables() override { ++table_requests; }
};

struct WorkerFixture {
  Settings settings;
  CountingRefresher refresher;
  IdSource ids;
  WorkerMetrics metrics;
  Worker worker{settings, refresher, ids, metrics};

  WorkerFixture() {
    adopt(snapshot(1));
    run();
  }
  ~WorkerFixture() { worker.stop(); }

  void adopt(Snapshot next) { worker.adopt(std::make_shared<const Snapshot>(std::move(next))); }
  void run() {
    worker.io().restart();
    worker.io().run();
  }

  /// Runs the worker's loop until `task` has ended.
  template <class T>
  T result_of(Awaitable<T> task) {
    std::optional<T> result;
    boost::asio::co_spawn(worker.executor(), std::move(task), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result = std::move(value);
    });
    run();
    return std::move(*result);
  }
};

}  // namespace shardplex::router::fixtures
