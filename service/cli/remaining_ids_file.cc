// SPDX-License-Identifier: Apache-2.0

#include "service/cli/remaining_ids_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "service/cli/write_all.h"

namespace evalrun::cli {

std::optional<std::string> SaveRemainingIds(const std::string& kind,
                                            const std::vector<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) text += id + "\n";
  for (int n = 1; n < 10'000; ++n) {
    std::string name = fmt::format("evalrunctl-{}-{}.txt", kind, n);
    const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd < 0) return std::nullopt;
    const bool written = WriteAll(fd, text) == 0;
    const bool closed = close(fd) == 0;
    if (written && closed) return name;
    unlink(name.c_str());  // if it fails, an incomplete file is left that no message names
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace evalrun::cli
