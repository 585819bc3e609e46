// SPDX-License-Identifier: Apache-2.0

#include "service/observability/library_log.h"

#include <chrono>
#include <optional>
#include <string>

#include <absl/strings/str_cat.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include "service/observability/tls_handshake_failure.h"

namespace evalrun::observability {
namespace {

constexpr auto kInterval = std::chrono::seconds(10);

// The libraries pass no context to their handlers.
LibraryLog* instance = nullptr;
google::protobuf::LogHandler* default_protobuf_handler = nullptr;

void HandleGrpc(gpr_log_func_args* args) {
  const auto level = args->severity == GPR_LOG_SEVERITY_ERROR  ? spdlog::level::err
                     : args->severity == GPR_LOG_SEVERITY_INFO ? spdlog::level::info
                                                               : spdlog::level::debug;
  instance->OnGrpcLine(level, absl::StrCat(args->file, ":", args->line), args->message);
}

void HandleProtobuf(google::protobuf::LogLevel level, const char* file, int line,
                    const std::string& message) {
  // The process ends: no event would be written any more.
  if (level == google::protobuf::LOGLEVEL_FATAL) {
    default_protobuf_handler(level, file, line, message);
    return;
  }
  const auto event_level =
      level == google::protobuf::LOGLEVEL_INFO ? spdlog::level::info : spdlog::level::warn;
  instance->OnProtobufLine(event_level, absl::StrCat(file, ":", line), message);
}

}  // namespace

LibraryLog::LibraryLog(const EventLog* events, prometheus::Registry* registry)
    : events_(*events), throttle_(kInterval) {
  auto& family = prometheus::BuildCounter()
                     .Name("gateway_tls_handshake_failures_total")
                     .Help("Callers' TLS handshakes that failed, by cause.")
                     .Register(*registry);
  for (const std::string_view cause : kTlsHandshakeFailureCauses) {
    handshake_failures_[cause] = &family.Add({{"cause", std::string(cause)}});
  }
  instance = this;
  gpr_set_log_function(&HandleGrpc);
  default_protobuf_handler = google::protobuf::SetLogHandler(&HandleProtobuf);
}

LibraryLog::~LibraryLog() {
  gpr_set_log_function(nullptr);
  google::protobuf::SetLogHandler(default_protobuf_handler);
}

void LibraryLog::SetLevel(spdlog::level::level_enum level) {
  gpr_set_log_verbosity(level <= spdlog::level::debug ? GPR_LOG_SEVERITY_DEBUG
                                                      : GPR_LOG_SEVERITY_ERROR);
}

void LibraryLog::OnGrpcLine(spdlog::level::level_enum level, std::string_view place,
                            std::string_view message) {
  const auto failure = ParseTlsHandshakeFailure(message);
  if (!failure.has_value()) {
    Write(level, "grpc_library", place, message);
    return;
  }
  handshake_failures_.at(failure->cause)->Increment();
  const auto suppressed = throttle_.Admit(failure->cause, EventThrottle::Clock::now());
  if (!suppressed.has_value()) return;
  events_.Write(spdlog::level::warn, "tls_handshake_failed",
                {{"cause", failure->cause},
                 {"message", failure->message},
                 {"suppressed", absl::StrCat(*suppressed)}});
}

void LibraryLog::OnProtobufLine(spdlog::level::level_enum level, std::string_view place,
                                std::string_view message) {
  Write(level, "protobuf_library", place, message);
}

void LibraryLog::Write(spdlog::level::level_enum level, std::string_view event,
                       std::string_view place, std::string_view message) {
  // Debug lines were asked for.
  if (level == spdlog::level::debug) {
    events_.Write(level, event, {{"message", message}});
    return;
  }
  const auto suppressed = throttle_.Admit(place, EventThrottle::Clock::now());
  if (!suppressed.has_value()) return;
  events_.Write(level, event, {{"message", message}, {"suppressed", absl::StrCat(*suppressed)}});
}

}  // namespace evalrun::observability
