// SPDX-License-Identifier: Apache-2.0
//
// File: health_watch.h
//
// Polls a gateway's health endpoints while it is under load.
#ifndef EVALRUN_TESTS_BENCHMARK_HEALTH_WATCH_H_
#define EVALRUN_TESTS_BENCHMARK_HEALTH_WATCH_H_

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/benchmark/latencies.h"
#include "tests/support/gateway_process.h"
#include "tests/support/latch.h"

namespace evalrun::testing {

class HealthWatch {
 public:
  // The longest response time of each endpoint, as seen by the client, and the number of failures.
  struct Stats {
    std::chrono::milliseconds healthz{0};
    std::chrono::milliseconds metrics{0};
    std::chrono::milliseconds check{0};  // grpc.health.v1.Health/Check
    Latencies checks;                    // of each
    long peak_resident_kib = 0;          // of the gateway, sampled at each poll
    int asked = 0;
    int failed = 0;
  };

  // Starts polling, at most ten times a second. `gateway` must outlive this object.
  explicit HealthWatch(const GatewayProcess* gateway);
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;
  ~HealthWatch();

  // Stops polling.
  Stats Stop();

 private:
  void Run();

  const GatewayProcess& gateway_;
  Latch stop_;
  Stats stats_;  // owned by the thread until it has ended
  std::thread thread_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_HEALTH_WATCH_H_
