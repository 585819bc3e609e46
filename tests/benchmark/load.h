// SPDX-License-Identifier: Apache-2.0
//
// File: load.h
//
// Offers load to a gateway and reports the outcome of each call.
//
// Open loop: calls are due on a fixed schedule that does not depend on the responses, and latency
// counts from the time at which a call was due. So a late response delays every call behind it, as
// it does for independent callers; a closed loop would reduce the load instead.
#ifndef EVALRUN_TESTS_BENCHMARK_LOAD_H_
#define EVALRUN_TESTS_BENCHMARK_LOAD_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace evalrun::testing {

// What a caller does with one call.
struct CallPlan {
  std::chrono::microseconds timeout = std::chrono::seconds(5);
  std::optional<std::chrono::microseconds> cancel_after = std::nullopt;
  std::string caller = {};  // sent as the metadata `x-caller`; empty: not sent
};

enum class CallOutcome {
  kAnswered,
  kTimedOut,       // no response until the deadline plus LoadOptions::patience
  kCancelled,      // as planned
  kStreamLost,     // its connection or stream ended without a status
  kConnectionCut,  // as planned: its connection was cut (LoadOptions::cut_connections)
};

struct CallResult {
  std::uint64_t number = 0;  // of the call, from 0
  CallOutcome end = CallOutcome::kStreamLost;
  bool was_sent = false;                  // it was sent, not only queued by the client
  int code = -1;                          // gRPC status, if answered
  std::string reason;                     // of ErrorInfo, if answered with an error
  std::chrono::microseconds due{0};       // since the start
  std::chrono::microseconds duration{0};  // from the due time to the end
};

struct LoadOptions {
  std::string address;  // the gateway's HOST:PORT
  bool tls = false;
  int connections = 16;
  std::string eval_run_uuid = "954d54bc-bd5f-4cb5-8d20-688f368b712e";  // of every call
  std::chrono::milliseconds duration{1000};  // while calls are due; calls in flight then complete
  double calls_per_second = 0;
  // Above 0: use a closed loop with this many calls in flight instead.
  std::size_t concurrency = 0;
  // How long a caller waits for the response after its deadline. 0 is what gRPC clients do.
  std::chrono::milliseconds patience{0};
  // Above 0: a connection is replaced after this many calls.
  std::size_t calls_per_connection = 0;
  // Every second replaced connection is cut during its last call; the others are closed when idle.
  bool cut_connections = false;
  // Called with the number of the call, from 0.
  std::function<CallPlan(std::uint64_t number)> plan = [](std::uint64_t) { return CallPlan(); };
  std::function<void(const CallResult&)> on_result;
};

struct LoadStats {
  std::uint64_t calls = 0;
  std::uint64_t connections = 0;
  // How late the generator itself started calls: the maximum, and the 99th percentile. If these are
  // not small compared with the latencies, the generator was the bottleneck.
  std::chrono::microseconds max_lag{0};
  std::chrono::microseconds p99_lag{0};
};

// Runs on the calling thread until every call has finished. Throws std::system_error if it cannot
// connect.
LoadStats RunLoad(const LoadOptions& options);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_LOAD_H_
