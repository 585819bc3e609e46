// SPDX-License-Identifier: Apache-2.0

#include "service/cli/read_all.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace evalrun::cli {

int ReadAll(int fd, std::string* text) {
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size == 0) return 0;
    if (size > 0) {
      text->append(buffer.data(), static_cast<std::size_t>(size));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // A pipe inherited from the shell may be non-blocking.
      pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
      poll(&readable, 1, -1);  // an error shows in the next read()
    } else if (errno != EINTR) {
      return errno;
    }
  }
}

}  // namespace evalrun::cli
