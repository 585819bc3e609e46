// SPDX-License-Identifier: Apache-2.0
//
// File: done_file.h
//
// The --done-file on disk: a DoneRecord to which a line is appended for each id that is sent and
// for each outcome. Each line is one write(2) to a file opened for appending, so that a process
// killed at any moment loses nothing that it wrote.
#ifndef EVALRUN_SERVICE_CLI_DONE_FILE_H_
#define EVALRUN_SERVICE_CLI_DONE_FILE_H_

#include <string>
#include <string_view>

#include <absl/status/status.h>

#include "service/cli/done_record.h"

namespace evalrun::cli {

class DoneFile {
 public:
  DoneFile() = default;
  DoneFile(const DoneFile&) = delete;
  DoneFile& operator=(const DoneFile&) = delete;
  ~DoneFile();

  // Reads `path`, which is created if it does not exist, and keeps it open and locked: a second
  // evalrunctl cannot write to the same file. `header` is DoneRecord::Header(). The error message
  // is a sentence without its full stop that names the file.
  [[nodiscard]] absl::Status Open(const std::string& path, std::string_view header);

  // Only reads the file, for a dry run. A missing file is treated as empty.
  [[nodiscard]] absl::Status OpenReadOnly(const std::string& path, std::string_view header);

  // Appends a line. Does nothing when no file is open.
  [[nodiscard]] absl::Status Append(std::string_view word, std::string_view id);

  [[nodiscard]] const DoneRecord& record() const { return record_; }

 private:
  // A read from a pipe or a terminal would wait forever.
  [[nodiscard]] absl::Status CheckRegularFile() const;
  [[nodiscard]] absl::Status Read(std::string_view header, std::string* text);
  // Makes the file, whose contents are `text`, end with a whole line.
  [[nodiscard]] absl::Status PrepareToAppend(std::string_view text, std::string_view header);
  [[nodiscard]] absl::Status Fail(std::string_view doing) const;

  std::string path_;
  int fd_ = -1;
  DoneRecord record_;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DONE_FILE_H_
