// File: done_file.h
//
// The --done-file on disk: a DoneRecord that grows by a line for each id that is sent and each that
// is settled. Each line is one write(2) to a file opened for appending, so a process that is killed
// at any moment has lost nothing that it wrote.
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

  // Reads `path`, made if it is not there, and keeps it open and locked: a second evalrunctl that
  // writes to the same file is refused. `header` is of DoneRecord::Header. An error is a sentence
  // without its full stop that names the file.
  [[nodiscard]] absl::Status Open(const std::string& path, std::string_view header);

  // Only reads: for a dry run. A file that is not there is as an empty one.
  [[nodiscard]] absl::Status OpenReadOnly(const std::string& path, std::string_view header);

  // Appends a line. Does nothing when there is no open file.
  [[nodiscard]] absl::Status Append(std::string_view word, std::string_view id);

  [[nodiscard]] const DoneRecord& record() const { return record_; }

 private:
  [[nodiscard]] absl::Status Read(std::string_view header, std::string* text);
  [[nodiscard]] absl::Status Fail(std::string_view doing) const;

  std::string path_;
  int fd_ = -1;
  DoneRecord record_;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DONE_FILE_H_
