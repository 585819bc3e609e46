// File: audit_file.h
//
// A file that lines are appended to, and that may be moved away meanwhile.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_AUDIT_FILE_H_
#define EVALRUN_SERVICE_OBSERVABILITY_AUDIT_FILE_H_

#include <memory>
#include <string>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace evalrun::observability {

// Not thread-safe; whoever writes to fd() may do so at any time.
class AuditFile {
 public:
  // Opens the file for appending, and makes it where it is not there, for its owner to read and
  // write and for its group to read. An error's message is for people and names the file.
  static absl::StatusOr<std::unique_ptr<AuditFile>> Open(const std::string& path);
  ~AuditFile();
  AuditFile(const AuditFile&) = delete;
  AuditFile& operator=(const AuditFile&) = delete;

  // The same number for as long as this object lives.
  [[nodiscard]] int fd() const { return fd_; }

  // Whether the path names another file, or none.
  [[nodiscard]] bool IsPathReplaced() const;

  // Goes on in the file that the path names, and makes it where it is not there. What is written
  // meanwhile goes into either, whole. After an error it goes on in the old one.
  absl::Status Reopen();

 private:
  AuditFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  const std::string path_;
  const int fd_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_AUDIT_FILE_H_
