// SPDX-License-Identifier: Apache-2.0

#include "service/config/append_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "service/config/text.h"

namespace evalrun::config {
namespace {

absl::Status ErrnoError(std::string_view what) {
  return absl::InvalidArgumentError(Concat(what, ": ", std::strerror(errno)));
}

bool IsAllowed(const std::string& path, int mode) {
  return faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

}  // namespace

absl::Status CheckAppendTarget(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError("it is not a regular file");
    return IsAllowed(path, W_OK) ? absl::OkStatus() : ErrnoError("it cannot be written");
  }
  if (errno != ENOENT) return ErrnoError("it cannot be opened");
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  if (stat(folder.c_str(), &status) != 0) return ErrnoError("its folder cannot be opened");
  if (!S_ISDIR(status.st_mode)) return absl::InvalidArgumentError("its folder is not a folder");
  return IsAllowed(folder, W_OK | X_OK) ? absl::OkStatus()
                                        : ErrnoError("it cannot be created in its folder");
}

}  // namespace evalrun::config
