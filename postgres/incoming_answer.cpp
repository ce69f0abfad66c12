#include "postgres/incoming_answer.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace shardplex::postgres {
namespace {

constexpr std::size_t large = 2 * 1024 * 1024;

std::optional<std::uint64_t> received(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info.tcpi_bytes_received;
}

}  // namespace

IncomingAnswer::Verdict IncomingAnswer::grown(int socket, bool refusable) {
  const auto now = received(socket);
  if (!now) return Verdict::fits;
  if (!start_) start_ = *now;
  const auto bytes = static_cast<std::size_t>(*now - *start_);
  was_large_ |= bytes > large;
  if (limit_ > 0 && bytes > limit_) return Verdict::too_large;
  if (!refusable) memory_.resize_anyway(bytes);
  return !refusable || memory_.resize(bytes) ? Verdict::fits : Verdict::no_memory;
}

}  // namespace shardplex::postgres
