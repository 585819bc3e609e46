// File: audit_log.h
//
// One line per call for those who have to answer later who deleted what: allowed or refused, never
// sampled. The fields are a contract: README.md lists them, and a golden test holds them.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_AUDIT_LOG_H_
#define EVALRUN_SERVICE_OBSERVABILITY_AUDIT_LOG_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <spdlog/logger.h>

#include "service/observability/audit_file.h"
#include "service/observability/call_record.h"
#include "service/observability/event_log.h"
#include "service/observability/line_sink.h"

namespace evalrun::observability {

// The line, without a newline, in `buffer`.
std::string_view FormatAuditLine(const CallRecord& record,
                                 std::chrono::system_clock::time_point now, std::string* buffer);

// Where the lines go: nowhere, into the log, or into a file of their own. No call waits for a line
// to be written, and none is refused because it cannot be: what is lost is counted and said.
class AuditLog {
 public:
  struct Options {
    std::string to = "off";                           // `off`, `log`, or the path of a file
    std::size_t buffer_bytes = std::size_t{4} << 20;  // of lines that wait for the file
  };

  // Fails when there is to be a file and it cannot be opened. `registry` and `events` outlive the
  // log.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const Options& options,
                                                        std::shared_ptr<LineSink> log_sink,
                                                        prometheus::Registry* registry,
                                                        const EventLog* events);

  // On one thread, or under one lock.
  void Write(const CallRecord& record, std::chrono::system_clock::time_point now);

  // To be called every second, on one thread: says what was lost, and goes on in another file when
  // the one it writes to was moved away, or `force_reopen`.
  void RunMaintenance(bool force_reopen);

 private:
  AuditLog(prometheus::Registry* registry, const EventLog* events);
  void ReopenIfNeeded(bool force_reopen);

  const EventLog& events_;
  prometheus::Counter& dropped_;
  std::unique_ptr<AuditFile> file_;  // with `to` the path of one, as is the next
  std::shared_ptr<LineSink> file_sink_;
  std::shared_ptr<spdlog::logger> logger_;  // null: off
  std::uint64_t dropped_reported_ = 0;
  bool unavailable_ = false;  // the path, which cannot be opened again
  std::string buffer_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_AUDIT_LOG_H_
