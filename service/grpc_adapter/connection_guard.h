// SPDX-License-Identifier: Apache-2.0
//
// File: connection_guard.h
//
// Closes connections that send more than their calls account for (byte_budget.h). A thread of its
// own: while a client floods one connection, gRPC 1.51 reads that connection and does not return to
// the event loop.
#ifndef EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_GUARD_H_
#define EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_GUARD_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>

#include "service/event_loop/event_loop.h"
#include "service/grpc_adapter/byte_budget.h"
#include "service/grpc_adapter/connection.h"
#include "service/grpc_adapter/connection_reporter.h"
#include "service/net/unique_fd.h"

namespace evalrun::grpc_adapter {

// An idle connection costs nothing. One that receives is looked at every kSampleInterval until it
// is idle again: by three system calls, or, while it delivers calls, every kMaxSkippedSamples + 1
// intervals.
class ConnectionGuard {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kSampleInterval{5};
  static constexpr int kMaxSkippedSamples = 7;

  struct Options {
    // What a connection may send beyond what its calls account for.
    std::uint64_t max_excess_bytes;
    // The same for a connection that receives and delivers no call meanwhile; and for one that gRPC
    // does not stop reading, so that the loop begins no iteration.
    std::uint64_t max_excess_bytes_without_calls;
    std::uint64_t max_excess_bytes_at_once;
    // The same for all connections together that receive and deliver no call. Of each, the first
    // uncounted_bytes are not counted: TLS takes some. Above it, those with the most are closed.
    std::uint64_t max_total_excess_bytes;
    std::uint64_t uncounted_bytes;
  };

  // Both outlive this object. Errors: there is no descriptor left.
  static absl::StatusOr<std::unique_ptr<ConnectionGuard>> Start(const Options& options,
                                                                const event_loop::EventLoop* loop,
                                                                ConnectionReporter* reporter);
  ~ConnectionGuard();
  ConnectionGuard(const ConnectionGuard&) = delete;
  ConnectionGuard& operator=(const ConnectionGuard&) = delete;

  // From now on, until its socket is closed. Thread-safe.
  void Watch(std::shared_ptr<Connection> connection);

 private:
  struct Watched {
    std::shared_ptr<Connection> connection;
    ByteBudget budget;
    std::uint64_t read = 0;        // at the last sample
    std::uint64_t credit = 0;      // at the last check
    std::uint64_t iterations = 0;  // of the loop, likewise
    int skipped_samples = 0;
    std::uint64_t counted_excess = 0;  // for max_total_excess_bytes
  };

  ConnectionGuard(const Options& options, const event_loop::EventLoop* loop,
                  ConnectionReporter* reporter)
      : options_(options), loop_(*loop), reporter_(*reporter) {}

  void Run();
  // Waits for connections to receive, and adds them to active_. False when the guard stops.
  bool WaitForActivity();
  void SampleActive();
  enum class State {
    kActive,  // look again soon
    kIdle,    // look again when it receives
    kClosed,
  };
  [[nodiscard]] State Sample(Watched* watched, Clock::time_point now);
  void Rearm(int socket) const;
  void CloseAboveTotal();
  void Close(const Connection& connection);

  const Options options_;
  const event_loop::EventLoop& loop_;
  ConnectionReporter& reporter_;
  net::UniqueFd epoll_;  // connections: edge-triggered, and one-shot: silent while in active_
  net::UniqueFd stop_event_;
  std::mutex mutex_;
  absl::flat_hash_map<int, Watched> watched_;  // by socket; guarded by mutex_
  absl::flat_hash_set<int> active_;            // of the thread; each is in watched_ after a sample
  Clock::time_point next_sample_;              // of the thread
  std::thread thread_;
};

}  // namespace evalrun::grpc_adapter

#endif  // EVALRUN_SERVICE_GRPC_ADAPTER_CONNECTION_GUARD_H_
