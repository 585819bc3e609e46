// File: access_log.h
//
// One JSON line per call. The fields are a contract: README.md lists them, and a golden test holds
// them.
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

// `info` for what went well or was the caller's doing, `warn` for what the upstream or the way to
// it did, `error` for what the operators of this gateway must mend.
[[nodiscard]] spdlog::level::level_enum ToSeverity(const CallRecord& record);

// The line, without a newline, in `buffer`.
std::string_view FormatAccessLine(const CallRecord& record,
                                  std::chrono::system_clock::time_point now, std::string* buffer);

// Of the lines of calls that a limit refused, how many are written in a second. There can be far
// more of them than of any other.
inline constexpr int kMaxRejectionsPerSecond = 100;

struct AccessLogOptions {
  bool enabled = true;
  // Of the lines with code OK, how many are written: 0 to 100.
  int ok_sample_percent = 100;
};

// Not thread-safe.
class AccessLog {
 public:
  // What went wrong is remembered in `recent`, too, which may be null and outlives this object.
  AccessLog(std::shared_ptr<spdlog::logger> logger, const AccessLogOptions& options,
            RecentErrors* recent)
      : logger_(std::move(logger)), options_(options), recent_(recent) {}

  void Write(const CallRecord& record, std::chrono::system_clock::time_point now);

  // Lines of refused calls beyond kMaxRejectionsPerSecond.
  [[nodiscard]] std::uint64_t rejections_omitted() const {
    return rejections_omitted_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] bool IsSampled();
  [[nodiscard]] bool CanLogRejection(std::chrono::system_clock::time_point now);

  std::shared_ptr<spdlog::logger> logger_;
  const AccessLogOptions options_;
  RecentErrors* recent_;
  int sampled_percent_ = 0;                       // saved up towards the next line with OK
  std::chrono::sys_seconds rejections_second_{};  // a second, and how many came in it
  int rejections_ = 0;
  std::atomic<std::uint64_t> rejections_omitted_{0};
  std::string buffer_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_ACCESS_LOG_H_
