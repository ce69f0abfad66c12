// Before what a primary says is passed on: has another server of the shard become its primary meanwhile?
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "postgres/asio.hpp"
#include "postgres/result_set.hpp"
#include "query/plan/sql.hpp"
#include "router/execution/shared_reads.hpp"
#include "router/topology/refresher.hpp"
#include "router/topology/snapshot.hpp"
#include "shard_map/ids.hpp"

namespace shardplex::router {

struct View;

/// What another server says of its role in a shard.
enum class OtherServer : std::uint8_t {
  follows,    ///< a replica that receives WAL
  detached,   ///< a replica that receives none: it may be on its way to becoming the primary
  promoted,   ///< a primary of the shard, on a newer timeline or by a later ruling
  no_matter,  ///< an old primary, one that an operator gave up, or a server of another shard
};

/// Asks a server for its role in one cheap statement. The answer has a row, or none where it has no identity.
Statement role_statement();

/// The answer to role_statement(), beside a primary of this shard that is on `timeline` by `ruling`.
OtherServer role_of(const postgres::ResultSet& answer, const std::string& cluster, const std::string& shard,
                    std::int64_t timeline, std::int64_t ruling);

/// A primary that has been replaced acknowledges what is lost, and reads what is old. Whether it has been
/// replaced, only the other servers of its shard can say, and only when asked after its answer. A server that
/// cannot be asked says nothing against it: a shard with a dead replica is written to. Thread: that of its
/// io_context.
class PromotionWatch {
 public:
  PromotionWatch(asio::io_context& io, Refresher& refresher);

  /// Asks all other servers of the shard, for at most a second. True where one has become the primary, or is
  /// known to be by `newest`: what the primary of `view` has just answered may be lost. `view` is the one
  /// that the primary was asked by.
  Awaitable<bool> saw_promotion(const View& view, ShardId shard, std::shared_ptr<const View> newest);

  /// True where saw_promotion() was true for this primary, and no newer view has come since.
  bool is_deposed(const View& view, ShardId shard) const;

  /// To be called about every 100 ms: looks whether servers that were detached still are.
  void tick(Clock::time_point now);

 private:
  /// A server beside the primary that is on `timeline` by `ruling`.
  struct Beside {
    std::shared_ptr<postgres::Pool> pool;
    std::string conninfo, cluster, shard;
    std::int64_t timeline = 0, ruling = 0;
  };
  struct Detached {
    Beside server;
    Clock::time_point since, asked;
    Clock::time_point wanted;  // by a request, last
  };
  Awaitable<OtherServer> ask(Beside server);
  Awaitable<OtherServer> look_at(Beside server);
  void tell(const std::string& shard, std::int64_t timeline);

  asio::io_context& io_;
  Refresher& refresher_;
  SharedReads reads_;
  std::map<std::string, Detached> detached_;       // by connection string, as long as each look found it so
  std::map<std::string, Clock::time_point> told_;  // by shard, when its timeline was last told
  std::set<std::string> deposed_;                  // by connection string, under deposed_under_
  std::uint64_t deposed_under_ = 0;                // a snapshot's version
};

}  // namespace shardplex::router
