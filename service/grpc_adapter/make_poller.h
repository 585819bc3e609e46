// SPDX-License-Identifier: Apache-2.0
//
// File: make_poller.h
//
// Chooses how the event loop waits: with the gRPC hooks where they are built in, switched on and
// work here, otherwise with gRPC's public interface alone.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_MAKE_POLLER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_MAKE_POLLER_H_

#include <chrono>
#include <memory>
#include <string>

#include <absl/status/statusor.h>
#include <grpcpp/completion_queue.h>

#include "service/event_loop/completion_poller.h"

namespace evalrun::grpc_adapter {

struct GrpcHooks {
  bool active = false;
  std::string inactive_reason = {};  // why not, for people; empty when active
};

// Checks whether the hooks can be used. Called once, before any other use of gRPC: it starts gRPC.
// `enabled`: the operator's switch.
[[nodiscard]] GrpcHooks CheckGrpcHooks(bool enabled);

// `hooks` is what CheckGrpcHooks() returned. `fd` outlives the poller; `fd_tag` is its tag.
// `max_receive_wait` (0: unlimited) has an effect with active hooks only.
[[nodiscard]] absl::StatusOr<std::unique_ptr<event_loop::CompletionPoller>> MakePoller(
    const GrpcHooks& hooks, std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd,
    void* fd_tag, std::chrono::nanoseconds max_receive_wait);

// For each socket that the gateway accepted from a caller. Thread-safe.
void OnSocketAccepted(int socket);

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_MAKE_POLLER_H_
