// SPDX-License-Identifier: Apache-2.0
//
// File: audit_log.h
//
// The audit log: one line per call for later accountability of who deleted what. It includes
// rejected calls and is never sampled. The fields are a contract: README.md lists them, and a
// golden test checks them.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_AUDIT_LOG_H_
#define EVALRUN_SERVICE_OBSERVABILITY_AUDIT_LOG_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <spdlog/logger.h>

#include "service/observability/audit_file.h"
#include "service/observability/call_record.h"
#include "service/observability/event_log.h"
#include "service/observability/line_sink.h"
#include "service/observability/periodic_thread.h"

namespace evalrun::observability {

// Formats the line, without a newline, into `*buffer`, and returns a view of it.
std::string_view FormatAuditLine(const CallRecord& record,
                                 std::chrono::system_clock::time_point now, std::string* buffer);

// Formats the line about a call for which nothing has been sent yet.
std::string_view FormatIntentLine(const CallRecord& record,
                                  std::chrono::system_clock::time_point now, std::string* buffer);

// Writes the lines to the log or to a file of their own, or not at all. No call waits for its line
// to be written or is rejected because it cannot be; lost lines are counted and reported. Calls do
// wait for the line of their intent, where that is asked for.
class AuditLog {
 public:
  struct Options {
    std::string to = "off";  // `off`, `log`, or the path of a file
    std::size_t buffer_bytes = std::size_t{4}
                               << 20;  // limit of the lines that are buffered for the file
  };

  // Fails if the file cannot be opened. `registry` and `events` must outlive the log.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(const Options& options,
                                                        std::shared_ptr<LineSink> log_sink,
                                                        prometheus::Registry* registry,
                                                        const EventLog* events);

  // Calls must be serialized.
  void Write(const CallRecord& record, std::chrono::system_clock::time_point now);

  // Whether lines about intents were written, by their ids. A line in a file that was deleted was
  // not, nor is one that may be in such a file, because it was replaced meanwhile. Called on the
  // writer's thread. To be set before the first WriteIntent().
  using IntentCallback = std::function<void(const std::vector<LineReceipt>&)>;
  void OnIntents(IntentCallback callback);

  // Only where `to` is a path. Calls must be serialized, with Write(), too.
  void WriteIntent(const CallRecord& record, std::chrono::system_clock::time_point now,
                   std::uint64_t id);

  // Starts a thread that calls RunMaintenance() every second: it may wait for the file. Does
  // nothing without a file. To be called once.
  void StartMaintenance();
  // Has that thread reopen the file soon. Thread-safe.
  void RequestReopen();

  // Reopens the file if it was moved away, or if `force_reopen` is true. Reports lines that were
  // written to a file that was deleted: they are lost. On one thread.
  void RunMaintenance(bool force_reopen);

  // Reports the lines that could not be written. To be called every second, on one thread. Never
  // waits for the file.
  void ReportDroppedLines();

  // Writes the buffered lines, ends the threads, and reports the lines in a file that was deleted.
  // Later lines are not written. Returns false when a thread has not ended, as by
  // LineSink::Close(). Not concurrently with itself.
  bool Close();

 private:
  AuditLog(prometheus::Registry* registry, const EventLog* events);
  void ReopenIfNeeded(bool force_reopen);
  void ReportDeletedLines(bool was_deleted);
  void ReportLostLines(std::uint64_t lines);

  const EventLog& events_;
  prometheus::Counter& dropped_;
  prometheus::Gauge& unavailable_metric_;
  std::unique_ptr<AuditFile> file_;  // with file_sink_: only if `to` is a path
  std::shared_ptr<LineSink> file_sink_;
  std::shared_ptr<spdlog::logger> logger_;  // null: off
  std::uint64_t generation_ = 0;  // of file_, before the last write; the writer's thread only
  std::uint64_t dropped_reported_ = 0;
  std::uint64_t written_before_ = 0;  // at the last maintenance
  bool unavailable_ = false;          // the path could not be reopened
  std::string buffer_;
  std::optional<PeriodicThread> maintenance_;  // the last: it uses the others
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_AUDIT_LOG_H_
