// SPDX-License-Identifier: Apache-2.0
//
// File: read_budget.h
//
// gRPC 1.51 reads a connection until it is empty before it delivers any of the calls that it read.
// When callers send more than can be served, it never is: callers whose deadline passes send the
// next call, and all calls pile up in this process.
//
// While a ReadBudget exists, each connection is read in quanta: in each round, which begins when
// gRPC's poller waits, recvmsg() returns at most so many bytes of a connection, fewer the more
// connections wait, and then EAGAIN. The rest stays in the kernel, where TCP's flow control slows
// the sender down, until the calls that were read have been worked on and it is this connection's
// turn. A round has a fixed number of turns, so that a connection that has no more than a quantum,
// and needs no turn, does not wait longer the more connections there are. Connections whose bytes
// wait too long are not read (receive_queues.h).
//
// After EAGAIN gRPC waits for its edge-triggered epoll instance; setting SO_RCVLOWAT in its turn
// makes the kernel (Linux since 4.18) report the rest.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_READ_BUDGET_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_READ_BUDGET_H_

#include <cstddef>

#include "service/grpc_hooks/receive_queues.h"

namespace evalrun::grpc_hooks {

// Rounds are those of the thread that creates it, which works on the calls between them. gRPC also
// reads on threads of its own, when two threads use a connection at the same time and when one has
// handled events of the poller (polled_queue.h): each of them has quanta of its own. One at a time
// in a process.
class ReadBudget {
 public:
  // `bytes`: the quantum of a connection in each round; at least 1. `queues` outlives this object
  // and is called on the thread that creates it, which also destroys it.
  ReadBudget(std::size_t bytes, ReceiveQueues* queues);
  ~ReadBudget();
  ReadBudget(const ReadBudget&) = delete;
  ReadBudget& operator=(const ReadBudget&) = delete;

  // Whether there is one, and another thread created it. Thread-safe.
  [[nodiscard]] static bool IsOfAnotherThread();

  // For the interposed epoll_wait(), before it waits: each connection has a new quantum, and some
  // of those that wait for their turn are reported by epoll again. True when more of them wait: the
  // caller must not sleep. On the thread that created the budget; without one, it does nothing.
  static bool BeginPollRound();
};

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_READ_BUDGET_H_
