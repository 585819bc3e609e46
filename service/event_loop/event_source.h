// SPDX-License-Identifier: Apache-2.0
//
// File: event_source.h
//
// What the event loop serves in each iteration, besides gRPC's completions: the HTTP client.
#ifndef EVALRUN_SERVICE_EVENT_LOOP_EVENT_SOURCE_H_
#define EVALRUN_SERVICE_EVENT_LOOP_EVENT_SOURCE_H_

#include <chrono>
#include <cstddef>
#include <optional>

namespace evalrun::event_loop {

// All functions are called on the loop's thread.
class EventSource {
 public:
  // Readable when Poll() has something to find. Constant.
  [[nodiscard]] virtual int poll_fd() const = 0;
  // Finds what is ready, without waiting; returns how much.
  virtual std::size_t Poll() = 0;
  // Serves what Poll() found, and the timers that are due. True when anything was done.
  virtual bool RunReady() = 0;
  // When RunReady() must be called although poll_fd() is quiet; empty: never.
  [[nodiscard]] virtual std::optional<std::chrono::steady_clock::time_point> NextWakeUp() const = 0;

 protected:
  ~EventSource() = default;
};

// A socket that the loop watches.
class SocketObserver {
 public:
  virtual void OnReadable() = 0;

 protected:
  ~SocketObserver() = default;
};

}  // namespace evalrun::event_loop

#endif  // EVALRUN_SERVICE_EVENT_LOOP_EVENT_SOURCE_H_
