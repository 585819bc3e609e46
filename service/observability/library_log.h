// SPDX-License-Identifier: Apache-2.0
//
// File: library_log.h
//
// Redirects the log lines of libraries to the event log. By default gRPC and protobuf write them to
// standard error in formats of their own, and some of them are caused by what a caller sends.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_H_
#define EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_H_

#include <map>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include "service/observability/event_log.h"
#include "service/observability/event_throttle.h"

namespace evalrun::observability {

// At most one may exist at a time, while no other thread uses the libraries first or last. Each
// place in a library's code, and each cause of failed TLS handshakes, has at most one event in ten
// seconds; the field `suppressed` counts the others. The other libraries are silent: libmicrohttpd
// without MHD_USE_ERROR_LOG, libcurl without CURLOPT_VERBOSE, hiredis and OpenSSL always; abseil
// writes only when it ends the process.
class LibraryLog {
 public:
  // Both outlive this object.
  LibraryLog(const EventLog* events, prometheus::Registry* registry);
  ~LibraryLog();
  LibraryLog(const LibraryLog&) = delete;
  LibraryLog& operator=(const LibraryLog&) = delete;

  // gRPC's debug lines are enabled only at level `debug`, because there are many of them.
  static void SetLevel(spdlog::level::level_enum level);

  // For the libraries' handlers. Thread-safe.
  void OnGrpcLine(spdlog::level::level_enum level, std::string_view place,
                  std::string_view message);
  void OnProtobufLine(spdlog::level::level_enum level, std::string_view place,
                      std::string_view message);

 private:
  void Write(spdlog::level::level_enum level, std::string_view event, std::string_view place,
             std::string_view message);

  const EventLog& events_;
  EventThrottle throttle_;
  std::map<std::string_view, prometheus::Counter*> handshake_failures_;  // by cause
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_H_
