// SPDX-License-Identifier: Apache-2.0

#include "service/observability/library_log.h"

#include <chrono>
#include <optional>
#include <string>

#include <absl/strings/str_cat.h>

#include "service/observability/library_log_capture.h"
#include "service/observability/tls_handshake_failure.h"

namespace evalrun::observability {
namespace {

constexpr auto kInterval = std::chrono::seconds(10);

}  // namespace

LibraryLog::LibraryLog(const EventLog* events, prometheus::Registry* registry)
    : events_(*events), throttle_(kInterval), handshake_throttle_(kInterval) {
  auto& family = prometheus::BuildCounter()
                     .Name("gateway_tls_handshake_failures_total")
                     .Help("Callers' TLS handshakes that failed, by cause.")
                     .Register(*registry);
  for (const std::string_view cause : kTlsHandshakeFailureCauses) {
    handshake_failures_[cause] = &family.Add({{"cause", std::string(cause)}});
  }
  StartLibraryLogCapture([this](Library library, spdlog::level::level_enum level,
                                std::string_view place, std::string_view message) {
    if (library == Library::kGrpc) {
      OnGrpcLine(level, place, message);
    } else {
      OnProtobufLine(level, place, message);
    }
  });
}

LibraryLog::~LibraryLog() { StopLibraryLogCapture(); }

void LibraryLog::SetLevel(spdlog::level::level_enum level) {
  SetGrpcDebugLog(level <= spdlog::level::debug);
}

void LibraryLog::OnGrpcLine(spdlog::level::level_enum level, std::string_view place,
                            std::string_view message) {
  const auto failure = ParseTlsHandshakeFailure(message);
  if (!failure.has_value()) {
    Write(level, "grpc_library", place, message);
    return;
  }
  handshake_failures_.at(failure->cause)->Increment();
  find_handshake_peer_([this, cause = failure->cause, message = std::string(failure->message)](
                           const Peer& peer) { WriteHandshakeFailure(cause, message, peer); });
}

void LibraryLog::WriteHandshakeFailure(std::string_view cause, std::string_view message,
                                       const Peer& peer) {
  const std::string kind = std::string(cause) + " " + std::string(peer.host);
  const auto suppressed = handshake_throttle_.Admit(kind, EventThrottle::Clock::now());
  if (!suppressed.has_value()) return;
  events_.Write(spdlog::level::warn, "tls_handshake_failed",
                {{"cause", cause},
                 {"peer", peer.address},
                 {"message", message},
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
