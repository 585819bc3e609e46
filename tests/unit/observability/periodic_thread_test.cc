// SPDX-License-Identifier: Apache-2.0

#include "service/observability/periodic_thread.h"

#include <semaphore>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::observability {
namespace {

using namespace std::chrono_literals;

TEST(PeriodicThreadTest, CallsTheTaskByItselfAndOnRequestWhateverItThrows) {
  std::counting_semaphore<> called{0};
  std::vector<bool> calls;
  PeriodicThread thread([&](bool requested) {
    calls.push_back(requested);
    called.release();
    throw std::runtime_error("no memory");
  });
  called.acquire();  // after a second
  thread.Request();
  called.acquire();
  called.acquire();
  EXPECT_TRUE(thread.Stop(1min));
  EXPECT_THAT(calls, testing::ElementsAre(false, true, false));
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
