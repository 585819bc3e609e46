// SPDX-License-Identifier: Apache-2.0

#include "service/process/standard_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace evalrun::process {

absl::Status OpenStandardDescriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() returns the smallest number that is free, which is this one.
    if (open("/dev/null", O_RDWR) < 0) return absl::ErrnoToStatus(errno, "open /dev/null");
  }
  return absl::OkStatus();
}

}  // namespace evalrun::process
