// SPDX-License-Identifier: Apache-2.0

#include "service/cli/write_all.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace evalrun::cli {

int WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // A pipe inherited from the shell may be non-blocking.
      pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&writable, 1, -1);  // an error shows in the next write()
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace evalrun::cli
