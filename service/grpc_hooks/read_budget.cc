#include "service/grpc_hooks/read_budget.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

namespace evalrun::grpc_hooks {
namespace {

struct ReadDecision {
  int socket = -1;  // whose it is; -1: nobody's
  std::uint64_t round = 0;
  std::size_t read = 0;
  bool is_over = false;
};

std::atomic<std::size_t> budget{0};  // 0: none is in force
std::atomic<std::uint64_t> current_round{0};
thread_local ReceiveQueues* queues = nullptr;
thread_local ReadDecision turn;

ReceiveQueues::Time ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

ConnectionId GetConnectionId(int socket) {
  ConnectionId id{.socket = socket};
  socklen_t size = sizeof(id.cookie);
  getsockopt(socket, SOL_SOCKET, SO_COOKIE, &id.cookie, &size);
  return id;
}

// Has the kernel tell of what is left; false when nothing is. It would not tell of an end or an
// error again: when nothing is left, these are to be read.
bool RearmEpoll(int socket, int* left) {
  const int one_byte = 1;
  return ioctl(socket, FIONREAD, left) == 0 && *left > 0 &&
         setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &one_byte, sizeof(one_byte)) == 0;
}

// What `message` has room for is `most`, at most, as long as this lives.
class ScopedIovecLimit {
 public:
  ScopedIovecLimit(msghdr* message, std::size_t most)
      : message_(*message), parts_(message->msg_iovlen) {
    std::size_t used = 0;
    while (used < parts_ && message_.msg_iov[used].iov_len < most) {
      most -= message_.msg_iov[used++].iov_len;
    }
    if (used == parts_) return;
    last_ = &message_.msg_iov[used];
    last_size_ = last_->iov_len;
    last_->iov_len = most;
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

ssize_t Receive(int socket, msghdr* message, int flags) {
  return syscall(SYS_recvmsg, socket, message, flags);
}

ssize_t WouldBlock() {
  errno = EAGAIN;
  return -1;
}

ReceiveQueues::ReadDecision BeginQuantum(int socket, std::uint64_t round) {
  turn = {.socket = socket, .round = round};
  if (queues == nullptr || queues->is_empty()) return ReceiveQueues::ReadDecision::kRead;
  const ReceiveQueues::ReadDecision what =
      queues->DecideRead(GetConnectionId(socket), ProcessorTime());
  int left = 0;
  turn.is_over = what == ReceiveQueues::ReadDecision::kPause && RearmEpoll(socket, &left);
  return what;
}

// True unless nothing is left.
bool EndQuantum() {
  int left = 0;
  if (!RearmEpoll(turn.socket, &left)) return false;
  if (queues != nullptr) {
    queues->OnReadQuantumEnd(GetConnectionId(turn.socket), turn.read,
                             static_cast<std::size_t>(left), ProcessorTime());
  }
  turn.is_over = true;
  return true;
}

ssize_t ReceiveWithinQuantum(std::size_t most, int socket, msghdr* message, int flags) {
  const std::uint64_t round = current_round;
  if ((turn.socket != socket || turn.round != round) &&
      BeginQuantum(socket, round) == ReceiveQueues::ReadDecision::kClose) {
    return 0;
  }
  if (turn.is_over) return WouldBlock();
  if (turn.read >= most) {
    if (EndQuantum()) return WouldBlock();
    turn.read = 0;
  }
  const ScopedIovecLimit room(message, most - turn.read);
  const ssize_t size = Receive(socket, message, flags);
  if (size > 0) {
    turn.read += static_cast<std::size_t>(size);
  } else if (queues != nullptr && !queues->is_empty()) {
    queues->OnEmpty(socket);
  }
  return size;
}

}  // namespace

ReadBudget::ReadBudget(std::size_t bytes, ReceiveQueues* receive_queues_in_use) {
  queues = receive_queues_in_use;
  BeginPollRound();
  budget = bytes;
}

ReadBudget::~ReadBudget() {
  budget = 0;
  queues = nullptr;
}

void ReadBudget::BeginPollRound() { ++current_round; }

}  // namespace evalrun::grpc_hooks

extern "C" ssize_t recvmsg(int socket, msghdr* message, int flags) {
  using namespace evalrun::grpc_hooks;
  const std::size_t most = budget;
  // What gRPC reads of the queue of errors is not the connection's.
  if (most == 0 || (flags & MSG_ERRQUEUE) != 0) return Receive(socket, message, flags);
  return ReceiveWithinQuantum(most, socket, message, flags);
}
