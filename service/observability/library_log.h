// SPDX-License-Identifier: Apache-2.0
//
// File: library_log.h
//
// Redirects the log lines of libraries to the event log. By default gRPC and protobuf write them to
// standard error in formats of their own, and some of them are caused by what a caller sends.
#ifndef EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_H_
#define EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include "service/observability/event_log.h"
#include "service/observability/event_throttle.h"

namespace evalrun::observability {

// At most one may exist at a time, while no other thread uses the libraries first or last. Each
// place in a library's code, and each peer and cause of failed TLS handshakes, has at most one
// event in ten seconds; the field `suppressed` counts the others. The other libraries are silent:
// libmicrohttpd without MHD_USE_ERROR_LOG, libcurl without CURLOPT_VERBOSE, hiredis and OpenSSL
// always; abseil writes only when it ends the process.
class LibraryLog {
 public:
  // The other end of a connection; empty strings when it is not known.
  struct Peer {
    std::string_view address;  // with the port
    std::string_view host;     // whose events are counted together
  };
  // Calls its argument once, at once or later, on any thread.
  using FindPeer = std::function<void(std::function<void(const Peer&)>)>;

  // Both outlive this object.
  LibraryLog(const EventLog* events, prometheus::Registry* registry);
  ~LibraryLog();
  LibraryLog(const LibraryLog&) = delete;
  LibraryLog& operator=(const LibraryLog&) = delete;

  // gRPC's debug lines are enabled only at level `debug`, because there are many of them.
  static void SetLevel(spdlog::level::level_enum level);

  // `find_peer` finds the peer of the TLS handshake that gRPC has just reported as failed, on the
  // thread that calls it. Before there are connections.
  void SetFindHandshakePeer(FindPeer find_peer) { find_handshake_peer_ = std::move(find_peer); }

  // For the libraries' handlers. Thread-safe.
  void OnGrpcLine(spdlog::level::level_enum level, std::string_view place,
                  std::string_view message);
  void OnProtobufLine(spdlog::level::level_enum level, std::string_view place,
                      std::string_view message);

 private:
  void Write(spdlog::level::level_enum level, std::string_view event, std::string_view place,
             std::string_view message);

  void WriteHandshakeFailure(std::string_view cause, std::string_view message, const Peer& peer);

  const EventLog& events_;
  EventThrottle throttle_;
  EventThrottle handshake_throttle_;
  FindPeer find_handshake_peer_ = [](const auto& found) { found(Peer{}); };
  std::map<std::string_view, prometheus::Counter*> handshake_failures_;  // by cause
};

}  // namespace evalrun::observability

#endif  // EVALRUN_SERVICE_OBSERVABILITY_LIBRARY_LOG_H_
