// File: read_budget.h
//
// gRPC 1.51 reads a connection until nothing is left there, before it delivers any of the calls
// that it read. When more is sent than can be served, that is never: callers whose time is up give
// up and send the next call, and all of them pile up in this process.
//
// While a ReadBudget is in force, connections take turns: in each round, which begins when gRPC's
// poller has answered, a connection gives so many bytes. The rest stays with the kernel, where TCP
// holds its sender back, until what was read is worked on. What waits there for too long is not
// read at all (receive_queues.h).
//
// There is no setting of gRPC for it, so this program stands before the C library's recvmsg(), as
// ELF lets a program do: it says that there is nothing more (EAGAIN), and has the kernel tell
// gRPC's edge-triggered epoll instance anew, as Linux does since 4.18 when SO_RCVLOWAT is set.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_READ_BUDGET_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_READ_BUDGET_H_

#include <cstddef>

#include "service/grpc_hooks/receive_queues.h"

namespace evalrun::grpc_hooks {

// In force on all threads, on each by itself: when two of them meet at a connection, gRPC may move
// its work to one of its own for a while, and read there. One at a time in a process.
class ReadBudget {
 public:
  // `bytes`: that a connection gives in its turn, at most; at least 1. `queues` outlives it, and
  // hears of the turns on the thread that makes this object, which ends it, too.
  ReadBudget(std::size_t bytes, ReceiveQueues* queues);
  ~ReadBudget();
  ReadBudget(const ReadBudget&) = delete;
  ReadBudget& operator=(const ReadBudget&) = delete;

  // For the function that stands before epoll_wait(): gRPC's poller has answered, and each
  // connection has a turn again. Thread-safe.
  static void BeginPollRound();
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_READ_BUDGET_H_
