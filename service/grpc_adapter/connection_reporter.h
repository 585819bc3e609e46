// SPDX-License-Identifier: Apache-2.0
//
// File: connection_reporter.h
//
// Counts and reports the connections that the gateway did not accept or has closed, by cause.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_REPORTER_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_REPORTER_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "service/observability/event_log.h"
#include "service/observability/event_throttle.h"

namespace evalrun::grpc_adapter {

enum class ConnectionEnd {
  // Closed as soon as it was accepted.
  kMaxConnections,         // server.max_connections
  kMaxConnectionsPerPeer,  // server.max_connections_per_peer
  // Closed later.
  kUndeliveredBytes,  // it sent too much beyond its calls (byte_budget.h)
  kTooManyCalls,      // more calls at a time than server.max_concurrent_streams allows
  kEarlyResets,       // most of its calls were cancelled as soon as they had begun
};
inline constexpr std::size_t kConnectionEnds = 5;

[[nodiscard]] constexpr bool IsRejection(ConnectionEnd end) {
  return end <= ConnectionEnd::kMaxConnectionsPerPeer;
}
// As metrics and events name it.
[[nodiscard]] constexpr std::string_view ToString(ConnectionEnd end) {
  constexpr std::array<std::string_view, kConnectionEnds> kNames = {
      "max_connections", "max_connections_per_peer", "undelivered_bytes", "too_many_calls",
      "early_resets"};
  return kNames[static_cast<std::size_t>(end)];
}

// Thread-safe.
class ConnectionReporter {
 public:
  // `events` (nullptr: none) outlives this object.
  explicit ConnectionReporter(const observability::EventLog* events) : events_(events) {}

  // `peer`: the connection's address. Writes an event, `connection_rejected` or
  // `connection_closed`, for each cause at once and then every ten seconds at most, with the number
  // of connections since the last one.
  void Report(ConnectionEnd end, std::string_view peer);

  [[nodiscard]] std::uint64_t count(ConnectionEnd end) const;

 private:
  const observability::EventLog* const events_;
  observability::EventThrottle throttle_{std::chrono::seconds(10)};
  std::array<std::atomic<std::uint64_t>, kConnectionEnds> counts_{};
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_REPORTER_H_
