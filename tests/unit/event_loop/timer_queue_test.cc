// SPDX-License-Identifier: Apache-2.0
//
// Timers come due in order, once, and not after they were cancelled.
#include "service/event_loop/timer_queue.h"

#include <string>

#include <gtest/gtest.h>

namespace evalrun::event_loop {
namespace {

using namespace std::chrono_literals;

class Recorder final : public TimerObserver {
 public:
  Recorder(char name, std::string* log) : name_(name), log_(log) {}
  void OnTimer() override { *log_ += name_; }

 private:
  char name_;
  std::string* log_;
};

TEST(TimerQueueTest, RunsDueTimersInOrder) {
  std::string log;
  Recorder a('a', &log), b('b', &log), c('c', &log);
  const TimerQueue::TimePoint start;
  TimerQueue timers;
  EXPECT_FALSE(timers.next().has_value());
  timers.Add(start + 30ms, &c);
  timers.Add(start + 10ms, &a);
  const auto cancelled = timers.Add(start + 20ms, &b);
  EXPECT_EQ(timers.next(), start + 10ms);
  EXPECT_FALSE(timers.RunDue(start + 9ms));
  EXPECT_EQ(log, "");
  timers.Cancel(cancelled);
  EXPECT_TRUE(timers.RunDue(start + 30ms));
  EXPECT_EQ(log, "ac");
  EXPECT_FALSE(timers.RunDue(start + 1h)) << "once";
}

}  // namespace
}  // namespace evalrun::event_loop
