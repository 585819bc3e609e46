// SPDX-License-Identifier: Apache-2.0

#include "service/observability/periodic_thread.h"

#include <semaphore>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using namespace std::chrono_literals;

TEST(PeriodicThreadTest, CallsTheTaskByItselfAndOnRequest) {
  std::counting_semaphore<> by_itself{0};
  std::counting_semaphore<> on_request{0};
  PeriodicThread thread(
      [&](bool requested) { requested ? on_request.release() : by_itself.release(); });
  by_itself.acquire();
  thread.Request();
  on_request.acquire();
  by_itself.acquire();
  EXPECT_TRUE(thread.Stop(1min));
  EXPECT_FALSE(on_request.try_acquire()) << "one call for each request";
}

TEST(PeriodicThreadTest, ARequestIsRepeatedAfterAnException) {
  std::counting_semaphore<> on_request{0};
  PeriodicThread thread([&, failed = false](bool requested) mutable {
    if (!requested) return;
    on_request.release();
    if (!std::exchange(failed, true)) throw std::runtime_error("no memory");
  });
  thread.Request();
  on_request.acquire();
  on_request.acquire();
  EXPECT_TRUE(thread.Stop(1min));
  EXPECT_FALSE(on_request.try_acquire());
}

TEST(PeriodicThreadTest, StopDoesNotWaitForATaskThatHangs) {
  std::binary_semaphore begun{0};
  std::binary_semaphore may_end{0};
  PeriodicThread thread([&](bool /*requested*/) {
    begun.release();
    may_end.acquire();
  });
  thread.Request();
  begun.acquire();
  EXPECT_FALSE(thread.Stop(1ms));
  may_end.release();
}

}  // namespace
}  // namespace evalrun::observability
