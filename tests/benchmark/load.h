// File: load.h
//
// Offers load to a gateway and tells what became of each call.
//
// Open loop: calls are due on a fixed schedule, whatever the answers do, and latency counts from
// the moment at which a call was due. So an answer that is late is late for every call behind it,
// as it is for callers that do not know of each other; a closed loop would send less instead.
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
  std::string caller = {};  // sent as the metadata `x-caller`; empty: none is
};

enum class CallOutcome {
  kAnswered,
  kTimedOut,       // no answer by the deadline and the patience beyond it
  kCancelled,      // as planned
  kStreamLost,     // its connection or stream ended without a status
  kConnectionCut,  // as planned: its connection was cut (LoadOptions::cut_connections)
};

struct CallResult {
  std::uint64_t number = 0;  // of the call, from 0
  CallOutcome end = CallOutcome::kStreamLost;
  bool was_sent = false;                  // it left the caller's own queue
  int code = -1;                          // of gRPC, when answered
  std::string reason;                     // of ErrorInfo, when answered with an error
  std::chrono::microseconds due{0};       // since the start
  std::chrono::microseconds duration{0};  // from when it was due until its end
};

struct LoadOptions {
  std::string address;  // of the gateway: HOST:PORT
  bool tls = false;
  int connections = 16;
  std::string eval_run_uuid = "954d54bc-bd5f-4cb5-8d20-688f368b712e";  // of every call
  std::chrono::milliseconds duration{1000};  // for which calls are due; what is then under way ends
  double calls_per_second = 0;
  // Above 0: a closed loop that keeps this many calls under way instead.
  std::size_t concurrency = 0;
  // How long a caller waits beyond its deadline before it gives up. 0, as gRPC clients do.
  std::chrono::milliseconds patience{0};
  // Above 0: a connection is replaced after this many calls.
  std::size_t calls_per_connection = 0;
  // Every second connection that is replaced is cut under its last call; the others end when idle.
  bool cut_connections = false;
  // By the number of the call, from 0.
  std::function<CallPlan(std::uint64_t number)> plan = [](std::uint64_t) { return CallPlan(); };
  std::function<void(const CallResult&)> on_result;
};

struct LoadStats {
  std::uint64_t calls = 0;
  std::uint64_t connections = 0;
  // How late the generator itself was with a call, at most and for 99 % of them: when this is not
  // small against the latencies, the generator was the bottleneck.
  std::chrono::microseconds max_lag{0};
  std::chrono::microseconds p99_lag{0};
};

// Runs on the calling thread until every call is over. Throws std::system_error when it cannot
// connect.
LoadStats RunLoad(const LoadOptions& options);

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_LOAD_H_
