// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/read_budget.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <new>

#include "service/grpc_hooks/accepted_sockets.h"
#include "service/grpc_hooks/c_library.h"

namespace evalrun::grpc_hooks {
namespace {

// The quantum that this thread reads.
struct ReadQuantum {
  int socket = -1;  // -1: none
  std::uint64_t round = 0;
  std::size_t max_bytes = 0;
  std::size_t bytes_read = 0;
  bool is_used_up = false;
};

std::atomic<std::size_t> budget{0};  // 0: there is no ReadBudget
std::atomic<std::uint64_t> current_round{0};
thread_local ReceiveQueues* queues = nullptr;
thread_local ReadQuantum quantum;

ReceiveQueues::Time ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);  // cannot fail for a thread's own clock
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

ConnectionId GetConnectionId(int socket) {
  ConnectionId id{.socket = socket};
  socklen_t size = sizeof(id.cookie);
  // Without a cookie (kernels before 4.12, gVisor) the number alone identifies the connection.
  getsockopt(socket, SOL_SOCKET, SO_COOKIE, &id.cookie, &size);
  return id;
}

// Linux makes the receive buffer twice as large as the low-water mark; its default is 128 KiB.
constexpr int kSilentBytes = 60 * 1024;

// 0 when there are none. End of file and errors are not reported again: when nothing is unread, the
// caller reads them.
int CountUnreadBytes(int socket) {
  int unread_bytes = 0;
  return ioctl(socket, FIONREAD, &unread_bytes) == 0 ? unread_bytes : 0;
}

// How many bytes must be unread for epoll to report them; reports them again when they are.
bool SetLowWaterMark(int socket, int bytes) {
  return setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes)) == 0;
}

// Makes epoll report the unread bytes again.
bool RearmEpoll(int socket) { return SetLowWaterMark(socket, 1); }

// Until RearmEpoll(), epoll does not report what arrives, except an end or an error: it would cost
// as much as a small read. Where it fails, or more than that is unread, it does report it.
void SilenceEpoll(int socket) { SetLowWaterMark(socket, kSilentBytes); }

// Limits the bytes that fit into `message` to `max_bytes` while it exists.
class ScopedIovecLimit {
 public:
  ScopedIovecLimit(msghdr* message, std::size_t max_bytes)
      : message_(*message), parts_(message->msg_iovlen) {
    std::size_t used = 0;
    while (used < parts_ && message_.msg_iov[used].iov_len < max_bytes) {
      max_bytes -= message_.msg_iov[used++].iov_len;
    }
    if (used == parts_) return;
    last_ = &message_.msg_iov[used];
    last_size_ = last_->iov_len;
    last_->iov_len = max_bytes;
    message_.msg_iovlen = used + 1;
  }
  ~ScopedIovecLimit() {
    if (last_ == nullptr) return;
    last_->iov_len = last_size_;
    message_.msg_iovlen = parts_;
  }
  ScopedIovecLimit(const ScopedIovecLimit&) = delete;
  ScopedIovecLimit& operator=(const ScopedIovecLimit&) = delete;

 private:
  msghdr& message_;
  const std::size_t parts_;
  iovec* last_ = nullptr;
  std::size_t last_size_ = 0;
};

ssize_t WouldBlock() {
  errno = EAGAIN;
  return -1;
}

ReceiveQueues::ReadDecision BeginQuantum(int socket, std::uint64_t round, std::size_t max_bytes) {
  quantum = {.socket = socket, .round = round, .max_bytes = max_bytes};
  if (queues == nullptr || queues->is_empty()) return ReceiveQueues::ReadDecision::kRead;
  quantum.max_bytes = queues->QuantumBytes(max_bytes);
  try {
    const auto decision = queues->DecideRead(GetConnectionId(socket), ProcessorTime());
    if (decision != ReceiveQueues::ReadDecision::kWait) return decision;
    if (CountUnreadBytes(socket) > 0) {
      quantum.is_used_up = true;
      SilenceEpoll(socket);
    } else {
      RearmEpoll(socket);  // its end is read now, and it will not have a turn
    }
    return decision;
  } catch (const std::bad_alloc&) {  // see EndQuantum()
    return ReceiveQueues::ReadDecision::kRead;
  }
}

// True unless nothing is unread.
bool EndQuantum() {
  const int unread_bytes = CountUnreadBytes(quantum.socket);
  if (unread_bytes == 0) return false;
  quantum.is_used_up = true;
  if (queues == nullptr) return RearmEpoll(quantum.socket);
  try {
    queues->OnReadQuantumEnd(GetConnectionId(quantum.socket), quantum.bytes_read,
                             static_cast<std::size_t>(unread_bytes), ProcessorTime());
    SilenceEpoll(quantum.socket);
    return true;
  } catch (const std::bad_alloc&) {
    // gRPC's C code calls this function: nothing may be thrown. The connection does not wait.
    return RearmEpoll(quantum.socket);
  }
}

ssize_t ReceiveWithinQuantum(std::size_t max_bytes, int socket, msghdr* message, int flags) {
  const std::uint64_t round = current_round;
  if ((quantum.socket != socket || quantum.round != round) &&
      BeginQuantum(socket, round, max_bytes) == ReceiveQueues::ReadDecision::kClose) {
    return 0;
  }
  if (quantum.is_used_up) {
    // Another thread may read the same connection twice in a round, at an event for each.
    if (queues == nullptr) RearmEpoll(socket);
    return WouldBlock();
  }
  if (quantum.bytes_read >= quantum.max_bytes) {
    if (EndQuantum()) return WouldBlock();
    quantum.bytes_read = 0;
  }
  const ScopedIovecLimit limit(message, quantum.max_bytes - quantum.bytes_read);
  const ssize_t size = c_library::RecvMsg(socket, message, flags);
  if (size > 0) {
    quantum.bytes_read += static_cast<std::size_t>(size);
  } else if (queues != nullptr && !queues->is_empty()) {
    queues->OnEmpty(socket);
  }
  return size;
}

}  // namespace

ReadBudget::ReadBudget(std::size_t bytes, ReceiveQueues* receive_queues) {
  queues = receive_queues;
  BeginPollRound();
  budget = bytes;
}

ReadBudget::~ReadBudget() {
  budget = 0;
  while (const auto connection = queues->NextTurn()) RearmEpoll(connection->socket);
  queues = nullptr;
}

bool ReadBudget::IsOfAnotherThread() { return budget != 0 && queues == nullptr; }

bool ReadBudget::BeginPollRound() {
  if (queues == nullptr) return false;
  ++current_round;
  for (std::size_t i = 0; i < ReceiveQueues::kTurnsPerRound; ++i) {
    const auto connection = queues->NextTurn();
    if (!connection.has_value()) return false;
    RearmEpoll(connection->socket);  // fails for a connection that gRPC has closed meanwhile
  }
  return queues->has_turns();
}

}  // namespace evalrun::grpc_hooks

extern "C" ssize_t recvmsg(int socket, msghdr* message, int flags) {
  using namespace evalrun::grpc_hooks;
  const std::size_t max_bytes = budget;
  // The socket's error queue holds no data of the connection.
  if (max_bytes == 0 || (flags & MSG_ERRQUEUE) != 0 || !AcceptedSockets::Contains(socket)) {
    return c_library::RecvMsg(socket, message, flags);
  }
  return ReceiveWithinQuantum(max_bytes, socket, message, flags);
}
