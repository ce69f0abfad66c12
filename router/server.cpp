#include "router/server.hpp"

#include <sys/resource.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "router/descriptors.hpp"
#include "router/http/date_clock.hpp"
#include "router/http/listener.hpp"
#include "router/log.hpp"
#include "router/services/admin/admin.hpp"
#include "router/services/movies/endpoints.hpp"
#include "router/topology/control.hpp"
#include "router/version.hpp"

namespace shardplex::router {
namespace {

constexpr auto drain_poll = std::chrono::milliseconds(20);
constexpr auto admin_check_every = std::chrono::milliseconds(500);

using ServerTimer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

/// A client connection is a descriptor: takes as many as the system allows, and says how many those are.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::size_t servers_of(const ShardMap& map) {
  std::size_t servers = 0;
  for (const auto& shard : map.shards()) servers += 1 + shard.replicas.size();
  return servers;
}

/// As many client connections as there are descriptors for; throws where those are too few.
void limit_connections(Settings& settings, std::size_t workers, const ShardMap& map) {
  const auto wanted = settings.limits.connections_per_worker;
  const auto allowed = client_connections(raise_descriptor_limit(), workers, servers_of(map), settings);
  if (!allowed)
    throw std::runtime_error(allowed.error().message + ": " + *allowed.error().details + " " +
                             *allowed.error().hint);
  settings.limits.connections_per_worker = *allowed;
  if (*allowed < wanted)
    log_warning("fewer client connections than --max-connections, for want of file descriptors",
                {{"max_connections", static_cast<std::int64_t>(*allowed)}});
}

/// Workers share their port (SO_REUSEPORT), and so could another router by mistake: a bind that does not
/// share tells.
void check_port_is_free(asio::io_context& io, const Settings& settings) {
  const auto endpoint = endpoint_of(settings.address, settings.port);
  TcpAcceptor probe(io, endpoint.protocol());
  probe.set_option(asio::socket_base::reuse_address(true));
  bind_to(probe, endpoint);
}

/// A worker, its listener and its thread.
class WorkerThread {
 public:
  WorkerThread(const Settings& settings, std::uint16_t port, Refresher& refresher, IdSource& ids,
               WorkerMetrics& metrics)
      : worker_(settings, refresher, ids, metrics),
        listener_(worker_.io(), {settings.address, port, true},
                  {settings.limits, [this](Call& call) { return serve(worker_, call); }, date_.text(),
                   &metrics, settings.access_log, settings.pool.connection.memory,
                   &settings.cors_allowed_origins, settings.compression, settings.slow_request}),
        drain_timer_(worker_.io()) {
    worker_.on_tick([this](Clock::time_point now) {
      date_.tick();
      listener_.check_times(now);
    });
    worker_.start();
    listener_.start();
  }

  std::uint16_t port() const { return listener_.port(); }
  void adopt(const SnapshotPtr& snapshot) { worker_.adopt(snapshot); }
  void start() {
    thread_ = std::thread([this] { worker_.io().run(); });
  }
  /// Any thread: tell clients to go elsewhere; from `closes` on refuse new ones, and finish what is under way
  /// until `deadline`; then end the thread.
  void drain(Clock::time_point closes, Clock::time_point deadline) {
    asio::post(worker_.io(), [this, closes, deadline] {
      listener_.announce_drain(closes + drain_grace);
      drain_timer_.expires_at(closes);
      drain_timer_.async_wait([this, deadline](boost::system::error_code) {
        listener_.drain();
        await_end(deadline);
      });
    });
  }
  void join() { thread_.join(); }

 private:
  /// Looks again and again, for the first time after what has already come in is served.
  void await_end(Clock::time_point deadline) {
    drain_timer_.expires_after(drain_poll);
    drain_timer_.async_wait([this, deadline](boost::system::error_code) {
      if (!listener_.empty() && Clock::now() < deadline) return await_end(deadline);
      if (!listener_.empty()) log_warning("the drain's time is up, connections are cut");
      listener_.abandon();
      worker_.stop();
      worker_.io().stop();
    });
  }

