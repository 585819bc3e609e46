// SPDX-License-Identifier: Apache-2.0

#include "service/cli/done_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "service/cli/read_all.h"
#include "service/cli/write_all.h"

namespace evalrun::cli {

// Each line was checked when it was written. What a network file system reports only here cannot be
// made up for: the ids of lost lines are requested again by the next command.
DoneFile::~DoneFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status DoneFile::Fail(std::string_view doing) const {
  const int error = errno;
  return absl::UnavailableError(
      fmt::format("cannot {} {}: {}", doing, path_, std::generic_category().message(error)));
}

absl::Status DoneFile::CheckRegularFile() const {
  struct stat file {};
  if (fstat(fd_, &file) != 0) return Fail("stat");
  if (S_ISREG(file.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("cannot use {}: it is not a regular file", path_));
}

absl::Status DoneFile::Read(std::string_view header, std::string* text) {
  if (ReadAll(fd_, text) != 0) return Fail("read");
  if (const auto objection = record_.Read(*text, header); objection.has_value()) {
    return absl::FailedPreconditionError(fmt::format("cannot use {}: {}", path_, *objection));
  }
  return absl::OkStatus();
}

absl::Status DoneFile::Open(const std::string& path, std::string_view header) {
  path_ = path;
  fd_ = open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (fd_ < 0) return Fail("open");
  if (absl::Status regular = CheckRegularFile(); !regular.ok()) return regular;
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return absl::FailedPreconditionError(
          fmt::format("cannot use {}: another evalrunctl is using it", path_));
    }
    return Fail("lock");
  }
  std::string text;
  if (absl::Status read = Read(header, &text); !read.ok()) return read;
  return PrepareToAppend(text, header);
}

absl::Status DoneFile::PrepareToAppend(std::string_view text, std::string_view header) {
  // A last line that was cut off does not count, and the new one must not complete it.
  const std::size_t end = text.rfind('\n');
  if (end != std::string_view::npos) {
    const bool is_whole = end + 1 == text.size();
    return is_whole || ftruncate(fd_, static_cast<off_t>(end) + 1) == 0 ? absl::OkStatus()
                                                                        : Fail("truncate");
  }
  return WriteAll(fd_, text.empty() ? header : "\n") == 0 ? absl::OkStatus() : Fail("write to");
}

absl::Status DoneFile::OpenReadOnly(const std::string& path, std::string_view header) {
  path_ = path;
  fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) return errno == ENOENT ? absl::OkStatus() : Fail("open");
  std::string text;
  absl::Status read = CheckRegularFile();
  if (read.ok()) read = Read(header, &text);
  close(fd_);  // nothing was written
  fd_ = -1;
  return read;
}

absl::Status DoneFile::Append(std::string_view word, std::string_view id) {
  if (fd_ < 0 || WriteAll(fd_, DoneRecord::Line(word, id)) == 0) return absl::OkStatus();
  return Fail("write to");
}

}  // namespace evalrun::cli
