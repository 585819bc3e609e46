// File: access_log.h
//
// One JSON line per call. The fields are a contract: README.md lists them, and a golden test holds
// them.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_ACCESS_LOG_H_
#define EVALRUN_SERVICE_OBSERVABILITY_ACCESS_LOG_H_

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <spdlog/logger.h>

#include "service/observability/call_record.h"

namespace evalrun::service {

// `info` for what went well or was the caller's doing, `warn` for what the upstream or the way to
// it did, `error` for what the operators of this gateway must mend.
[[nodiscard]] spdlog::level::level_enum LevelOf(const CallRecord& record);

// The line, without a newline, in `buffer`.
std::string_view FormatAccessLine(const CallRecord& record,
                                  std::chrono::system_clock::time_point now, std::string* buffer);

// Not thread-safe.
class AccessLog {
 public:
  explicit AccessLog(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}

  void Write(const CallRecord& record, std::chrono::system_clock::time_point now);

 private:
  std::shared_ptr<spdlog::logger> logger_;
  std::string buffer_;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_OBSERVABILITY_ACCESS_LOG_H_
