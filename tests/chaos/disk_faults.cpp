// A disk that is full.
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <thread>

#include "tests/chaos/fault.hpp"

namespace shardplex::chaos {
namespace {

/// A file that takes all room of its disk that there is, until it goes.
class Filling {
 public:
  explicit Filling(std::string path) : path_(std::move(path)) {
    const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) throw std::system_error(errno, std::generic_category(), path_);
    const std::string piece(65'536, 'x');
    std::size_t size = piece.size();
    while (size > 0)
      if (::write(file, piece.data(), size) <= 0) size /= 2;
    ::close(file);
  }
  ~Filling() { ::unlink(path_.c_str()); }
  Filling(const Filling&) = delete;

 private:
  std::string path_;
};

/// Whether the server refuses what takes room, as having none: SQLSTATE 53100, or by its end. A primary is
/// asked for rows, a replica for a file to sort in.
bool has_no_room(const std::string& conninfo, bool is_primary) {
  try {
    integration::Database database(conninfo);
    database.run("SET work_mem = '64kB'");
    if (is_primary)
      database.run("CREATE TEMP TABLE filling AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
    else
      database.run(
          "SELECT count(*) FROM (SELECT md5(i::text) m FROM generate_series(1, 200000) i ORDER BY m"
          " OFFSET 1) sorted");
    return false;
  } catch (const pqxx::sql_error& refused) {
    return refused.sqlstate() == "53100";
  } catch (const pqxx::broken_connection&) {
    return !is_up(conninfo);  // it lacked WAL already
  }
}

/// Until the server needs a segment of WAL that it cannot make: it ends itself. False: it does not.
bool use_up_wal(const std::string& conninfo) {
  try {
    integration::Database database(conninfo);
    for (int i = 0; i < 200; ++i)
      database.run("SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'chaos', 'x')");
  } catch (const pqxx::failure&) {
    integration::wait_until("the server without WAL ends", [&] { return !is_up(conninfo); });
    return true;
  }
  return false;
}

}  // namespace

/// First tables cannot grow, and then there is no room for WAL.
void fill_disk(Round& round) {
  const auto server = round.site.server_on_small_disk().value();
  const auto conninfo = round.site.cluster().conninfo(server);
  round.hit.shard = round.site.shard_of_server(server).name;
  round.hit.says = "No space left on device";
  round.begin();
  {
    const Filling filling(round.site.cluster().home(server) + "/filling");
    round.hold_on();
    const bool is_primary = round.shard().primary == server;
    round.shows(is_primary ? "writes refused for want of room" : "sorts refused for want of room",
                has_no_room(conninfo, is_primary) ? 1 : 0);
    if (is_primary) round.shows("servers that ended for want of WAL", use_up_wal(conninfo) ? 1 : 0);
    round.hold_on();
  }
  std::this_thread::sleep_for(round.hold);
  if (!is_up(conninfo)) round.site.cluster().start(server);
}

std::string why_no_disk_is_filled(const Site& site) {
  return site.server_on_small_disk() ? "" : "a small disk cannot be mounted: that takes root";
}

}  // namespace shardplex::chaos
