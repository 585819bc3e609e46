// SPDX-License-Identifier: Apache-2.0
//
// File: failed_handshakes.h
//
// Finds out whose TLS handshake failed. gRPC reports it by a log line that does not name the
// connection.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_FAILED_HANDSHAKES_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_FAILED_HANDSHAKES_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "service/grpc_adapter/connection.h"
#include "service/net/socket_ref.h"

namespace evalrun::grpc_adapter {

// gRPC writes the line on the event loop's thread while the socket is open, and has closed it when
// it returns to the loop. So it is the only connection that is young enough for a handshake, was
// open at the line, and is closed afterwards. Where several were closed, none is named.
//
// Belongs to the event loop.
class FailedHandshakes {
 public:
  using Clock = std::chrono::steady_clock;
  // With nullptr when the peer is not known.
  using OnIdentified = std::function<void(const net::PeerName* peer)>;
  // Each failure looks at as many young connections at most, some 0.3 us each.
  static constexpr std::size_t kMaxYoungConnections = 256;

  // A connection is young until it is older than `handshake_timeout`, or has delivered a call.
  explicit FailedHandshakes(Clock::duration handshake_timeout)
      : handshake_timeout_(handshake_timeout) {}
  FailedHandshakes(const FailedHandshakes&) = delete;
  FailedHandshakes& operator=(const FailedHandshakes&) = delete;

  // A connection that was just accepted.
  void Add(std::shared_ptr<Connection> connection, Clock::time_point now);

  // At the line. `on_identified` is called once: by Identify(), or by the next OnFailure().
  void OnFailure(OnIdentified on_identified, Clock::time_point now);

  // When gRPC has returned to the loop.
  void Identify();

 private:
  struct Young {
    std::shared_ptr<Connection> connection;
    Clock::time_point accepted_at;
  };
  struct Failure {
    std::vector<std::shared_ptr<Connection>> candidates;
    OnIdentified on_identified;
  };

  // Those of `failures_` of whose candidates exactly one is closed.
  void IdentifyUnambiguous();

  const Clock::duration handshake_timeout_;
  std::deque<Young> young_;  // in the order of their arrival
  std::vector<Failure> failures_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_FAILED_HANDSHAKES_H_
