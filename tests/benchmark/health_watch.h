// File: health_watch.h
//
// Asks a gateway how it is, again and again, while others load it.
#ifndef EVALRUN_TESTS_BENCHMARK_HEALTH_WATCH_H_
#define EVALRUN_TESTS_BENCHMARK_HEALTH_WATCH_H_

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/support/gateway_process.h"
#include "tests/support/latch.h"

namespace evalrun::testing {

class HealthWatch {
 public:
  // The longest that each took, in the callers' view, and how many were not answered as they
  // should.
  struct Stats {
    std::chrono::milliseconds healthz{0};
    std::chrono::milliseconds metrics{0};
    std::chrono::milliseconds check{0};  // grpc.health.v1.Health/Check
    long peak_resident_kib = 0;          // of the gateway, between two looks
    int asked = 0;
    int failed = 0;
  };

  // Begins to ask, ten times a second at most. `gateway` outlives it.
  explicit HealthWatch(const GatewayProcess* gateway);
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;
  ~HealthWatch();

  // Ends it.
  Stats Stop();

 private:
  void Run();

  const GatewayProcess& gateway_;
  Latch stop_;
  Stats stats_;  // of the thread, until it has ended
  std::thread thread_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_HEALTH_WATCH_H_
