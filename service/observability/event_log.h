// SPDX-License-Identifier: Apache-2.0
//
// File: event_log.h
//
// One JSON line per event of the process, that is, for whatever does not concern a single call.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_EVENT_LOG_H_
#define EVALRUN_SERVICE_OBSERVABILITY_EVENT_LOG_H_

#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>

#include <spdlog/logger.h>

namespace evalrun::observability {

// Thread-safe.
class EventLog {
 public:
  using Field = std::pair<std::string_view, std::string_view>;

  explicit EventLog(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}

  void Write(spdlog::level::level_enum level, std::string_view event,
             std::initializer_list<Field> fields = {}) const;

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_EVENT_LOG_H_
