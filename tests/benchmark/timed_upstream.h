// SPDX-License-Identifier: Apache-2.0
//
// File: timed_upstream.h
//
// An upstream for load tests that responds to each request after a delay, with one thread for all
// connections. It neither evaluates nor records deletions; it responds to each GET with an empty
// list of eval runs. For tests of behaviour use tests/support/scripted_upstream.h.
#ifndef EVALRUN_TESTS_BENCHMARK_TIMED_UPSTREAM_H_
#define EVALRUN_TESTS_BENCHMARK_TIMED_UPSTREAM_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "tests/support/latch.h"

namespace evalrun::testing {

struct TimedReply {
  enum class After { kKeep, kClose, kReset };
  std::string bytes;  // may be empty
  std::chrono::microseconds delay{0};
  After after = After::kKeep;
};

class TimedUpstream {
 public:
  // `reply` is called for each deletion with its number, from 0, on the upstream's thread. Throws
  // std::system_error if it cannot listen.
  explicit TimedUpstream(std::function<TimedReply(std::uint64_t number)> reply);
  TimedUpstream(const TimedUpstream&) = delete;
  TimedUpstream& operator=(const TimedUpstream&) = delete;
  ~TimedUpstream();

  // `http://127.0.0.1:PORT/v2`
  [[nodiscard]] std::string url() const;
  // Thread-safe.
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Connection {
    std::uint64_t number = 0;
    std::string unread;
  };
  struct ScheduledReply {
    Clock::time_point when;
    int fd;
    std::uint64_t connection;  // its number, because the descriptor may have been reused
    TimedReply reply;
    bool operator>(const ScheduledReply& other) const { return when > other.when; }
  };

  void Run();
  void Accept();
  void Read(int fd);
  void Reply(const ScheduledReply& due);
  void Close(int fd);

  const std::function<TimedReply(std::uint64_t)> reply_;
  Latch stop_;
  int listener_ = -1;
  int epoll_fd_ = -1;
  std::atomic<std::uint64_t> requests_{0};
  // Used by the thread only.
  std::uint64_t accepted_ = 0;
  std::unordered_map<int, Connection> connections_;  // by descriptor
  std::priority_queue<ScheduledReply, std::vector<ScheduledReply>, std::greater<>> scheduled_;
  std::thread thread_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_BENCHMARK_TIMED_UPSTREAM_H_
