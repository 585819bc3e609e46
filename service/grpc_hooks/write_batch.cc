// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/write_batch.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "service/grpc_hooks/accepted_sockets.h"
#include "service/grpc_hooks/c_library.h"

namespace evalrun::grpc_hooks {
namespace {

// The sockets that have something to send when the batch ends. Beyond its capacity, sockets send at
// once.
struct Pending {
  bool batching = false;
  std::size_t count = 0;
  std::array<int, 64> sockets{};

  bool Add(int socket) {
    const auto end = sockets.begin() + static_cast<std::ptrdiff_t>(count);
    if (std::find(sockets.begin(), end, socket) != end) return true;
    if (count == sockets.size()) return false;
    sockets[count++] = socket;
    return true;
  }
};

thread_local Pending pending;

}  // namespace

WriteBatch::WriteBatch() { pending.batching = true; }

WriteBatch::~WriteBatch() {
  pending.batching = false;
  for (std::size_t i = 0; i < pending.count; ++i) {
    // Setting it sends what waits (tcp(7)). Fails only when the socket was closed, which sends it,
    // too. gRPC has set the option before; on another socket that has the number by now it does no
    // harm.
    const int on = 1;
    setsockopt(pending.sockets[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  pending.count = 0;
}

}  // namespace evalrun::grpc_hooks

extern "C" ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  using namespace evalrun::grpc_hooks;
  if (pending.batching && AcceptedSockets::Contains(socket) && pending.Add(socket))
    flags |= MSG_MORE;
  return c_library::SendMsg(socket, message, flags);
}
