// SPDX-License-Identifier: Apache-2.0
//
// File: shard.h
//
// One libcurl multi handle with its timer: a bounded number of transfers and the connections they
// reuse.
#ifndef EVALRUN_REST_BACKEND_HTTP_SHARD_H_
#define EVALRUN_REST_BACKEND_HTTP_SHARD_H_

#include <chrono>
#include <cstddef>
#include <optional>

#include <curl/curl.h>

#include "rest_backend/http/curl_handle.h"
#include "rest_backend/http/socket_poll.h"

namespace evalrun::http {

// Not thread-safe; lives as long as libcurl may call back, and so is neither copied nor moved.
class Shard {
 public:
  using Clock = std::chrono::steady_clock;

  // Largest number of transfers and of connections kept. Beyond about this many, libcurl's search
  // for a free connection costs more than another shard.
  static constexpr std::size_t kCapacity = 64;

  // Keeps at most `max_connections` for reuse.
  Shard(SocketPoll* poll, std::size_t max_connections);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // False: libcurl could not start the transfer (no memory), which is not added.
  [[nodiscard]] bool Add(CURL* easy);
  void Remove(CURL* easy);
  [[nodiscard]] bool HasCapacity() const { return active_ < kCapacity; }

  // Lets libcurl handle one socket, or its timers if they are due. True when they were.
  void OnSocket(int fd, int curl_events);
  bool OnTimer(Clock::time_point now);

  // No transfer that begins later uses that connection.
  void OnIdleConnectionEnded();

  // The next finished transfer, if any: its handle, for which Remove() must be called, and its
  // result.
  struct FinishedTransfer {
    CURL* easy;
    CURLcode code;
  };
  std::optional<FinishedTransfer> NextFinishedTransfer();

  // When OnTimer() is due.
  [[nodiscard]] std::optional<Clock::time_point> timer() const { return timer_; }
  // Since when no transfer has been active; empty while one is.
  [[nodiscard]] std::optional<Clock::time_point> idle_since() const { return idle_since_; }

 private:
  SocketPoll* poll_;
  MultiHandle multi_;
  std::size_t active_ = 0;
  std::optional<Clock::time_point> timer_;
  std::optional<Clock::time_point> idle_since_;
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_SHARD_H_
