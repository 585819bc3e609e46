// SPDX-License-Identifier: Apache-2.0
//
// The reload thread survives whatever its tasks throw.
#include "service/reload/reload_thread.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <latch>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

namespace evalrun::reload {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Begins the next round at once.
void RequestReload() { kill(getpid(), SIGHUP); }

class ReloadThreadTest : public ::testing::Test {
 protected:
  ReloadThreadTest() { BlockReloadSignal(); }

  std::ostringstream output_;  // read when the thread has ended
  observability::EventLog events_{[this] {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(output_);
    sink->set_pattern("%v");
    return std::make_shared<spdlog::logger>("events", sink);
  }()};
};

TEST_F(ReloadThreadTest, ExceptionOfATaskIsReportedOnceAndStopsNoOtherTask) {
  constexpr int kRounds = 3;
  std::latch rounds(kRounds);
  int failures = 0;
  int calls = 0;
  {
    const ReloadThread thread(&events_, {[&](bool) {
                                           if (++failures % 2 == 0) throw 1;
                                           throw std::bad_alloc();
                                         },
                                         [&](bool) {
                                           RequestReload();
                                           if (++calls <= kRounds) rounds.count_down();
                                         }});
    rounds.wait();
  }
  EXPECT_GE(failures, kRounds);
  EXPECT_GE(calls, kRounds);
  EXPECT_THAT(output_.str(), HasSubstr(R"("reload_thread_error","reason":"std::bad_alloc")"));
  EXPECT_THAT(output_.str(), Not(HasSubstr("unknown exception"))) << "only the first in a row";
}

TEST_F(ReloadThreadTest, ExceptionAfterASuccessIsReportedAgain) {
  std::latch rounds(3);
  int calls = 0;
  {
    const ReloadThread thread(&events_, {[&](bool) {
      RequestReload();
      const int call = ++calls;
      if (call <= 3) rounds.count_down();
      if (call == 1) throw std::runtime_error("first");
      if (call == 3) throw std::runtime_error("third");
    }});
    rounds.wait();
  }
  EXPECT_THAT(output_.str(), HasSubstr("first"));
  EXPECT_THAT(output_.str(), HasSubstr("third"));
}

// A file system that does not respond must not keep the process from ending.
TEST_F(ReloadThreadTest, StopDoesNotWaitForATaskThatHangs) {
  std::latch begun(1);
  std::latch release(1);
  ReloadThread thread(&events_, {[&](bool) {
    begun.count_down();
    release.wait();
  }});
  RequestReload();
  begun.wait();
  EXPECT_FALSE(thread.Stop(std::chrono::milliseconds(1)));
  release.count_down();
  EXPECT_TRUE(thread.Stop(std::chrono::seconds(20)));
}

TEST_F(ReloadThreadTest, StopCallsNoOtherTask) {
  std::latch begun(1);
  std::latch release(1);
  int later = 0;
  ReloadThread thread(&events_, {[&](bool) {
                                   begun.count_down();
                                   release.wait();
                                 },
                                 [&](bool) { ++later; }});
  RequestReload();
  begun.wait();
  EXPECT_FALSE(thread.Stop(std::chrono::milliseconds(1)));
  release.count_down();
  EXPECT_TRUE(thread.Stop(std::chrono::seconds(20)));
  EXPECT_EQ(later, 0);
}

}  // namespace
}  // namespace evalrun::reload
