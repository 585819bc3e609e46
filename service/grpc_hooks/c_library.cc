// SPDX-License-Identifier: Apache-2.0

#include "service/grpc_hooks/c_library.h"

#include <atomic>
#include <cerrno>

#include <dlfcn.h>

namespace evalrun::grpc_hooks::c_library {
namespace {

// Resolved at the first call: the interposed functions may be called before this file's objects are
// initialised. Two threads that resolve it at the same time store the same value.
template <typename Function>
Function Next(std::atomic<Function>* function, const char* name) {
  Function found = function->load(std::memory_order_relaxed);
  if (found != nullptr) return found;
  found = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
  function->store(found, std::memory_order_relaxed);
  return found;
}

using EpollWaitFunction = int (*)(int, epoll_event*, int, int);
using RecvMsgFunction = ssize_t (*)(int, msghdr*, int);
using SendMsgFunction = ssize_t (*)(int, const msghdr*, int);
constinit std::atomic<EpollWaitFunction> next_epoll_wait{nullptr};
constinit std::atomic<RecvMsgFunction> next_recvmsg{nullptr};
constinit std::atomic<SendMsgFunction> next_sendmsg{nullptr};

int NotFound() {
  errno = ENOSYS;
  return -1;
}

}  // namespace

int EpollWait(int epoll_fd, epoll_event* events, int max_events, int timeout_ms) {
  const auto next = Next(&next_epoll_wait, "epoll_wait");
  return next == nullptr ? NotFound() : next(epoll_fd, events, max_events, timeout_ms);
}

ssize_t RecvMsg(int socket, msghdr* message, int flags) {
  const auto next = Next(&next_recvmsg, "recvmsg");
  return next == nullptr ? NotFound() : next(socket, message, flags);
}

ssize_t SendMsg(int socket, const msghdr* message, int flags) {
  const auto next = Next(&next_sendmsg, "sendmsg");
  return next == nullptr ? NotFound() : next(socket, message, flags);
}

bool ResolvesTo(const char* name, const void* ours) { return dlsym(RTLD_DEFAULT, name) == ours; }

}  // namespace evalrun::grpc_hooks::c_library
