// SPDX-License-Identifier: Apache-2.0
//
// File: hooks.h
//
// An optimization for gRPC 1.51 that correctness never depends on. This folder defines three
// functions of the C library, epoll_wait(), recvmsg() and sendmsg(), in place of the C library's
// own (ELF symbol interposition), because gRPC 1.51 has no setting for what they change:
//
//   epoll_wait()  gRPC's wait ends for the event loop's descriptor, too: no second thread
//                 (polled_queue.h)
//   recvmsg()     a connection is read in quanta of 4 KiB, and connections that wait too long under
//                 overload are closed (read_budget.h, receive_queues.h)
//   sendmsg()     the responses of one iteration leave in one segment for each connection
//                 (write_batch.h)
//
// Without a poller from MakePoller() they forward every call unchanged. They act on sockets only
// that were given to AcceptedSockets, and never throw.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_HOOKS_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_HOOKS_H_

#include <chrono>
#include <memory>
#include <string>

#include <absl/status/status.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/grpcpp.h>

#include "service/event_loop/completion_poller.h"

namespace evalrun::grpc_hooks {

// gRPC must be told to use its poller "epoll1" before it starts. It is the default, unless the
// environment variable GRPC_POLL_STRATEGY names another one.
void SelectEpollPoller();

// Whether the assumptions of this folder hold in this process, and if not, which one does not:
// gRPC's version is 1.51, the three symbols resolve to this folder's functions and gRPC's poller
// calls them, no other poller of this kind exists, and the kernel reports an edge-triggered socket
// again when SO_RCVLOWAT is set (Linux since 4.18; gVisor accepts the option and does nothing).
// Starts gRPC. Takes about a millisecond.
[[nodiscard]] absl::Status Verify(const std::string& grpc_version = grpc::Version());

// Verify() must have returned OK. One at a time in a process. `fd` outlives the poller.
// `max_receive_wait`: see ReceiveQueues.
[[nodiscard]] std::unique_ptr<event_loop::CompletionPoller> MakePoller(
    std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd, void* fd_tag,
    std::chrono::nanoseconds max_receive_wait);

}  // namespace evalrun::grpc_hooks

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_HOOKS_H_
