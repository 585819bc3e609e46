// SPDX-License-Identifier: Apache-2.0
//
// File: audit_file.h
//
// A file opened for appending that can be rotated by moving it away.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_AUDIT_FILE_H_
#define EVALRUN_SERVICE_OBSERVABILITY_AUDIT_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace evalrun::observability {

// Reopen() belongs to one thread. The other functions are thread-safe, and any thread may write to
// fd() at any time.
class AuditFile {
 public:
  // Opens the file for appending. A new file is created with mode 0640. What is not a regular file
  // is refused, without waiting for the reader of a pipe. The error message is for people and names
  // the file.
  static absl::StatusOr<std::unique_ptr<AuditFile>> Open(const std::string& path);
  ~AuditFile();
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  // Stays the same during the lifetime of this object, also after Reopen().
  [[nodiscard]] int fd() const { return fd_; }

  // Whether the path now refers to another file, or to none.
  [[nodiscard]] bool IsPathReplaced() const;

  // Whether the open file has no name any more: what is written to it is lost.
  [[nodiscard]] bool IsDeleted() const;

  // Changes before and after Reopen() switches from a file that was deleted, and is odd meanwhile.
  // So what is written while it is even and the same went to one file, or was moved with it.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }

  // Switches to the file at the path, which is created if it does not exist. Each concurrent write
  // goes entirely to the old file or to the new one. After an error the old file stays in use.
  absl::Status Reopen();

 private:
  AuditFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  const std::string path_;
  const int fd_;
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_AUDIT_FILE_H_
