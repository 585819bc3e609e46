// SPDX-License-Identifier: Apache-2.0
//
// File: access_log.h
//
// The access log: one JSON line per call. The fields are a contract: README.md lists them, and a
// golden test checks them.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_ACCESS_LOG_H_
#define EVALRUN_SERVICE_OBSERVABILITY_ACCESS_LOG_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <spdlog/logger.h>

#include "service/observability/call_record.h"
#include "service/observability/recent_errors.h"

namespace evalrun::observability {

// `info` for success and for errors caused by the caller, `warn` for failures of the upstream or of
// the path to it, `error` for what the operators of this gateway must fix.
[[nodiscard]] spdlog::level::level_enum ToSeverity(const CallRecord& record);

// Formats the line, without a newline, into `*buffer`, and returns a view of it.
std::string_view FormatAccessLine(const CallRecord& record,
                                  std::chrono::system_clock::time_point now, std::string* buffer);

// The maximum number of lines per second for calls that a limit rejected. Such calls can far
// outnumber all others.
inline constexpr int kMaxRejectionsPerSecond = 100;

struct AccessLogOptions {
  bool enabled = true;
  // The percentage of the lines with code OK that are written: 0 to 100.
  int ok_sample_percent = 100;
};

// Not thread-safe.
class AccessLog {
 public:
  // All calls are also passed to `recent`, which may be null and must outlive this object.
  AccessLog(std::shared_ptr<spdlog::logger> logger, const AccessLogOptions& options,
            RecentErrors* recent)
      : logger_(std::move(logger)), options_(options), recent_(recent) {}

  void Write(const CallRecord& record, std::chrono::system_clock::time_point now);

  // Lines of calls that a rate limit rejected, beyond kMaxRejectionsPerSecond.
  [[nodiscard]] std::uint64_t rejections_omitted() const {
    return rejections_omitted_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] bool IsSampled();
  [[nodiscard]] bool CanLogRejection(std::chrono::system_clock::time_point now);

  std::shared_ptr<spdlog::logger> logger_;
  const AccessLogOptions options_;
  RecentErrors* recent_;
  int sampled_percent_ = 0;  // accumulated until the next line with OK is due
  std::chrono::sys_seconds
      rejections_second_{};  // the current second, and the number of rejections in it
  int rejections_ = 0;
  std::atomic<std::uint64_t> rejections_omitted_{0};
  std::string buffer_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_ACCESS_LOG_H_
