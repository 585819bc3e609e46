// SPDX-License-Identifier: Apache-2.0
//
// File: c_library.h
//
// The C library's own functions, behind those that this folder interposes.
#ifndef EVALRUN_SERVICE_GRPC_HOOKS_C_LIBRARY_H_
#define EVALRUN_SERVICE_GRPC_HOOKS_C_LIBRARY_H_

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

namespace evalrun::grpc_hooks::c_library {

// Found with dlsym(RTLD_NEXT), so that a further interposed library, a sanitizer's for example,
// still sees the call. Thread-safe; they set errno as the originals do.
int EpollWait(int epoll_fd, epoll_event* events, int max_events, int timeout_ms);
ssize_t RecvMsg(int socket, msghdr* message, int flags);
ssize_t SendMsg(int socket, const msghdr* message, int flags);

// Whether `name` resolves to `ours` for the libraries of this process.
bool ResolvesTo(const char* name, const void* ours);

}  // namespace evalrun::grpc_hooks::c_library

#endif  // EVALRUN_SERVICE_GRPC_HOOKS_C_LIBRARY_H_
