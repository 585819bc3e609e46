// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_adapter/make_poller.h"

#include <utility>

#include "service/event_loop/thread_poller.h"
// The only file outside of grpc_hooks that includes it.
#ifdef EVALRUN_GRPC_HOOKS
#include "service/grpc_hooks/accepted_sockets.h"
#include "service/grpc_hooks/hooks.h"
#endif

namespace evalrun::grpc_adapter {

#ifdef EVALRUN_GRPC_HOOKS

GrpcHooks CheckGrpcHooks(bool enabled) {
  if (!enabled) return {.inactive_reason = "switched off by the configuration"};
  grpc_hooks::SelectEpollPoller();
  const absl::Status status = grpc_hooks::Verify();
  return {.active = status.ok(), .inactive_reason = std::string(status.message())};
}

absl::StatusOr<std::unique_ptr<event_loop::CompletionPoller>> MakePoller(
    const GrpcHooks& hooks, std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd,
    void* fd_tag, std::chrono::nanoseconds max_receive_wait) {
  if (hooks.active) return grpc_hooks::MakePoller(std::move(queue), fd, fd_tag, max_receive_wait);
  return event_loop::ThreadPoller::Create(std::move(queue), fd, fd_tag);
}

void OnSocketAccepted(int socket) { grpc_hooks::AcceptedSockets::Add(socket); }

#else

GrpcHooks CheckGrpcHooks(bool /*enabled*/) { return {.inactive_reason = "not built in"}; }

absl::StatusOr<std::unique_ptr<event_loop::CompletionPoller>> MakePoller(
    const GrpcHooks& /*hooks*/, std::unique_ptr<grpc::ServerCompletionQueue> queue, int fd,
    void* fd_tag, std::chrono::nanoseconds /*max_receive_wait*/) {
  return event_loop::ThreadPoller::Create(std::move(queue), fd, fd_tag);
}

void OnSocketAccepted(int /*socket*/) {}

#endif

}  // namespace evalrun::grpc_adapter
