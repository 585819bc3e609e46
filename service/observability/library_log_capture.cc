// SPDX-License-Identifier: Apache-2.0

#include "service/observability/library_log_capture.h"

#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "service/observability/tls_handshake_failure.h"

#if __has_include(<google/protobuf/stubs/logging.h>)

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

namespace evalrun::observability {
namespace {

// The libraries pass no context to their handlers.
LibraryLineHandler line_handler;
google::protobuf::LogHandler* default_protobuf_handler = nullptr;

void HandleGrpc(gpr_log_func_args* args) {
  const auto level = args->severity == GPR_LOG_SEVERITY_ERROR  ? spdlog::level::err
                     : args->severity == GPR_LOG_SEVERITY_INFO ? spdlog::level::info
                                                               : spdlog::level::debug;
  line_handler(Library::kGrpc, level, absl::StrCat(args->file, ":", args->line), args->message);
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
  line_handler(Library::kProtobuf, event_level, absl::StrCat(file, ":", line), message);
}

}  // namespace

void StartLibraryLogCapture(LibraryLineHandler handler) {
  line_handler = std::move(handler);
  gpr_set_log_function(&HandleGrpc);
  default_protobuf_handler = google::protobuf::SetLogHandler(&HandleProtobuf);
}

void StopLibraryLogCapture() {
  gpr_set_log_function(nullptr);
  google::protobuf::SetLogHandler(default_protobuf_handler);
}

void SetGrpcDebugLog(bool enabled) {
  gpr_set_log_verbosity(enabled ? GPR_LOG_SEVERITY_DEBUG : GPR_LOG_SEVERITY_ERROR);
}

}  // namespace evalrun::observability

#else

#include <algorithm>
#include <atomic>

#include <absl/base/log_severity.h>
#include <absl/log/globals.h>
#include <absl/log/initialize.h>
#include <absl/log/log_entry.h>
#include <absl/log/log_sink.h>
#include <absl/log/log_sink_registry.h>

namespace evalrun::observability {
namespace {

// gRPC's most detailed lines.
constexpr int kDebugVerbosity = 2;

std::atomic<bool> grpc_debug = false;

spdlog::level::level_enum ToLevel(const absl::LogEntry& entry) {
  if (entry.verbosity() > 0) return spdlog::level::debug;
  switch (entry.log_severity()) {
    case absl::LogSeverity::kInfo:
      return spdlog::level::info;
    case absl::LogSeverity::kWarning:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

class Sink final : public absl::LogSink {
 public:
  explicit Sink(LibraryLineHandler handler) : handler_(std::move(handler)) {}

  void Send(const absl::LogEntry& entry) override {
    // The process ends: no event would be written any more. It is on standard error.
    if (entry.log_severity() == absl::LogSeverity::kFatal) return;
    const std::string_view file = entry.source_filename();
    const bool is_protobuf = file.find("google/protobuf/") != std::string_view::npos;
    // protobuf's errors are a caller's: its message is malformed.
    const spdlog::level::level_enum level =
        is_protobuf ? std::min(ToLevel(entry), spdlog::level::warn) : ToLevel(entry);
    // As with gRPC's old log: its information is about every connection. Failed handshakes, which
    // were errors there, are information.
    if (!is_protobuf && level < spdlog::level::err && !grpc_debug &&
        !ParseTlsHandshakeFailure(entry.text_message()).has_value()) {
      return;
    }
    handler_(is_protobuf ? Library::kProtobuf : Library::kGrpc, level,
             absl::StrCat(entry.source_basename(), ":", entry.source_line()), entry.text_message());
  }

 private:
  const LibraryLineHandler handler_;
};

Sink* sink = nullptr;

}  // namespace

void StartLibraryLogCapture(LibraryLineHandler handler) {
  // Before it abseil writes every line to standard error. It may be called once in a process.
  static const bool initialized = [] {
    absl::InitializeLog();
    return true;
  }();
  static_cast<void>(initialized);
  absl::SetStderrThreshold(absl::LogSeverityAtLeast::kFatal);
  sink = new Sink(std::move(handler));
  absl::AddLogSink(sink);
}

void StopLibraryLogCapture() {
  absl::RemoveLogSink(sink);
  delete std::exchange(sink, nullptr);
}

void SetGrpcDebugLog(bool enabled) {
  grpc_debug = enabled;
  absl::SetGlobalVLogLevel(enabled ? kDebugVerbosity : 0);
}

}  // namespace evalrun::observability

#endif