  Worker worker_;
  DateClock date_;
  Listener listener_;
  ServerTimer drain_timer_;
  std::thread thread_;
};

Limits limits_of_admin(const Settings& settings) {
  Limits limits = settings.limits;
  limits.connections_per_worker = admin_connections;
  limits.hosts.clear();
  return limits;
}

/// The workers, and on the calling thread the control of shards, the admin port and the signals. Where a port
/// cannot be had the constructor throws, before any thread has begun.
class Server {
 public:
  Server(const Settings& settings, std::size_t worker_count, std::shared_ptr<const ShardMap> map)
      : settings_(settings),
        metrics_(worker_count),
        control_(io_, settings, std::move(map), ids_, metrics_,
                 [this](const SnapshotPtr& snapshot) {
                   for (const auto& worker : workers_) worker->adopt(snapshot);
                 }),
        admin_(control_, metrics_, settings),
        admin_listener_(io_, {settings.admin_address, settings.admin_port, false},
                        {limits_of_admin(settings),
                         [this](Call& call) {
                           admin_date_.tick();
                           return admin_.serve(call);
                         },
                         admin_date_.text(), nullptr, false}) {
    metrics_.memory = settings.pool.connection.memory;
    admin_listener_.start();
    check_port_is_free(io_, settings);
    auto port = settings.port;
    for (std::size_t i = 0; i < worker_count; ++i) {
      workers_.push_back(std::make_unique<WorkerThread>(settings, port, control_, ids_, metrics_.worker(i)));
      port = workers_.front()->port();  // the first may have taken any free one
    }
  }

  /// Serves until SIGTERM or SIGINT has come and all is drained.
  void run() {
    await_reload();
    check_admin_times();
    stop_signals_.async_wait([this](boost::system::error_code ec, int) {
      if (!ec) drain();
    });
    log_info("listening", {{"version", version},
                           {"address", settings_.address},
                           {"port", static_cast<std::int64_t>(workers_.front()->port())},
                           {"admin_port", static_cast<std::int64_t>(admin_listener_.port())},
                           {"workers", static_cast<std::int64_t>(workers_.size())}});
    for (const auto& worker : workers_) worker->start();
    control_.start();
    io_.run();
    if (joiner_.joinable()) joiner_.join();
    log_info("stopped");
  }

 private:
  void await_reload() {
    reload_signal_.async_wait([this](boost::system::error_code ec, int) {
      if (ec) return;
      control_.reload();
      await_reload();
    });
  }

  void check_admin_times() {
    admin_timer_.expires_after(admin_check_every);
    admin_timer_.async_wait([this](boost::system::error_code ec) {
      if (ec) return;
      admin_listener_.check_times(Clock::now());
      check_admin_times();
    });
  }

  /// The admin port answers until the last worker has ended, which a thread of its own waits for.
  void drain() {
    log_info("draining");
    admin_.set_draining();
    const auto closes = Clock::now() + settings_.drain_delay;
    for (const auto& worker : workers_) worker->drain(closes, closes + settings_.drain_timeout);
    joiner_ = std::thread([this] {
      for (const auto& worker : workers_) worker->join();
      asio::post(io_, [this] { end(); });
    });
  }

  void end() {
    control_.stop();
    reload_signal_.cancel();
    admin_timer_.cancel();
    admin_listener_.drain();
    admin_listener_.abandon();
    io_.stop();
  }

  const Settings& settings_;
  asio::io_context io_{1};
  Metrics metrics_;
  IdSource ids_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  Control control_;
  Admin admin_;
  DateClock admin_date_;
  Listener admin_listener_;
  asio::signal_set reload_signal_{io_, SIGHUP}, stop_signals_{io_, SIGTERM, SIGINT};
  ServerTimer admin_timer_{io_};
  std::thread joiner_;
};

}  // namespace

int run_server(const Settings& given, std::shared_ptr<const ShardMap> map) {
  std::signal(SIGPIPE, SIG_IGN);
  MemoryBudget memory(given.memory_budget_bytes);
  auto settings = given;
  settings.pool.connection.memory = &memory;
  const std::size_t worker_count =
      settings.workers > 0 ? settings.workers : std::max(1u, std::thread::hardware_concurrency());
  limit_connections(settings, worker_count, *map);
  Server(settings, worker_count, std::move(map)).run();
  return 0;
}

}  // namespace shardplex::router
