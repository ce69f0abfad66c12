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

bool is_up(const std::string& conninfo) {
  try {
    return integration::Database(conninfo).number("SELECT 1") == 1;
  } catch (const std::exception&) {
    return false;
  }
}

/// Until the server needs a segment of WAL that it cannot make: it ends itself.
void use_up_wal(const std::string& conninfo) {
  try {
    integration::Database database(conninfo);
    for (int i = 0; i < 200; ++i)
      database.run("SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'chaos', 'x')");
  } catch (const std::exception&) {
  }
}

}  // namespace

/// First tables cannot grow, and then there is no room for WAL.
void fill_disk(Round& round) {
  const auto server = round.site.server_on_small_disk().value();
  const auto conninfo = round.site.cluster().conninfo(server);
  round.hit.shard = round.site.shard_of_server(server).name;
  round.begin();
  {
    const Filling filling(round.site.cluster().home(server) + "/filling");
    round.hold_on();
    if (round.shard().primary == server) use_up_wal(conninfo);
    round.hold_on();
  }
  std::this_thread::sleep_for(round.hold);
  if (!is_up(conninfo)) round.site.cluster().start(server);
}

std::string why_no_disk_is_filled(const Site& site) {
  return site.server_on_small_disk() ? "" : "a small disk cannot be mounted: that takes root";
}

}  // namespace shardplex::chaos
