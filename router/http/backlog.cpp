#include "router/http/backlog.hpp"

#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

namespace shardplex::router {
namespace {

constexpr int handshake_ms = 5;
constexpr unsigned flags_offset = 13;  // in a TCP header (RFC 9293, section 3.1)
constexpr unsigned syn = 0x02, ack = 0x10;
constexpr unsigned all_of_it = 0xffffffff, none_of_it = 0;

}  // namespace

void begin_no_more(int listening_socket) {
  std::array<sock_filter, 5> code{{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_offset),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn | ack),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, none_of_it),
      BPF_STMT(BPF_RET | BPF_K, all_of_it),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  // Where it fails, a connection that is made at the very end may be reset, as ever.
  (void)setsockopt(listening_socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

bool await_last_connection(int listening_socket) {
  pollfd descriptor{listening_socket, POLLIN, 0};
  return ::poll(&descriptor, 1, handshake_ms) > 0;
}

}  // namespace shardplex::router
