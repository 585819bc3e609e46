// SPDX-License-Identifier: Apache-2.0

#include "service/process/standard_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace evalrun::process {

namespace {

// Whether the descriptor was not inherited: what execve() leaves open has no FD_CLOEXEC.
bool WasClosed(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  return flags < 0 ? errno == EBADF : (flags & FD_CLOEXEC) != 0;
}

}  // namespace

absl::Status OpenStandardDescriptors(ClosedDescriptorUse use) {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (!WasClosed(fd)) continue;
    const bool discard = use == ClosedDescriptorUse::kDiscard;
    // The wrong way round, so that its use fails.
    const int mode = discard ? O_RDWR : fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    const int null = open("/dev/null", mode);
    if (null < 0) return absl::ErrnoToStatus(errno, "open /dev/null");
    // open() may have returned the very number, which is the smallest that is free.
    if (null != fd && dup2(null, fd) < 0) return absl::ErrnoToStatus(errno, "dup2");
    if (null != fd) close(null);
  }
  return absl::OkStatus();
}

}  // namespace evalrun::process
