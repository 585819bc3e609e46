// SPDX-License-Identifier: Apache-2.0
//
// File: grpc_log_capture.h
//
// Redirects gRPC's own log lines to the event log.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_GRPC_LOG_CAPTURE_H_
#define EVALRUN_SERVICE_OBSERVABILITY_GRPC_LOG_CAPTURE_H_

#include <grpc/support/log.h>

#include "service/observability/event_log.h"

namespace evalrun::observability {

// By default gRPC logs to standard error in its own format. While this object exists, gRPC's lines
// become events. At most one may exist at a time.
class GrpcLogCapture {
 public:
  explicit GrpcLogCapture(const EventLog* events) {
    events_ = events;
    gpr_set_log_function([](gpr_log_func_args* args) {
      const auto level = args->severity == GPR_LOG_SEVERITY_ERROR  ? spdlog::level::err
                         : args->severity == GPR_LOG_SEVERITY_INFO ? spdlog::level::info
                                                                   : spdlog::level::debug;
      events_->Write(level, "grpc_library", {{"message", args->message}});
    });
  }
  // gRPC's debug lines are enabled only at level `debug`, because there are many of them.
  static void SetLevel(spdlog::level::level_enum level) {
    gpr_set_log_verbosity(level <= spdlog::level::debug ? GPR_LOG_SEVERITY_DEBUG
                                                        : GPR_LOG_SEVERITY_ERROR);
  }
  ~GrpcLogCapture() { gpr_set_log_function(nullptr); }
  GrpcLogCapture(const GrpcLogCapture&) = delete;
  GrpcLogCapture& operator=(const GrpcLogCapture&) = delete;

 private:
  static inline const EventLog* events_ = nullptr;  // gRPC passes no context to its log function
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_GRPC_LOG_CAPTURE_H_
