// SPDX-License-Identifier: Apache-2.0

#include "service/observability/audit_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <absl/strings/str_cat.h>

namespace evalrun::observability {
namespace {

absl::StatusOr<int> OpenForAppending(const std::string& path) {
  const auto refused = [&path] {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot open ", path, ": it is not a regular file"));
  };
  // A pipe without a reader, and some devices, would be waited for.
  const int fd =
      open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
  if (fd < 0 && errno == ENXIO) return refused();
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  struct stat status {};
  if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) return fd;
  close(fd);  // nothing was written
  return refused();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditFile>> AuditFile::Open(const std::string& path) {
  const absl::StatusOr<int> fd = OpenForAppending(path);
  if (!fd.ok()) return fd.status();
  return std::unique_ptr<AuditFile>(new AuditFile(path, *fd));
}

// Each line was checked when it was written. What a network file system reports only here is lost,
// and it can no longer be reported.
AuditFile::~AuditFile() { close(fd_); }

bool AuditFile::IsPathReplaced() const {
  struct stat there {};
  struct stat ours {};
  if (fstat(fd_, &ours) != 0) return false;
  if (stat(path_.c_str(), &there) != 0) return true;
  return there.st_dev != ours.st_dev || there.st_ino != ours.st_ino;
}

bool AuditFile::IsDeleted() const {
  struct stat ours {};
  return fstat(fd_, &ours) == 0 && ours.st_nlink == 0;
}

absl::Status AuditFile::Reopen() {
  const absl::StatusOr<int> fd = OpenForAppending(path_);
  if (!fd.ok()) return fd.status();
  const bool was_deleted = IsDeleted();
  if (was_deleted) ++generation_;
  // Atomic: a concurrent writer never sees a closed descriptor.
  const bool replaced = dup3(*fd, fd_, O_CLOEXEC) >= 0;
  const int error = errno;
  if (was_deleted) ++generation_;
  close(*fd);  // nothing was written through it
  return replaced ? absl::OkStatus() : absl::ErrnoToStatus(error, "dup3");
}

}  // namespace evalrun::observability
